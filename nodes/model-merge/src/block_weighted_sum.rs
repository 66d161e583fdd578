use std::collections::BTreeMap;

use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, TensorInfo};

use crate::blocks::{self, Block};
use crate::merge::{self, Merge};
use crate::source::Source;

/// [`crate::weighted_sum::WeightedSum`] with a share for each part of the network.
pub struct BlockWeightedSum;

impl Node for BlockWeightedSum {
    fn spec() -> NodeSpec {
        let share = || InputKind::float(0.5, (0.0, 1.0), 0.05);
        let spec =
            NodeSpec::new("BlockWeightedSum", "merge", "Mixes two models, part by part: (1 - share) · a + share · b.")
                .link("a", "MODEL", "With its LoRAs and earlier merges.")
                .link("b", "MODEL", "Of the same family and size.")
                .param("layers", InputKind::text("0.5"), LAYERS_HELP)
                .param("embedders", share(), "The share of b in what reads patches, text and time.")
                .param("noise_refiner", share(), "The share of b in the layers that see the picture alone.")
                .param("context_refiner", share(), "The share of b in the layers that see the text alone.")
                .param("final", share(), "The share of b in the last step, which makes patches again.");
        merge::describe(spec)
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let b = Source::linked(inputs, "b")?;
        let mut merge = Merge::of(run, inputs, "a", std::slice::from_ref(&b))?;
        let tensors = merge.tensors();
        let shares = Shares::of(inputs, &tensors)?;
        let told = merge::told("BlockWeightedSum", &[(b.clone(), 1.0)]).with("shares", shares.told());
        for info in tensors {
            let share = shares.of_tensor(&info.name);
            merge.mix(info, &[(b.clone(), share)])?;
        }
        merge.finish(run, &told)
    }
}

/// The share of b in each part.
struct Shares {
    named: BTreeMap<&'static str, f64>,
    layers: Vec<f64>,
}

impl Shares {
    fn of(inputs: &Record, tensors: &[TensorInfo]) -> Result<Self> {
        let number = |info: &TensorInfo| if let Block::Layer(number) = Block::of(&info.name) { number + 1 } else { 0 };
        let count = tensors.iter().map(number).max().unwrap_or(0);
        let layers = blocks::layers(&inputs.get::<String>("layers")?, count)?;
        let parts = ["embedders", "noise_refiner", "context_refiner", "final"];
        let named = parts.into_iter().map(|part| Ok((part, inputs.get(part)?))).collect::<Result<_>>()?;
        Ok(Self { named, layers })
    }

    fn of_tensor(&self, name: &str) -> f64 {
        match Block::of(name) {
            Block::Embedders => self.named["embedders"],
            Block::NoiseRefiner => self.named["noise_refiner"],
            Block::ContextRefiner => self.named["context_refiner"],
            Block::Final => self.named["final"],
            Block::Layer(number) => self.layers[number],
        }
    }

    fn told(&self) -> Record {
        let layers = self.layers.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        let all = self.named.iter().fold(Record::new(), |told, (part, share)| told.with(part, *share));
        all.with("layers", layers)
    }
}

const LAYERS_HELP: &str = "The share of b in the main layers: one number for all, or ranges such as 0-9: 0.3, 10-29: 0.7. Layers \
    that no range names stay those of a.";
