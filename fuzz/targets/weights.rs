//! Files of weights, up to what they say of their tensors.

use weft_formats::gguf;
use weft_formats::lora::{self, Layout, Metadata, Targets};
use weft_formats::pickle;
use weft_formats::source::Source;
use weft_formats::{Dtype, Tensor};

/// Numbers of one tensor that are read at most.
const MOST: usize = 1 << 16;

/// A file of weights of whatever kind its first bytes say: each of its tensors lies in it.
pub fn safetensors(data: &[u8]) {
    super::in_a_file(data, |path| {
        let Ok(weights) = weft::weights::open(path) else { return };
        for entry in weights.entries() {
            drop(weights.bytes_of(&entry.name).map(|bytes| assert!(bytes.len() <= data.len() * 16)));
        }
    });
}

pub fn gguf(data: &[u8]) {
    let Ok(header) = gguf::read(data) else { return };
    for tensor in header.tensors {
        let numbers = data.read(tensor.start, tensor.bytes).expect("tensors lie in the file");
        if let Some(packing) = gguf::Packing::named(tensor.dtype).filter(|_| numbers.len() < MOST) {
            drop(gguf::unpack(packing, &numbers));
        }
    }
}

pub fn pth(data: &[u8]) {
    let Ok(tensors) = pickle::tensors(data) else { return };
    for tensor in tensors {
        let numbers = data.read(tensor.start, tensor.bytes).expect("tensors lie in the file");
        let count: usize = tensor.shape.iter().product();
        let width = tensor.dtype.trim_start_matches(char::is_alphabetic).parse().map_or(1, |bits: usize| bits / 8);
        if let Some(strides) = tensor.strides.as_ref().filter(|_| count < MOST) {
            assert_eq!(pickle::gather(&numbers, width, &tensor.shape, strides).len(), count * width);
        }
    }
}

/// The header of a LoRA as JSON: what its keys mean to a model that it was trained for and to one that it was not.
pub fn lora(data: &[u8]) {
    let Some((tensors, metadata)) = header(data) else { return };
    drop(lora::about(&metadata));
    for targets in [Targets::of_any_z_image(&tensors), Targets::of(&tensors, None)] {
        let fit = lora::fit(&tensors, &metadata, &targets);
        drop(lora::summary(&tensors, &fit));
    }
    let mut read = |name: &str| zeros(&tensors, name).ok_or("too large");
    for layout in Layout::ALL {
        drop(lora::convert(&tensors, &metadata, &mut read, layout));
    }
}

/// `{"name": {"dtype": "F32", "shape": [2, 3]}, "__metadata__": {"key": "text"}}`
fn header(data: &[u8]) -> Option<(Vec<Tensor>, Metadata)> {
    let serde_json::Value::Object(mut header) = serde_json::from_slice(data).ok()? else { return None };
    let metadata = header.remove("__metadata__").and_then(|metadata| serde_json::from_value(metadata).ok());
    let tensor = |(name, about): (String, serde_json::Value)| {
        let dtype = Dtype::named(about.get("dtype")?.as_str()?);
        Some(Tensor { name, dtype, shape: serde_json::from_value(about.get("shape")?.clone()).ok()? })
    };
    Some((header.into_iter().filter_map(tensor).collect(), metadata.unwrap_or_default()))
}

fn zeros(tensors: &[Tensor], name: &str) -> Option<Vec<u8>> {
    let tensor = tensors.iter().find(|tensor| tensor.name == name)?;
    let count = tensor.shape.iter().try_fold(1usize, |count, side| count.checked_mul(*side))?;
    (count < MOST).then(|| vec![0; count * tensor.dtype.bytes().unwrap_or(1)])
}
