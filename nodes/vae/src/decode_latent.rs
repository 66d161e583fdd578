use plugin_api::{Model, Node, NodeSpec, Record, Result, Run, Tensor};

use crate::tile::{self, Job};

/// Pixels a latent number stands for, along each side.
const SCALE: i32 = 8;

/// A latent as a picture.
pub struct DecodeLatent;

impl Node for DecodeLatent {
    fn spec() -> NodeSpec {
        NodeSpec::new("DecodeLatent", "latent", "Turns a latent into pictures.")
            .link("vae", "VAE", "From LoadModel or LoadVae.")
            .link("latent", "LATENT", "What a sampler made.")
            .param("tile", tile::param(), tile::HELP)
            .output("image", "IMAGE")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let vae: Model = inputs.get("vae")?;
        let samples: Tensor = inputs.get::<Record>("latent")?.get("samples")?;
        let [count, _, height, width] = samples.dims("the latent")?;
        let vae = vae.open(run, &Record::new())?;
        let size = [height, width].map(|side| side.saturating_mul(SCALE));
        let job = Job { vae: &vae, method: "decode", count, size };
        let tile = job.side(run, &inputs.get::<String>("tile")?)?;
        let args = Record::new().with("latent", samples).with("tile", tile);
        let image = vae.call_tensor("decode", &args)?;
        Ok(Record::new().with("image", image))
    }
}
