use std::rc::Rc;

use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run};

use crate::merge::{self, Merge};
use crate::rows;
use crate::source::Source;

/// `(1 − alpha) · A + alpha · B`, then for each row `(1 − weight) · W + weight · row`.
pub struct WeightedSum;

impl Node for WeightedSum {
    fn spec() -> NodeSpec {
        let spec = NodeSpec::new("WeightedSum", "merge", "Mixes models: (1 - alpha) · a + alpha · b.")
            .link("a", "MODEL", "With its LoRAs and earlier merges.")
            .link("b", "MODEL", "Of the same family and size.")
            .param("alpha", InputKind::float(0.5, (0.0, 1.0), 0.05), "The share of b: 0 is a alone, 1 is b alone.")
            .param("rows", rows::kind(InputKind::float(0.5, (0.0, 1.0), 0.05)), ROWS_HELP);
        merge::describe(spec)
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let mut steps = vec![(Source::linked(inputs, "b")?, inputs.get("alpha")?)];
        steps.extend(rows::active(inputs)?);
        let (own, others) = shares(steps);
        let sources: Vec<Source> = others.iter().map(|(source, _)| source.clone()).collect();
        let mut merge = Merge::of(run, inputs, "a", &sources)?;
        let told = merge::told("WeightedSum", &others);
        let others = Rc::new(others.into_iter().map(|(source, share)| (source.weights, share)).collect());
        for info in merge.tensors() {
            merge.blend(info, own, &others)?;
        }
        merge.finish(run, &told)
    }
}

/// One step after the other as one sum: each takes of all before it what it adds. The first model's share, and the others'.
fn shares<T>(steps: Vec<(T, f64)>) -> (f64, Vec<(T, f64)>) {
    let mut left = 1.0;
    let mut shares = Vec::new();
    for (source, weight) in steps.into_iter().rev() {
        shares.push((source, weight * left));
        left *= 1.0 - weight;
    }
    shares.reverse();
    (left, shares)
}

const ROWS_HELP: &str = "More models, one after the other: each takes its weight of the sum so far.";
