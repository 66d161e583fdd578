use plugin_api::{Node, NodeSpec, Record, Result, Run, Tensor};

use crate::{latent, mask};

/// Inpainting: which part of a latent's picture Sample makes anew.
pub struct SetNoiseMask;

impl Node for SetNoiseMask {
    fn spec() -> NodeSpec {
        NodeSpec::new("SetNoiseMask", "latent", "Inpainting: Sample makes the masked part anew and keeps the rest.")
            .link("latent", "LATENT", "The picture, from EncodeImage.")
            .link("mask", "MASK", "1 is made anew, 0 stays. Of any size; fewer masks than pictures are repeated.")
            .output("latent", "LATENT")
    }

    fn run(_: &Run, inputs: &Record) -> Result<Record> {
        let latent: Record = inputs.get("latent")?;
        latent::samples(&latent, "the latent")?;
        let mask: Tensor = inputs.get("mask")?;
        mask.dims::<3>("the mask")?;
        Ok(Record::new().with("latent", latent.with(mask::KEY, mask)))
    }
}
