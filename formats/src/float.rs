//! Numbers of the types that files have, as float64. Every one is exact there.

use crate::Dtype;

/// A little-endian number. What is no float is a whole number: some trainers write alpha so.
pub fn read(dtype: Dtype, bytes: &[u8]) -> f64 {
    match (dtype, bytes) {
        (Dtype::Float64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        (Dtype::Float32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (Dtype::Bfloat16, &[a, b]) => f64::from(f32::from_le_bytes([0, 0, a, b])),
        (Dtype::Float16, &[a, b]) => small(u32::from(u16::from_le_bytes([a, b])), 5, 10, true),
        (Dtype::Float8E5M2, &[a]) => small(u32::from(a), 5, 2, true),
        (Dtype::Float8E4M3, &[a]) => small(u32::from(a), 4, 3, false),
        _ => whole(bytes),
    }
}

/// A float with few bits. Without infinities, the highest exponent is one like the others but for its last number.
fn small(bits: u32, exponent_bits: u32, mantissa_bits: u32, infinities: bool) -> f64 {
    let mantissa = bits & ((1 << mantissa_bits) - 1);
    let exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    let sign = if bits >> (mantissa_bits + exponent_bits) == 1 { -1.0 } else { 1.0 };
    let highest = exponent == (1 << exponent_bits) - 1;
    let bias = (1 << (exponent_bits - 1)) - 1;
    let scale = |exponent: u32| f64::from(exponent as i32 - bias - mantissa_bits as i32).exp2();
    match (exponent, mantissa) {
        (0, _) => sign * f64::from(mantissa) * scale(1),
        (_, 0) if highest && infinities => sign * f64::INFINITY,
        (_, _) if highest && (infinities || mantissa + 1 == 1 << mantissa_bits) => f64::NAN,
        _ => sign * f64::from(mantissa + (1 << mantissa_bits)) * scale(exponent),
    }
}

fn whole(bytes: &[u8]) -> f64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    i64::from_le_bytes(wide) as f64
}

/// The bytes of a value in a type that has it exactly.
pub fn exact(dtype: Dtype, value: f64) -> Option<Vec<u8>> {
    match dtype {
        Dtype::Float64 => Some(value.to_le_bytes().to_vec()),
        Dtype::Float32 => Some((value as f32).to_le_bytes().to_vec()).filter(|bytes| read(dtype, bytes) == value),
        // These types have so few numbers that all can be tried.
        Dtype::Float16 | Dtype::Bfloat16 => {
            (0..=u16::MAX).map(u16::to_le_bytes).find(|bytes| read(dtype, bytes) == value).map(Vec::from)
        }
        Dtype::Float8E4M3 | Dtype::Float8E5M2 => {
            (0..=u8::MAX).map(u8::to_le_bytes).find(|bytes| read(dtype, bytes) == value).map(Vec::from)
        }
        Dtype::Other => None,
    }
}
