//! How a file has a tensor's numbers, and what they are.

use std::rc::Rc;

use plugin_api::{Dtype, Error, Result};
use rayon::prelude::*;
use weft_formats::gguf::{self, Packing};

use super::{Entry, dtype, wide};

#[derive(Debug, Clone)]
pub enum Coding {
    /// Numbers of a tensor's types, or of one that is widened to float32.
    Plain,
    /// Float8, and the scale of all of it or of each row.
    Scaled(Rc<[f32]>),
    /// The blocks of a GGUF file.
    Blocks(Packing),
    /// MLX's affine quantization, which stays packed in memory.
    Affine(Rc<Affine>),
}

/// What belongs to a packed matrix.
#[derive(Debug)]
pub struct Affine {
    pub scales: Entry,
    pub biases: Entry,
    pub bits: i32,
    /// Numbers of a row that share a scale.
    pub group: i32,
}

/// Blocks that one thread unpacks at a time.
const BLOCKS: usize = 1 << 12;

impl Entry {
    /// The numbers, little-endian, and their type: that of the file, or float32 for one that tensors do not have. A packed
    /// matrix is given as it is packed.
    pub fn decoded(&self) -> Result<(Dtype, Vec<u8>)> {
        match &self.coding {
            Coding::Plain => match dtype::named(&self.stored) {
                Some(dtype) => Ok((dtype, self.numbers()?)),
                None => Ok((Dtype::Float32, self.widened()?)),
            },
            Coding::Scaled(scales) => {
                let mut numbers = self.widened()?;
                let row = (numbers.len() / scales.len().max(1)).max(1);
                numbers.par_chunks_mut(row).zip(scales.par_iter()).for_each(|(row, scale)| multiply(row, *scale));
                Ok((Dtype::Float32, numbers))
            }
            Coding::Blocks(packing) => Ok((Dtype::Float32, unpacked(*packing, &self.numbers()?))),
            Coding::Affine(_) => Ok((Dtype::Uint32, self.numbers()?)),
        }
    }

    fn widened(&self) -> Result<Vec<u8>> {
        wide::numbers(weft_formats::Dtype::named(&self.stored), &self.numbers()?).ok_or_else(|| {
            let Self { name, file, stored, .. } = self;
            Error::file(format!("the tensor `{name}` of {file} has the type {stored}, which Weft does not read"))
                .help("use a file with float32, bfloat16 or float16 weights")
        })
    }
}

fn multiply(numbers: &mut [u8], scale: f32) {
    for number in numbers.as_chunks_mut::<4>().0 {
        *number = (f32::from_le_bytes(*number) * scale).to_le_bytes();
    }
}

fn unpacked(packing: Packing, data: &[u8]) -> Vec<u8> {
    let (numbers, bytes) = packing.block();
    let mut unpacked = vec![0; data.len() / bytes * numbers * 4];
    let runs = unpacked.par_chunks_mut(BLOCKS * numbers * 4).zip(data.par_chunks(BLOCKS * bytes));
    runs.for_each(|(out, run)| {
        for (out, number) in out.as_chunks_mut::<4>().0.iter_mut().zip(gguf::unpack(packing, run)) {
            *out = number.to_le_bytes();
        }
    });
    unpacked
}
