//! Types of numbers that files have and tensors do not: read as float32.

/// The numbers as little-endian float32, by the name of their type in safetensors. None for a type that is not read.
pub fn numbers(stored: &str, data: &[u8]) -> Option<Vec<u8>> {
    let bytes = |numbers: &mut dyn Iterator<Item = f32>| numbers.flat_map(f32::to_le_bytes).collect();
    Some(match stored {
        "F64" => bytes(&mut data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32)),
        "F8_E4M3" => bytes(&mut data.iter().map(|&byte| e4m3(byte))),
        // The upper half of a float16.
        "F8_E5M2" => bytes(&mut data.iter().map(|&byte| half::f16::from_bits(u16::from(byte) << 8).to_f32())),
        _ => return None,
    })
}

/// Sign, 4 bits of exponent with the bias 7, 3 of mantissa. There is no infinity; all ones is not a number.
fn e4m3(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7) / 8.0);
    let size = match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa * (-6f32).exp2(),
        _ => (1.0 + mantissa) * ((exponent - 7) as f32).exp2(),
    };
    if byte & 128 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float8_is_what_its_bits_say() {
        for (byte, number) in [
            (0x00, 0.0),
            (0x01, 0.001_953_125),
            (0x08, 0.015_625),
            (0x38, 1.0),
            (0x7e, 448.0),
            (0xb8, -1.0),
            (0x44, 3.0),
        ] {
            assert_eq!(e4m3(byte), number, "{byte:#x}");
        }
        assert!(e4m3(0x7f).is_nan() && e4m3(0xff).is_nan());
        assert_eq!(numbers("F8_E5M2", &[0x3c, 0xc0]), Some([1f32, -2.0].map(f32::to_le_bytes).concat()));
        assert_eq!(numbers("F64", &0.5f64.to_le_bytes()), Some(0.5f32.to_le_bytes().to_vec()));
        assert_eq!(numbers("I16", &[0, 0]), None);
    }
}
