//! Tensors as ranges of a file.

use super::Result;
use super::global::plain;
use super::value::Tensor;
use crate::source::Refusal;

/// A tensor and where its numbers lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    /// As a safetensors header names it: `F32`, `BF16`, `I64`.
    pub dtype: &'static str,
    pub shape: Vec<usize>,
    /// The first byte in the file.
    pub start: u64,
    /// How many bytes from there on hold all its numbers.
    pub bytes: usize,
    /// Bytes from one index of an axis to the next, where the numbers do not simply follow each other.
    pub strides: Option<Vec<usize>>,
}

impl Stored {
    /// `start` and `bytes` of the row of numbers that the tensor's storage is a part of.
    pub fn new(name: String, tensor: &Tensor, (start, bytes): (u64, u64)) -> Result<Self> {
        let number = tensor.storage.number;
        let bad = |why: &str| Refusal::damaged(format!("`{}` {why}", plain(&name)));
        let beyond = || bad("reaches beyond its storage");
        let first = tensor.storage.offset.checked_add(tensor.offset).ok_or_else(beyond)?;
        let (count, span) = extent(tensor).ok_or_else(|| bad("is too large"))?;
        let end = first.checked_add(span as u64).and_then(|end| end.checked_mul(number.bytes as u64));
        if end.is_none_or(|end| end > bytes) || tensor.offset + span as u64 > tensor.storage.count {
            return Err(beyond());
        }
        if count > span {
            return Err(bad("has the same numbers several times (an expanded tensor), which is not read"));
        }
        // What is never stepped along may say any stride.
        let bytes_of = |(side, stride): (&usize, &usize)| if *side > 1 { stride * number.bytes } else { 0 };
        let strides = tensor.shape.iter().zip(&tensor.strides).map(bytes_of).collect();
        Ok(Self {
            dtype: number.name,
            strides: (!is_contiguous(&tensor.shape, &tensor.strides)).then_some(strides),
            shape: tensor.shape.clone(),
            start: start + first * number.bytes as u64,
            bytes: span * number.bytes,
            name,
        })
    }
}

/// How many numbers a tensor has, and how many there are from its first in the storage to its last.
fn extent(tensor: &Tensor) -> Option<(usize, usize)> {
    let count = tensor.shape.iter().try_fold(1usize, |product, side| product.checked_mul(*side))?;
    if count == 0 {
        return Some((0, 0));
    }
    let steps = tensor.shape.iter().zip(&tensor.strides);
    let last = steps
        .map(|(side, stride)| (side - 1).checked_mul(*stride))
        .try_fold(0usize, |sum, step| sum.checked_add(step?));
    // In bytes, too, it has to be a size.
    let span = last?.checked_add(1)?;
    span.checked_mul(8)?;
    Some((count, span))
}

fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut next = 1;
    shape.contains(&0)
        || shape.iter().zip(strides).rev().all(|(side, stride)| {
            let fits = *side == 1 || *stride == next;
            next *= side;
            fits
        })
}

/// The numbers of `data` in the order of the axes: `width` bytes each, `strides` bytes from one index of an axis to the
/// next. Numbers beyond the data are left out.
pub fn gather(data: &[u8], width: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut index = vec![0; shape.len()];
    let mut gathered = Vec::with_capacity(count * width);
    for _ in 0..count {
        let at: usize = index.iter().zip(strides).map(|(index, stride)| index * stride).sum();
        gathered.extend_from_slice(data.get(at..at + width).unwrap_or_default());
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    gathered
}
