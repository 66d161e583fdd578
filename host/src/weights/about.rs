//! What a header says of a tensor, for those who list models: nothing is read.

use std::path::Path;

use super::Entry;
use super::coding::Coding;

impl Entry {
    /// How many numbers it has, unpacked.
    pub fn count(&self) -> u64 {
        self.shape.iter().fold(1, |count: u64, &side| count.saturating_mul(u64::try_from(side).unwrap_or(0)))
    }

    /// How the file has its numbers, in the words of people: `bf16`, `fp8`, `Q4_K`, `4-bit affine`.
    pub fn stored_as(&self) -> String {
        match (&self.coding, self.stored.as_str()) {
            (Coding::Affine(affine), _) => format!("{}-bit affine", affine.bits),
            (Coding::Scaled(_), _) => "scaled fp8".to_owned(),
            (_, "F8_E4M3") => "fp8".to_owned(),
            (_, "F8_E5M2") => "fp8 (E5M2)".to_owned(),
            (Coding::Blocks(_), stored) => stored.to_owned(),
            (Coding::Plain, stored) => stored.to_lowercase(),
        }
    }

    /// Whether it is a matrix that stays packed in memory.
    pub fn stays_packed(&self) -> bool {
        matches!(self.coding, Coding::Affine(_))
    }

    /// Bytes in the file, with the scales that belong to it.
    pub fn stored_bytes(&self) -> u64 {
        let scales = match &self.coding {
            Coding::Affine(affine) => affine.scales.bytes + affine.biases.bytes,
            Coding::Scaled(scales) => scales.len() * size_of::<f32>(),
            _ => 0,
        };
        (self.bytes + scales) as u64
    }

    /// The file that it lies in.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}
