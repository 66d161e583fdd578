use plugin_api::{Error, Model, Node, NodeSpec, Record, Result, Run, Tensor};

use crate::tile;

/// Both sides of a picture are multiples of it: 8 pixels a latent number, 2 numbers a token of the transformer.
const MULTIPLE: i32 = 16;

/// A picture as a latent.
pub struct EncodeImage;

impl Node for EncodeImage {
    fn spec() -> NodeSpec {
        NodeSpec::new("EncodeImage", "latent", "Turns pictures into a latent, the start of image to image.")
            .link("vae", "VAE", "From LoadModel or LoadVae.")
            .link("image", "IMAGE", "Pictures with sides that are multiples of 16.")
            .param("tile", tile::param(), tile::HELP)
            .output("latent", "LATENT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let vae: Model = inputs.get("vae")?;
        let image: Tensor = inputs.get("image")?;
        let [_, height, width, _] = image.dims("the image")?;
        check_size(width, height)?;
        let tile = tile::side(&inputs.get::<String>("tile")?, width, height)?;
        let args = Record::new().with("image", image).with("tile", tile);
        let samples = vae.open(run, &Record::new())?.call_tensor("encode", &args)?;
        Ok(Record::new().with("latent", Record::new().with("samples", samples)))
    }
}

/// Nothing is cropped or scaled in silence: which of the two is right depends on the picture.
fn check_size(width: i32, height: i32) -> Result<()> {
    if width % MULTIPLE == 0 && height % MULTIPLE == 0 {
        return Ok(());
    }
    Err(Error::invalid(format!("the picture is {width}×{height} pixels, but both sides must be multiples of 16"))
        .help(format!("crop or scale it, for example to {}×{}", nearest(width), nearest(height))))
}

fn nearest(side: i32) -> i32 {
    ((side + MULTIPLE / 2) / MULTIPLE).max(1) * MULTIPLE
}

#[cfg(test)]
mod tests {
    use super::{check_size, nearest};

    #[test]
    fn a_wrong_size_is_refused_with_the_nearest_right_one() {
        assert_eq!(check_size(128, 1040), Ok(()));
        let error = check_size(1000, 5).unwrap_err();
        assert_eq!(error.help, "crop or scale it, for example to 1008×16");
        assert_eq!((nearest(24), nearest(23)), (32, 16));
    }
}
