//! The blocks of 256 numbers: a scale of the whole, with scales of few bits for its parts.

use super::blocks::half;

/// Two bits a number, in sixteen parts with a scale and a least value of four bits each.
pub fn q2(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half(block, 80), half(block, 82));
    for (part, out) in out.chunks_exact_mut(16).enumerate() {
        let (factor, below) = (scale * f32::from(block[part] & 15), least * f32::from(block[part] >> 4));
        for (index, out) in out.iter_mut().enumerate() {
            *out = factor * f32::from(pair(&block[16..80], part * 16 + index)) - below;
        }
    }
}

/// Three bits a number, the highest in a mask of its own, in sixteen parts with a scale of six bits each.
pub fn q3(block: &[u8], out: &mut [f32]) {
    let scale = half(block, 108);
    for (part, out) in out.chunks_exact_mut(16).enumerate() {
        let factor = scale * f32::from(six_bits(&block[96..108], part) - 32);
        for (index, out) in out.iter_mut().enumerate() {
            let index = part * 16 + index;
            let is_high = block[index % 32] >> (index / 32) & 1;
            *out = factor * f32::from(i16::from(pair(&block[32..96], index)) - 4 * i16::from(1 - is_high));
        }
    }
}

/// Four bits a number, in eight parts with a scale and a least value of six bits each.
pub fn q4(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half(block, 0), half(block, 2));
    for (part, out) in out.chunks_exact_mut(32).enumerate() {
        let (factor, below) = scale_and_least(&block[4..16], part);
        let (factor, below) = (scale * factor, least * below);
        for (byte, out) in block[16 + part / 2 * 32..].iter().zip(out) {
            *out = factor * f32::from(quad(*byte, part)) - below;
        }
    }
}

/// As [`q4`], with a fifth bit behind the scales.
pub fn q5(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half(block, 0), half(block, 2));
    for (part, out) in out.chunks_exact_mut(32).enumerate() {
        let (factor, below) = scale_and_least(&block[4..16], part);
        let (factor, below) = (scale * factor, least * below);
        let bytes = block[48 + part / 2 * 32..].iter().zip(&block[16..48]);
        for ((byte, fifth), out) in bytes.zip(out) {
            *out = factor * f32::from(quad(*byte, part) | (fifth >> part & 1) << 4) - below;
        }
    }
}

/// Six bits a number, the low four and the high two apart, in sixteen parts with a scale of a byte each.
pub fn q6(block: &[u8], out: &mut [f32]) {
    let scale = half(block, 208);
    for (part, out) in out.chunks_exact_mut(16).enumerate() {
        let factor = scale * f32::from(block[192 + part].cast_signed());
        for (index, out) in out.iter_mut().enumerate() {
            let index = part * 16 + index;
            // Of 128 numbers, the first 64 are the low halves of 64 bytes.
            let (run, within) = (index / 128, index % 128);
            let low = block[run * 64 + within % 64] >> (within / 64 * 4) & 15;
            *out = factor * f32::from(i16::from(low | pair(&block[128..192], index) << 4) - 32);
        }
    }
}

/// Of 128 numbers, each 32 are two bits of 32 bytes.
fn pair(bytes: &[u8], index: usize) -> u8 {
    let (run, within) = (index / 128, index % 128);
    bytes[run * 32 + within % 32] >> (within / 32 * 2) & 3
}

/// Of two parts, the first is the low halves of 32 bytes.
fn quad(byte: u8, part: usize) -> u8 {
    byte >> (part % 2 * 4) & 15
}

/// One of sixteen numbers of six bits in twelve bytes: four bits in the first eight, two in the last four.
fn six_bits(bytes: &[u8], part: usize) -> i16 {
    let low = bytes[part % 8] >> (part / 8 * 4) & 15;
    let high = bytes[8 + part % 4] >> (part / 4 * 2) & 3;
    i16::from(low | high << 4)
}

/// One of eight pairs of six bits in twelve bytes: the last four parts have theirs in the rest of the others' bytes.
fn scale_and_least(bytes: &[u8], part: usize) -> (f32, f32) {
    let (scale, least) = if part < 4 {
        (bytes[part] & 63, bytes[part + 4] & 63)
    } else {
        let (rest, first, second) = (bytes[part + 4], bytes[part - 4], bytes[part]);
        (rest & 15 | first >> 2 & 48, rest >> 4 | second >> 2 & 48)
    };
    (f32::from(scale), f32::from(least))
}
