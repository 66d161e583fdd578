//! What weights take once networks have read them.

use std::ops::Add;

use super::HALF;

/// Numbers of a row that share a scale and an offset, where matrices are rounded.
const GROUP: u64 = 64;

/// Counted tensors, from which follows what they take in any precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weights {
    /// Numbers of matrices that a loader may round.
    matrices: u64,
    /// Those of them that are bfloat16 in the file: a CPU keeps them so whatever it computes in.
    halves: u64,
    /// All other numbers.
    others: u64,
    /// Bytes of tensors that stay as the file has them: packed matrices, integers.
    stored: u64,
}

impl Weights {
    /// A tensor of floating-point numbers. Matrices, `….weight` of two axes and rows of whole groups, can be rounded.
    pub fn of_tensor(name: &str, shape: &[i32], is_bfloat16: bool) -> Self {
        let count = shape.iter().map(|&side| u64::try_from(side).unwrap_or(0)).fold(1, u64::saturating_mul);
        let is_matrix = matches!(*shape, [_, columns] if columns > 0 && (columns as u64).is_multiple_of(GROUP));
        match is_matrix && name.ends_with(".weight") {
            // Rows of an embedding are looked up, not multiplied.
            true if is_bfloat16 && !name.contains("embed") => {
                Self { matrices: count, halves: count, ..Self::default() }
            }
            true => Self { matrices: count, ..Self::default() },
            false => Self { others: count, ..Self::default() },
        }
    }

    /// A tensor that stays as it is.
    pub fn stored(bytes: u64) -> Self {
        Self { stored: bytes, ..Self::default() }
    }

    /// As [`Weights::bytes`], on a CPU.
    pub fn bytes_on_cpu(&self, width: u64, bits: Option<u64>) -> u64 {
        let spared = if bits.is_none() { width.saturating_sub(HALF) } else { 0 };
        self.bytes(width, bits).saturating_sub(self.halves.saturating_mul(spared))
    }

    /// Bytes with `width` bytes a number, matrices rounded to `bits` where it is given: each group has a scale and an offset.
    pub fn bytes(&self, width: u64, bits: Option<u64>) -> u64 {
        let matrices = match bits {
            Some(bits) => self.matrices.saturating_mul(bits) / 8 + self.matrices / GROUP * 2 * width,
            None => self.matrices.saturating_mul(width),
        };
        matrices.saturating_add(self.others.saturating_mul(width)).saturating_add(self.stored)
    }
}

impl Add for Weights {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            matrices: self.matrices.saturating_add(other.matrices),
            halves: self.halves.saturating_add(other.halves),
            others: self.others.saturating_add(other.others),
            stored: self.stored.saturating_add(other.stored),
        }
    }
}

impl std::iter::Sum for Weights {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_of_whole_groups_are_rounded() {
        let bytes = |name: &str, shape: &[i32], bits| Weights::of_tensor(name, shape, false).bytes(2, bits);
        assert_eq!(bytes("a.weight", &[10, 128], None), 2560);
        assert_eq!(bytes("a.weight", &[10, 128], Some(4)), 640 + 20 * 4);
        assert_eq!(bytes("a.weight", &[10, 100], Some(4)), 2000);
        assert_eq!(bytes("a.bias", &[128], Some(4)), 256);
        assert_eq!(bytes("a.scale", &[10, 128], Some(4)), 2560);
        assert_eq!(bytes("a.weight", &[-1, 128], Some(4)), 0);
    }

    #[test]
    fn sums_are_of_all_tensors() {
        let all: Weights = [Weights::of_tensor("a.weight", &[2, 64], false), Weights::stored(100)].into_iter().sum();
        assert_eq!(all.bytes(4, None), 2 * 64 * 4 + 100);
    }

    #[test]
    fn a_cpu_keeps_matrices_in_bfloat16() {
        let weights = |name: &str| Weights::of_tensor(name, &[10, 64], true);
        assert_eq!(weights("a.weight").bytes_on_cpu(4, None), 10 * 64 * 2);
        assert_eq!(weights("a.weight").bytes_on_cpu(2, None), 10 * 64 * 2);
        assert_eq!(weights("embed_tokens.weight").bytes_on_cpu(4, None), 10 * 64 * 4);
        assert_eq!(weights("a.weight").bytes_on_cpu(4, Some(8)), weights("a.weight").bytes(4, Some(8)));
    }
}
