use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, Tensor};

use crate::merge::{self, Merge};
use crate::numbers;
use crate::source::Source;

/// `A + alpha · (B − C)`: what B learned since C, put on A.
pub struct AddDifference;

impl Node for AddDifference {
    fn spec() -> NodeSpec {
        let spec = NodeSpec::new("AddDifference", "merge", "Adds what b has more than c to a: a + alpha · (b - c).")
            .link("a", "MODEL", "With its LoRAs and earlier merges.")
            .link("b", "MODEL", "A model that was trained on from c.")
            .link("c", "MODEL", "What b was before.")
            .param("alpha", InputKind::float(1.0, (0.0, 2.0), 0.05), "How much of the difference is added.");
        merge::describe(spec)
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let alpha: f64 = inputs.get("alpha")?;
        let others = [(Source::linked(inputs, "b")?, alpha), (Source::linked(inputs, "c")?, -alpha)];
        let sources = others.clone().map(|(source, _)| source);
        let mut merge = Merge::of(run, inputs, "a", &sources)?;
        for info in merge.tensors().into_iter().filter(|_| alpha != 0.0) {
            let [b, c] = sources.clone().map(|source| source.weights);
            merge.change(info, move |a, name| sum(vec![a.clone(), b.exact(name), c.exact(name)], alpha))?;
        }
        merge.finish(run, &merge::told("AddDifference", &others))
    }
}

fn sum(tensors: Vec<Tensor>, alpha: f64) -> Result<Tensor> {
    numbers::by_piece(tensors, |pieces, out| {
        let [a, b, c] = pieces else { return };
        for (index, out) in out.iter_mut().enumerate() {
            *out = f64::from(a[index]) + alpha * (f64::from(b[index]) - f64::from(c[index]));
        }
    })
}
