//! Tensors with their bytes: cut, stacked and compared without touching a number.

use std::ops::Range;

use crate::Dtype;
use crate::float;

/// A tensor in row-major order, little-endian.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Data {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Data {
    pub(super) fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Numbers in a row.
    pub(super) fn columns(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Bytes of a number.
    fn width(&self) -> usize {
        self.bytes.len() / (self.rows() * self.columns()).max(1)
    }

    fn row_bytes(&self) -> std::slice::Chunks<'_, u8> {
        self.bytes.chunks((self.columns() * self.width()).max(1))
    }

    pub(super) fn row_range(&self, rows: Range<usize>) -> Self {
        let row = self.columns() * self.width();
        let mut shape = self.shape.clone();
        shape[0] = rows.len();
        Self { dtype: self.dtype, shape, bytes: self.bytes[rows.start * row..rows.end * row].to_vec() }
    }

    pub(super) fn column_range(&self, columns: Range<usize>) -> Self {
        let bytes = columns.start * self.width()..columns.end * self.width();
        let mut shape = self.shape.clone();
        shape[1] = columns.len();
        Self {
            dtype: self.dtype,
            shape,
            bytes: self.row_bytes().flat_map(|row| &row[bytes.clone()]).copied().collect(),
        }
    }

    pub(super) fn reshaped(mut self, shape: Vec<usize>) -> Self {
        self.shape = shape;
        self
    }

    /// All rows below each other. The types have to be one, and the columns.
    pub(super) fn stack(parts: &[Self]) -> Self {
        let mut shape = parts[0].shape.clone();
        shape[0] = parts.iter().map(Self::rows).sum();
        Self { dtype: parts[0].dtype, shape, bytes: parts.iter().flat_map(|part| &part.bytes).copied().collect() }
    }

    /// All columns next to each other, if the parts have the same rows and type.
    pub(super) fn beside(parts: &[&Self]) -> Option<Self> {
        let (first, rest) = parts.split_first()?;
        if rest.iter().any(|part| (part.rows(), part.dtype) != (first.rows(), first.dtype)) {
            return None;
        }
        let mut shape = first.shape.clone();
        shape[1] = parts.iter().map(|part| part.columns()).sum();
        let row = |row: usize| parts.iter().filter_map(move |part| part.row_bytes().nth(row)).flatten();
        Some(Self { dtype: first.dtype, shape, bytes: (0..first.rows()).flat_map(row).copied().collect() })
    }

    /// The blocks along the diagonal, with zeros around them. Where there is none, rows of zeros stand for it.
    pub(super) fn diagonal(blocks: &[(usize, Option<&Self>)]) -> Option<Self> {
        let first = blocks.iter().find_map(|(_, block)| *block)?;
        let all: usize = blocks.iter().filter_map(|(_, block)| Some((*block)?.columns())).sum();
        let (width, mut before, mut bytes) = (first.width(), 0, Vec::new());
        for (rows, block) in blocks {
            let columns = block.map_or(0, Self::columns);
            for row in 0..*rows {
                let start = bytes.len();
                bytes.resize(start + all * width, 0);
                if let Some(block) = block {
                    let own = &block.bytes[row * columns * width..(row + 1) * columns * width];
                    bytes[start + before * width..][..own.len()].copy_from_slice(own);
                }
            }
            before += columns;
        }
        let mut shape = first.shape.clone();
        (shape[0], shape[1]) = (blocks.iter().map(|(rows, _)| rows).sum(), all);
        Some(Self { dtype: first.dtype, shape, bytes })
    }

    /// Whether a number is zero, of either sign.
    pub(super) fn is_zero(&self, row: usize, column: usize) -> bool {
        let width = self.width();
        let number = &self.bytes[(row * self.columns() + column) * width..][..width];
        number.split_last().is_some_and(|(last, rest)| last & 0x7f == 0 && rest.iter().all(|byte| *byte == 0))
    }

    pub(super) fn values(&self) -> Vec<f64> {
        self.bytes.chunks(self.width().max(1)).map(|number| float::read(self.dtype, number)).collect()
    }

    /// The same numbers as float32 or float64, in which those of all other types are exact.
    pub(super) fn widened(&self, dtype: Dtype) -> Self {
        if dtype == self.dtype {
            return self.clone();
        }
        Self::of(dtype, self.shape.clone(), &self.values())
    }

    /// Numbers times a factor, computed in float64 and rounded to float32.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let values: Vec<_> = self.values().into_iter().map(|value| value * factor).collect();
        Self::of(Dtype::Float32, self.shape.clone(), &values)
    }

    fn of(dtype: Dtype, shape: Vec<usize>, values: &[f64]) -> Self {
        let bytes = match dtype {
            Dtype::Float64 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            _ => values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
        };
        let dtype = if dtype == Dtype::Float64 { dtype } else { Dtype::Float32 };
        Self { dtype, shape, bytes }
    }

    /// A single number, in the type of another if it is exact there, or else in float32, or else in float64. A float64
    /// that was needed for the other's sake alone is given up again.
    pub(super) fn number(value: f64, like: Option<&Self>) -> Self {
        // A value that came from a division and a multiplication may be off by its last bit.
        let value = if (short(value) - value).abs() <= 4.0 * f64::EPSILON * value.abs() { short(value) } else { value };
        let shape = like.map_or_else(Vec::new, |like| like.shape.clone());
        let needed =
            |like: &&Self| like.dtype != Dtype::Float64 || like.values().iter().all(|value| short(*value) == *value);
        match like.filter(needed).and_then(|like| Some((like.dtype, float::exact(like.dtype, value)?))) {
            Some((dtype, bytes)) => Self { dtype, shape, bytes },
            None => Self::of(if short(value) == value { Dtype::Float32 } else { Dtype::Float64 }, shape, &[value]),
        }
    }
}

fn short(value: f64) -> f64 {
    f64::from(value as f32)
}

/// The type that holds all parts' numbers.
pub(super) fn common(parts: &[&Data]) -> Dtype {
    match parts {
        [first, rest @ ..] if rest.iter().all(|part| part.dtype == first.dtype) => first.dtype,
        _ if parts.iter().any(|part| part.dtype == Dtype::Float64) => Dtype::Float64,
        _ => Dtype::Float32,
    }
}
