//! One GGUF file.

use std::rc::Rc;

use plugin_api::{Dtype, Error, ErrorKind, Result};
use weft_formats::gguf::{self, Packing, Stored};

use super::coding::Coding;
use super::file::File;
use super::{Entry, dtype};
use crate::limits;

/// The file's tensors.
pub fn entries(mut file: File) -> Result<Vec<Entry>> {
    let header = gguf::read(&file).map_err(|refusal| file.refused(refusal))?;
    if header.tensors.len() > limits::TENSORS {
        let what = format!("{file} has over {} tensors", limits::TENSORS);
        return Err(Error::new(ErrorKind::Limit, what).help("no model of this kind has so many; download it again"));
    }
    file.metadata = header.metadata.into_iter().collect();
    let file = Rc::new(file);
    header.tensors.into_iter().map(|tensor| entry(&file, tensor)).collect()
}

fn entry(file: &Rc<File>, tensor: Stored) -> Result<Entry> {
    let shape: Option<Vec<i32>> = tensor.shape.iter().map(|&side| i32::try_from(side).ok()).collect();
    let packing = Packing::named(tensor.dtype);
    let too_large = || Error::file(format!("the shape of `{}` in {file} is too large", tensor.name));
    Ok(Entry {
        shape: shape.ok_or_else(too_large)?,
        name: tensor.name,
        dtype: if packing.is_some() { Some(Dtype::Float32) } else { dtype::read_as(tensor.dtype) },
        stored: tensor.dtype.to_owned(),
        coding: packing.map_or(Coding::Plain, Coding::Blocks),
        file: Rc::clone(file),
        start: tensor.start,
        bytes: tensor.bytes,
        strides: None,
    })
}
