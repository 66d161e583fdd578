//! One tensor of a file.

use std::rc::Rc;

use plugin_api::{Dtype, Error, Result, View};

use super::coding::{Affine, Coding};
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
    pub(super) coding: Coding,
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

    /// The same numbers with the axes in another order: axis i of it is what was axis `axes[i]`.
    ///
    /// # Errors
    /// Other axes than the tensor has, or one that is packed.
    pub(super) fn transpose(&self, axes: &[i32]) -> Result<Self> {
        let Self { name, shape, .. } = self;
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..shape.len() as i32) {
            return Err(Error::invalid(format!("{axes:?} is no order of the axes of `{name}` {shape:?}")));
        }
        let width = dtype::width(&self.stored).filter(|_| matches!(self.coding, Coding::Plain));
        let Some(width) = width else {
            return Err(Error::file(format!("`{name}` of {} is packed, and its axes stay as they are", self.file))
                .help("use the bfloat16 or float32 file of the model"));
        };
        let strides = self.strides.clone().unwrap_or_else(|| row_major(shape, width));
        let (shape, strides) = axes.iter().map(|&axis| (shape[axis as usize], strides[axis as usize])).unzip();
        Ok(Self { shape, strides: Some(strides), ..self.clone() })
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
        let rows = if view.first_row == 0 && count == all { None } else { view.shape.first().copied() };
        let coding = self.coding.rows(view.first_row, rows).ok_or_else(bad)??;
        let (start, bytes) = (self.start + start, size as usize);
        Ok(Self { name: view.name, shape: view.shape, coding, start, bytes, ..self.clone() })
    }
}

/// Bytes from one index of an axis to the next, where the numbers follow each other.
fn row_major(shape: &[i32], width: usize) -> Vec<usize> {
    let mut strides: Vec<usize> = shape
        .iter()
        .rev()
        .scan(width, |next, &side| {
            let stride = *next;
            *next = next.saturating_mul(side as usize);
            Some(stride)
        })
        .collect();
    strides.reverse();
    strides
}

impl Coding {
    /// That of so many rows from `first` on; of all, where `rows` is none. None where they are not there.
    fn rows(&self, first: usize, rows: Option<i32>) -> Option<Result<Self>> {
        let Some(rows) = rows else { return Some(Ok(self.clone())) };
        let last = first.checked_add(usize::try_from(rows).ok()?)?;
        Some(match self {
            Self::Scaled(scales) if scales.len() > 1 => Ok(Self::Scaled(scales.get(first..last)?.into())),
            Self::Affine(affine) => affine.rows(first, rows).map(|affine| Self::Affine(Rc::new(affine))),
            other => Ok(other.clone()),
        })
    }
}

impl Affine {
    fn rows(&self, first_row: usize, rows: i32) -> Result<Self> {
        let part = |entry: &Entry| {
            let shape = [&[rows], entry.shape.get(1..).unwrap_or_default()].concat();
            entry.rows(View { name: entry.name.clone(), of: entry.name.clone(), first_row, shape })
        };
        let (bits, group) = (self.bits, self.group);
        Ok(Self { scales: part(&self.scales)?, biases: part(&self.biases)?, bits, group })
    }
}

fn count(shape: &[i32]) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, side| product.checked_mul(u64::try_from(*side).ok()?))
}
