use plugin_api::{Model, Node, NodeSpec, Record, Result, Run};

use crate::fit;
use crate::tile::{self, Job};

/// A picture as a latent.
pub struct EncodeImage;

impl Node for EncodeImage {
    fn spec() -> NodeSpec {
        NodeSpec::new("EncodeImage", "latent", "Turns pictures into a latent, the start of image to image.")
            .link("vae", "VAE", "From LoadModel or LoadVae.")
            .link("image", "IMAGE", "Pictures of any size.")
            .param("fit", fit::param(), fit::HELP)
            .param("tile", tile::param(), tile::HELP)
            .output("latent", "LATENT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let vae: Model = inputs.get("vae")?;
        let (image, note) = fit::fitted(&inputs.get("image")?, &inputs.get::<String>("fit")?)?;
        if let Some(note) = note {
            run.note(&note);
        }
        let [count, height, width, _] = image.dims("the image")?;
        let vae = vae.open(run, &Record::new())?;
        let job = Job { vae: &vae, method: "encode", count, size: [height, width] };
        let tile = job.side(run, &inputs.get::<String>("tile")?)?;
        let samples = vae.call_tensor("encode", &Record::new().with("image", image).with("tile", tile))?;
        Ok(Record::new().with("latent", Record::new().with("samples", samples)))
    }
}
