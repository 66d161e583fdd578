//! One file that `torch.save` wrote, read as data: nothing in it is ever executed.

use std::rc::Rc;

use plugin_api::{Error, ErrorKind, Result};
use weft_formats::pickle::{self, Stored};

use super::file::File;
use super::{Entry, dtype};
use crate::limits;

/// The file's tensors.
pub fn entries(file: File) -> Result<Vec<Entry>> {
    let tensors = pickle::tensors(&file).map_err(|refusal| file.refused(refusal))?;
    if tensors.len() > limits::TENSORS {
        let what = format!("{file} has over {} tensors", limits::TENSORS);
        return Err(Error::new(ErrorKind::Limit, what).help("no model of this kind has so many; download it again"));
    }
    let file = Rc::new(file);
    tensors.into_iter().map(|tensor| entry(&file, tensor)).collect()
}

fn entry(file: &Rc<File>, tensor: Stored) -> Result<Entry> {
    let shape: Option<Vec<i32>> = tensor.shape.iter().map(|&side| i32::try_from(side).ok()).collect();
    let too_large = || Error::file(format!("the shape of `{}` in {file} is too large", tensor.name));
    Ok(Entry {
        shape: shape.ok_or_else(too_large)?,
        name: tensor.name,
        dtype: dtype::named(tensor.dtype),
        stored: tensor.dtype.to_owned(),
        file: Rc::clone(file),
        start: tensor.start,
        bytes: tensor.bytes,
        strides: tensor.strides,
    })
}
