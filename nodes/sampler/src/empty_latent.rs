use plugin_api::{Dtype, InputKind, Node, NodeSpec, Record, Result, Run, Tensor};

use crate::latent::{CHANNELS, SCALE};

/// Where a picture begins: its size, and how many of them.
pub struct EmptyLatent;

impl Node for EmptyLatent {
    fn spec() -> NodeSpec {
        let side = || InputKind::int(1024, (16, 8192)).soft(256, 2048).multiple(16);
        NodeSpec::new("EmptyLatent", "latent", "An empty latent: the size of the pictures and their number.")
            .param("width", side(), "In pixels, a multiple of 16.")
            .param("height", side(), "In pixels, a multiple of 16.")
            .param("batch", InputKind::int(1, (1, 64)), "How many pictures; number i is drawn with seed + i.")
            .output("latent", "LATENT")
    }

    fn run(_: &Run, inputs: &Record) -> Result<Record> {
        let (width, height): (i32, i32) = (inputs.get("width")?, inputs.get("height")?);
        let shape = [inputs.get("batch")?, CHANNELS, height / SCALE, width / SCALE];
        let latent = Record::new().with("samples", Tensor::zeros(&shape, Dtype::Float32));
        Ok(Record::new().with("latent", latent))
    }
}
