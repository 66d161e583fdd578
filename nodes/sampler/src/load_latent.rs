use plugin_api::{Dtype, Error, Folder, InputKind, Node, NodeSpec, Record, Result, Run, Tensor, Weights};

use crate::latent;

/// The keys that programs save a latent under; ours is the first.
const KEYS: [&str; 4] = ["samples", "latent", "latents", "latent_tensor"];

const ANOTHER: &str = "give a latent of this family: SaveLatent writes one";

/// A latent from a file.
pub struct LoadLatent;

impl Node for LoadLatent {
    fn spec() -> NodeSpec {
        let file = InputKind::file(Folder::Input).extensions(&["safetensors", "latent"]);
        NodeSpec::new("LoadLatent", "latent", "Reads a latent that SaveLatent or another program wrote.")
            .required_param("file", file, "A safetensors file with `samples`, float32 [n, 16, h, w].")
            .output("latent", "LATENT")
    }

    fn run(_: &Run, inputs: &Record) -> Result<Record> {
        let path: String = inputs.get("file")?;
        let samples = read(&Weights::open(&path)?).map_err(|error| error.about(&path))?;
        Ok(Record::new().with("latent", Record::new().with("samples", samples)))
    }
}

fn read(file: &Weights) -> Result<Tensor> {
    let key = KEYS.into_iter().find(|key| file.contains(key)).ok_or_else(|| no_latent(file))?;
    let found = file.shape(key)?;
    let shape = four_axes(&found).ok_or_else(|| {
        Error::file(format!("`{key}` has the shape {found:?}, but [n, 16, h, w] is needed")).help(ANOTHER)
    })?;
    latent::check_shape(shape, &format!("`{key}`")).map_err(|error| Error::file(error.message).help(ANOTHER))?;
    Ok(file.tensor(key).as_dtype(Dtype::Float32).reshape(&shape))
}

/// One picture may lack the first axis, and video models put an axis of one frame behind the channels.
fn four_axes(shape: &[i32]) -> Option<[i32; 4]> {
    match *shape {
        [channels, height, width] => Some([1, channels, height, width]),
        [count, channels, height, width] | [count, channels, 1, height, width] => {
            Some([count, channels, height, width])
        }
        _ => None,
    }
}

fn no_latent(file: &Weights) -> Error {
    let names: Vec<_> = file.list().into_iter().take(3).map(|tensor| tensor.name).collect();
    Error::file(format!("the file holds no latent: it has {}", names.join(", ")))
        .help("a latent stands under the key `samples`")
}
