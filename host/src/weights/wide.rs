//! Types of numbers that files have and tensors do not: read as float32.

use weft_formats::{Dtype, float};

/// The numbers as little-endian float32. None for a type that is not read.
pub fn numbers(dtype: Dtype, data: &[u8]) -> Option<Vec<u8>> {
    let size = dtype.bytes()?;
    Some(data.chunks_exact(size).flat_map(|number| (float::read(dtype, number) as f32).to_le_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_their_bits_say() {
        let read = |dtype, data: &[u8]| {
            let bytes = numbers(dtype, data).unwrap();
            bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>()
        };
        let float8 = [0x00, 0x01, 0x08, 0x38, 0x7e, 0xb8, 0x44];
        assert_eq!(read(Dtype::Float8E4M3, &float8), [0.0, 0.001_953_125, 0.015_625, 1.0, 448.0, -1.0, 3.0]);
        assert!(read(Dtype::Float8E4M3, &[0x7f, 0xff]).iter().all(|number| number.is_nan()));
        assert_eq!(read(Dtype::Float8E5M2, &[0x3c, 0xc0]), [1.0, -2.0]);
        assert_eq!(read(Dtype::Float64, &0.1f64.to_le_bytes()), [0.1]);
        assert_eq!(numbers(Dtype::Other, &[0, 0]), None);
    }
}
