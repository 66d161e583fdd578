//! The memory that weights take once they are loaded, as `model-loader` loads them.

use std::ops::Add;

use weft_formats::layout::Part;

use crate::weights::{Entry, Weights};

/// What loaders round to.
pub const BITS: [u64; 4] = [8, 6, 4, 3];
/// Numbers in a row that share a scale and an offset, where a loader rounds.
const GROUP: u64 = 64;
const FLOAT32: u64 = 4;
const BFLOAT16: u64 = 2;

/// Bytes of all weights, without what a pass needs besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// As a CPU takes them.
    pub float32: u64,
    /// As a GPU takes them; a VAE stays float32.
    pub bfloat16: u64,
    /// Rounded to each of [`BITS`], in bfloat16 otherwise.
    pub rounded: [u64; BITS.len()],
    /// In the precision of the files, as far as networks run in it: float32 or half of it, packed matrices as they are.
    pub own: u64,
}

impl Memory {
    pub fn of(weights: &Weights, role: Option<Part>) -> Self {
        let is_vae = role == Some(Part::Vae);
        let half = if is_vae { FLOAT32 } else { BFLOAT16 };
        let sum = |width: u64, bits: Option<u64>| {
            weights.entries().iter().map(|entry| bytes(entry, width, bits.filter(|_| !is_vae))).sum()
        };
        let own = |entry: &Entry| bytes(entry, if entry.stored == "F32" { FLOAT32 } else { half }, None);
        Self {
            float32: sum(FLOAT32, None),
            bfloat16: sum(half, None),
            rounded: BITS.map(|bits| sum(half, Some(bits))),
            own: weights.entries().iter().map(own).sum(),
        }
    }
}

impl Add for Memory {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let mut rounded = self.rounded;
        rounded.iter_mut().zip(other.rounded).for_each(|(sum, more)| *sum += more);
        Self {
            float32: self.float32 + other.float32,
            bfloat16: self.bfloat16 + other.bfloat16,
            rounded,
            own: self.own + other.own,
        }
    }
}

fn bytes(entry: &Entry, width: u64, bits: Option<u64>) -> u64 {
    use plugin_api::Dtype::{Bfloat16, Float16, Float32};
    let is_float = matches!(entry.dtype, Some(Float32 | Float16 | Bfloat16));
    if entry.stays_packed() || !is_float {
        return entry.stored_bytes();
    }
    let count = entry.count();
    let is_matrix = matches!(entry.shape[..], [_, columns] if columns > 0 && (columns as u64).is_multiple_of(GROUP));
    match bits {
        Some(bits) if is_matrix && entry.name.ends_with(".weight") => {
            count.saturating_mul(bits) / 8 + count / GROUP * 2 * width
        }
        _ => count.saturating_mul(width),
    }
}
