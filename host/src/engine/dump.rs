//! `--dump`: an output as float32 safetensors, so that two programs can be compared number by number.

use std::collections::BTreeMap;
use std::path::Path;

use mlx_rs::Array;
use plugin_api::{Dtype, Error, ErrorKind, Result};
use safetensors::tensor::TensorView;

use crate::atomic;
use crate::error::io_cause;
use crate::table::{Value, to_bytes};

/// A tensor under the output's name, a record's tensors under their keys, a model's weights under their names.
pub fn write(value: &Value, output: &str, file: &Path) -> Result<()> {
    let tensors = collect(value, output)?;
    if tensors.is_empty() {
        return Err(Error::invalid(format!("`{output}` holds no tensor to dump")).help("dump an output that holds one"));
    }
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        view.map(|view| (name, view)).map_err(|error| Error::failed(format!("`{name}` cannot be dumped: {error}")))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let bytes = safetensors::serialize(views, None).map_err(|error| Error::failed(error.to_string()))?;
    atomic::replace(file, &bytes).map_err(|error| {
        Error::new(ErrorKind::Output, format!("{} was not written: {}", file.display(), io_cause(&error)))
    })
}

type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn collect(value: &Value, output: &str) -> Result<Tensors> {
    let of = |array: &Array| -> Result<(Vec<usize>, Vec<u8>)> {
        Ok((array.shape().iter().map(|&n| n as usize).collect(), to_bytes(array, Dtype::Float32)?))
    };
    let mut tensors = Tensors::new();
    match value {
        Value::Tensor(tensor) => drop(tensors.insert(output.to_owned(), of(tensor.array()?)?)),
        Value::Record(entries) => {
            for (key, value) in entries.iter() {
                if let Value::Tensor(tensor) = value {
                    tensors.insert(key.clone(), of(tensor.array()?)?);
                }
            }
        }
        Value::Model(model) => {
            for entry in model.weights.entries() {
                tensors.insert(entry.name.clone(), of(&model.weights.exact(&entry.name)?)?);
            }
        }
        _ => {}
    }
    Ok(tensors)
}
