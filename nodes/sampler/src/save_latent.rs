use plugin_api::{Error, ErrorKind, InputKind, Node, NodeSpec, Record, Result, Run};
use safetensors::tensor::{Dtype, TensorView};

use crate::latent;

/// A latent in a file, to go on from later or to compare number by number.
pub struct SaveLatent;

impl Node for SaveLatent {
    fn spec() -> NodeSpec {
        NodeSpec::new("SaveLatent", "latent", "Writes a latent as safetensors: `samples`, float32 [n, 16, h, w].")
            .link("latent", "LATENT", "What to save.")
            .param("name", InputKind::text("latent"), "File name without ending, below the output folder.")
            .sink()
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let (samples, shape) = latent::samples(&inputs.get("latent")?, "the latent")?;
        let bytes = file(&samples.to_vec()?, shape)?;
        run.write(&inputs.get::<String>("name")?, "safetensors", &bytes)?;
        Ok(Record::new())
    }
}

fn file(numbers: &[f32], shape: [i32; 4]) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape.map(|side| side as usize).to_vec(), &bytes);
    let internal = |error| Error::new(ErrorKind::Internal, format!("the latent could not be written: {error}"));
    safetensors::serialize([("samples", view.map_err(internal)?)], None).map_err(internal)
}
