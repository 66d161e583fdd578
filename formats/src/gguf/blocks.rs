//! Numbers in blocks: a scale for each, perhaps a least value, and few bits for a number.

use super::k_blocks;
use crate::{Dtype, float};

/// How a tensor's numbers are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

/// Of each: its name, numbers in a block, bytes of one.
const ALL: [(Packing, &str, usize, usize); 10] = [
    (Packing::Q4_0, "Q4_0", 32, 18),
    (Packing::Q4_1, "Q4_1", 32, 20),
    (Packing::Q5_0, "Q5_0", 32, 22),
    (Packing::Q5_1, "Q5_1", 32, 24),
    (Packing::Q8_0, "Q8_0", 32, 34),
    (Packing::Q2K, "Q2_K", 256, 84),
    (Packing::Q3K, "Q3_K", 256, 110),
    (Packing::Q4K, "Q4_K", 256, 144),
    (Packing::Q5K, "Q5_K", 256, 176),
    (Packing::Q6K, "Q6_K", 256, 210),
];

impl Packing {
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, its_name, ..)| *its_name == name).map(|(packing, ..)| *packing)
    }

    /// Numbers in a block, and bytes of one.
    pub fn block(self) -> (usize, usize) {
        ALL.iter().find(|(packing, ..)| *packing == self).map_or((1, 1), |(.., numbers, bytes)| (*numbers, *bytes))
    }
}

/// The numbers of whole blocks; what is left of the last one is ignored.
pub fn unpack(packing: Packing, data: &[u8]) -> Vec<f32> {
    let (numbers, bytes) = packing.block();
    let mut unpacked = vec![0.0; data.len() / bytes * numbers];
    for (block, out) in data.chunks_exact(bytes).zip(unpacked.chunks_exact_mut(numbers)) {
        match packing {
            Packing::Q4_0 => q4_0(block, out),
            Packing::Q4_1 => q4_1(block, out),
            Packing::Q5_0 => q5_0(block, out),
            Packing::Q5_1 => q5_1(block, out),
            Packing::Q8_0 => q8_0(block, out),
            Packing::Q2K => k_blocks::q2(block, out),
            Packing::Q3K => k_blocks::q3(block, out),
            Packing::Q4K => k_blocks::q4(block, out),
            Packing::Q5K => k_blocks::q5(block, out),
            Packing::Q6K => k_blocks::q6(block, out),
        }
    }
    unpacked
}

/// The float16 at a place of a block.
pub fn half(block: &[u8], at: usize) -> f32 {
    float::read(Dtype::Float16, &block[at..at + 2]) as f32
}

/// The low halves of all bytes, then the high ones.
fn halves(bytes: &[u8], out: &mut [f32], number: impl Fn(usize, u8) -> f32) {
    let count = bytes.len();
    for (index, byte) in bytes.iter().enumerate() {
        out[index] = number(index, byte & 15);
        out[count + index] = number(count + index, byte >> 4);
    }
}

/// The fifth bit of a number.
fn fifth(bits: &[u8], index: usize) -> u8 {
    (bits[index / 8] >> (index % 8) & 1) << 4
}

fn q4_0(block: &[u8], out: &mut [f32]) {
    let scale = half(block, 0);
    halves(&block[2..], out, |_, number| scale * (f32::from(number) - 8.0));
}

fn q4_1(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half(block, 0), half(block, 2));
    halves(&block[4..], out, |_, number| scale * f32::from(number) + least);
}

fn q5_0(block: &[u8], out: &mut [f32]) {
    let scale = half(block, 0);
    halves(&block[6..], out, |index, low| scale * (f32::from(low | fifth(&block[2..6], index)) - 16.0));
}

fn q5_1(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half(block, 0), half(block, 2));
    halves(&block[8..], out, |index, low| scale * f32::from(low | fifth(&block[4..8], index)) + least);
}

fn q8_0(block: &[u8], out: &mut [f32]) {
    let scale = half(block, 0);
    for (out, byte) in out.iter_mut().zip(&block[2..]) {
        *out = f32::from(byte.cast_signed()) * scale;
    }
}
