use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, Dtype, Error, Model, Record, Result, Role, Session, Tensor, Value, Weights};

use crate::decode_latent::DecodeLatent;
use crate::encode_image::EncodeImage;

/// Makes everything of the side of its tiles.
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
    testing::host();
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
    let samples = |shape: &[i32]| {
        let outputs = TestRun::new().run::<EncodeImage>(&vae().with("image", zeros(shape)))?;
        outputs.get::<Record>("latent")?.get::<Tensor>("samples")
    };
    assert_eq!(samples(&[1, 32, 64, 3]).unwrap().shape(), Ok(vec![1, 16, 4, 8]));
    assert!(samples(&[1, 32, 63, 3]).unwrap_err().help.contains("64×32"));
}
