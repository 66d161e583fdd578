use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, Dtype, Error, ErrorKind, Model, Record, Result, Role, Session, Tensor, Value, Weights};

use crate::decode_latent::DecodeLatent;
use crate::encode_image::EncodeImage;

/// Makes everything of the side of its tiles, and says that it needs 1000 bytes a pixel.
struct Flat;

impl Architecture for Flat {
    const ID: &'static str = "flat";
    const ROLE: Role = Role::Vae;

    fn detect(_: &Weights) -> bool {
        true
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, _: &Session, method: &str, args: &Record) -> Result<Value> {
        if method == "memory" {
            let pixels = args.get::<i64>("height")? * args.get::<i64>("width")?;
            return Ok((1000 * pixels).into());
        }
        let tile = args.get::<i64>("tile")? as f32;
        match method {
            "decode" => {
                let [count, _, height, width] = args.get::<Tensor>("latent")?.dims("latent")?;
                Ok(Tensor::full(&[count, height * 8, width * 8, 3], tile, Dtype::Float32).into())
            }
            "encode" => {
                let [count, height, width, _] = args.get::<Tensor>("image")?.dims("image")?;
                Ok(Tensor::full(&[count, 16, height / 8, width / 8], tile, Dtype::Float32).into())
            }
            _ => Err(Error::invalid(method)),
        }
    }
}

fn vae() -> Record {
    testing::architecture::<Flat>();
    testing::weights_file("flat", &[]);
    Record::new().with("vae", Model::new("flat", "", &Weights::open("flat").unwrap()).unwrap())
}

fn zeros(shape: &[i32]) -> Tensor {
    Tensor::zeros(shape, Dtype::Float32)
}

#[test]
fn latents_become_pictures() {
    let inputs = vae().with("latent", Record::new().with("samples", zeros(&[2, 16, 4, 6])));
    let image = |inputs: &Record| TestRun::new().run::<DecodeLatent>(inputs)?.get::<Tensor>("image");
    assert_eq!(image(&inputs).unwrap().shape(), Ok(vec![2, 32, 48, 3]));
    assert_eq!(image(&inputs).unwrap().max(&[], false).to_vec(), Ok(vec![0.0]));
    assert_eq!(image(&inputs.with("tile", "256")).unwrap().max(&[], false).to_vec(), Ok(vec![256.0]));
    assert!(image(&inputs.with("tile", "some")).is_err());
}

#[test]
fn pictures_become_latents() {
    for (size, fit, latent) in [
        ([32, 64], "pad", [4, 8]),
        ([1, 1], "pad", [2, 2]),
        ([7, 13], "pad", [2, 2]),
        ([400, 700], "pad", [50, 88]),
        ([400, 700], "crop", [50, 86]),
    ] {
        let run = TestRun::new();
        let image = zeros(&[1, size[0], size[1], 3]);
        let outputs = run.run::<EncodeImage>(&vae().with("image", image).with("fit", fit)).unwrap();
        let samples = outputs.get::<Record>("latent").unwrap().get::<Tensor>("samples").unwrap();
        assert_eq!(samples.shape(), Ok(vec![1, 16, latent[0], latent[1]]), "{size:?} {fit}");
        assert_eq!(run.notes.borrow().len(), usize::from(size != [32, 64]), "{size:?}");
    }
}

/// The side of the tiles that a picture of `side`² pixels is decoded in, and what the node says.
fn decoded(tile: &str, side: i32, free_memory: i64) -> Result<(f32, Vec<String>)> {
    let latent = Record::new().with("samples", zeros(&[1, 1, side / 8, side / 8]));
    let run = TestRun { free_memory: Some(free_memory), ..TestRun::new() };
    let image: Tensor = run.run::<DecodeLatent>(&vae().with("latent", latent).with("tile", tile))?.get("image")?;
    let notes = run.notes.take();
    Ok((image.narrow(1, 0, 1).narrow(2, 0, 1).max(&[], false).to_vec()?[0], notes))
}

/// Needs are 1000 bytes for a pixel of a tile and 48 for one of the picture; a fifth of what is free is left alone.
#[test]
fn auto_takes_the_largest_tiles_that_fit() {
    let pixels = |side: i64| side * side;
    assert_eq!(decoded("auto", 640, 10 << 30), Ok((0.0, vec![])));
    let enough = |tile, whole| (1000 * pixels(tile) + 48 * pixels(whole)) * 5 / 4 + 5;
    for tile in [512, 384, 256, 128] {
        let (side, notes) = decoded("auto", 640, enough(tile, 640)).unwrap();
        assert_eq!(side, tile as f32);
        assert!(notes[0].contains(&format!("{tile}×{tile}")) && notes[0].contains("GB"), "{notes:?}");
        assert_ne!(decoded("auto", 640, enough(tile, 640) - 10).map(|found| found.0), Ok(tile as f32));
    }
}

#[test]
fn what_cannot_fit_is_refused_with_numbers() {
    for (tile, free, part, needs) in [
        ("auto", 20 << 20, "in tiles of 128", "about 36.0 MB"),
        ("off", 300 << 20, "at once", "about 0.43 GB"),
        ("512", 200 << 20, "512", "about 0.28 GB"),
    ] {
        let error = decoded(tile, 640, free).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit);
        assert!(error.message.contains(part) && error.message.contains("640×640"), "{}", error.message);
        assert!(error.message.contains(needs) && !error.help.is_empty(), "{error:?}");
    }
    assert_eq!(decoded("512", 640, 1 << 30).unwrap().0, 512.0);
}

#[test]
fn any_other_tile_is_refused() {
    for tile in ["", "on", "-512", "100", "520", "1e3", "99999999999999999999"] {
        assert_eq!(decoded(tile, 128, i64::MAX).unwrap_err().kind, ErrorKind::Invalid, "{tile}");
    }
}
