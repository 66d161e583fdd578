use std::rc::Rc;

use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run};

use crate::merge::{self, Merge};
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
        let mut merge = Merge::of(run, inputs, "a", &others.clone().map(|(source, _)| source))?;
        let told = merge::told("AddDifference", &others);
        let others = Rc::new(others.map(|(source, share)| (source.weights, share)).into());
        for info in merge.tensors() {
            merge.blend(info, 1.0, &others)?;
        }
        merge.finish(run, &told)
    }
}
