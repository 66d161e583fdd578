//! One tensor of a file.

use std::rc::Rc;

use plugin_api::{Dtype, Error, Result, View};

use super::dtype;
use super::file::File;

/// One tensor and where its numbers lie.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub shape: Vec<i32>,
    /// None for a type that a model's tensors cannot have (float8, say).
    pub dtype: Option<Dtype>,
    /// The type in the file, by its name in safetensors.
    pub stored: String,
    pub(super) file: Rc<File>,
    pub(super) start: u64,
    pub(super) bytes: usize,
    /// Bytes from one index of an axis to the next, where the numbers do not simply follow each other.
    pub(super) strides: Option<Vec<usize>>,
}

impl Entry {
    /// The numbers in the order of the axes, as they stand in the file, little-endian.
    pub(super) fn numbers(&self) -> Result<Vec<u8>> {
        let data = self.file.numbers(self.start, self.bytes)?;
        let (Some(strides), Some(width)) = (&self.strides, dtype::width(&self.stored)) else { return Ok(data) };
        let shape: Vec<usize> = self.shape.iter().map(|side| *side as usize).collect();
        Ok(weft_formats::pickle::gather(&data, width, &shape, strides))
    }

    /// The rows that `view` means, which follow each other in the file.
    ///
    /// # Errors
    /// They are not there, or their numbers do not fill the view's shape.
    pub(super) fn rows(&self, view: View) -> Result<Self> {
        let Self { shape, file, .. } = self;
        if view.first_row == 0 && view.shape == *shape {
            return Ok(Self { name: view.name, ..self.clone() });
        }
        let bad = || {
            let what = format!("`{}` {:?} of {file} has no part `{}` {:?}", self.name, shape, view.name, view.shape);
            Error::file(what).help("the file may be of another model or damaged")
        };
        let (all, count) = (count(shape).ok_or_else(bad)?, count(&view.shape).ok_or_else(bad)?);
        let bytes = self.bytes as u64;
        // Both have to be whole: numbers of some types are packed in blocks.
        let part =
            |numbers: u64| numbers.checked_mul(bytes).filter(|size| all > 0 && size % all == 0).map(|size| size / all);
        let row = all / shape.first().map_or(1, |rows| *rows as u64).max(1);
        let first = (view.first_row as u64).checked_mul(row).ok_or_else(bad)?;
        let range =
            part(first).zip(part(count)).filter(|(start, size)| start + size <= bytes && self.strides.is_none());
        let (start, size) = range.ok_or_else(bad)?;
        Ok(Self { name: view.name, shape: view.shape, start: self.start + start, bytes: size as usize, ..self.clone() })
    }
}

fn count(shape: &[i32]) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, side| product.checked_mul(u64::try_from(*side).ok()?))
}
