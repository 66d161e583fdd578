//! Types of numbers that files have and tensors do not: read as float32.

use rayon::prelude::*;
use weft_formats::{Dtype, float};

/// Numbers that one thread widens at a time.
const RUN: usize = 1 << 16;

/// The numbers as little-endian float32. None for a type that is not read.
pub fn numbers(dtype: Dtype, data: &[u8]) -> Option<Vec<u8>> {
    let size = dtype.bytes()?;
    let wide = |number: &[u8]| (float::read(dtype, number) as f32).to_le_bytes();
    // A type of one byte has so few numbers that each is widened once.
    let table: Vec<[u8; 4]> = if size == 1 { (0..=u8::MAX).map(|byte| wide(&[byte])).collect() } else { Vec::new() };
    let mut numbers = vec![0; data.len() / size * 4];
    numbers.par_chunks_mut(RUN * 4).zip(data.par_chunks(RUN * size)).for_each(|(out, data)| {
        for (out, number) in out.as_chunks_mut::<4>().0.iter_mut().zip(data.chunks_exact(size)) {
            *out = if let [byte] = number { table[usize::from(*byte)] } else { wide(number) };
        }
    });
    Some(numbers)
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
