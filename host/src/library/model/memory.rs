//! The memory that weights take once they are loaded, as `model-loader` loads them.

use std::ops::Add;

use weft_formats::layout::Part;
use weft_formats::memory::{self, FLOAT32, HALF};

use crate::weights::{Entry, Weights};

/// What loaders round to.
pub const BITS: [u64; 4] = [8, 6, 4, 3];
/// What the names of a VAE's first half begin with, in every layout.
const ENCODER: &str = "encoder.";

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
    /// From which follow all others. A VAE's encoder is the second: it is read only where something is encoded.
    pub counted: [memory::Weights; 2],
}

impl Memory {
    pub fn of(weights: &Weights, role: Option<Part>) -> Self {
        let is_vae = role == Some(Part::Vae);
        let half = if is_vae { FLOAT32 } else { HALF };
        let sum = |wanted: &dyn Fn(&Entry) -> bool| -> memory::Weights {
            weights.entries().iter().filter(|entry| wanted(entry)).map(counted).sum()
        };
        let (is_encoder, is_wide) =
            (|entry: &Entry| is_vae && entry.name.starts_with(ENCODER), |entry: &Entry| entry.stored == "F32");
        let counted = [sum(&|entry| !is_encoder(entry)), sum(&is_encoder)];
        let all = counted[0] + counted[1];
        Self {
            float32: all.bytes_on_cpu(FLOAT32, None),
            bfloat16: all.bytes(half, None),
            rounded: BITS.map(|bits| all.bytes(half, Some(bits).filter(|_| !is_vae))),
            own: sum(&is_wide).bytes(FLOAT32, None) + sum(&|entry| !is_wide(entry)).bytes(half, None),
            counted,
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
            counted: [0, 1].map(|half| self.counted[half] + other.counted[half]),
        }
    }
}

fn counted(entry: &Entry) -> memory::Weights {
    use plugin_api::Dtype::{Bfloat16, Float16, Float32};
    let is_float = matches!(entry.dtype, Some(Float32 | Float16 | Bfloat16));
    match entry.stays_packed() || !is_float {
        true => memory::Weights::stored(entry.stored_bytes()),
        false => memory::Weights::of_tensor(&entry.name, &entry.shape, entry.stored == "BF16"),
    }
}
