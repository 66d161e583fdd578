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
        let mut others = vec![(Source::linked(inputs, "b")?, inputs.get("alpha")?)];
        others.extend(rows::active(inputs)?);
        let sources: Vec<Source> = others.iter().map(|(source, _)| source.clone()).collect();
        let mut merge = Merge::of(run, inputs, "a", &sources)?;
        for info in merge.tensors() {
            merge.mix(info, &others)?;
        }
        merge.finish(run, &merge::told("WeightedSum", &others))
    }
}

const ROWS_HELP: &str = "More models, one after the other: each takes its weight of the sum so far.";
