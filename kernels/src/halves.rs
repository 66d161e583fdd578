//! Matrices of bfloat16: two inputs of a column share 32 bits, the first in the lower half.

use multiversion::multiversion;
use multiversion::target::match_target;
use rayon::prelude::*;

use crate::matmul::{Before, Part, Way};
use crate::product::Columns;

/// A row of a packed matrix: two inputs of as many columns as are computed together.
pub type Pairs<const N: usize> = [u32; N];

/// Inputs in float32.
pub static EXACT: Way<[[f32; 8]; 2], Pairs<48>> = Way { inputs: 2, pack_rows, columns };
pub static EXACT_NARROW: Way<[[f32; 4]; 2], Pairs<24>> = Way { inputs: 2, pack_rows, columns };
/// Inputs in bfloat16.
pub static ROUNDED: Way<[u32; 8], Pairs<48>> = Way { inputs: 2, pack_rows: pack_rounded, columns: rounded_columns };
pub static ROUNDED_NARROW: Way<[u32; 4], Pairs<24>> =
    Way { inputs: 2, pack_rows: pack_rounded, columns: widened_columns };

/// Whether all of these numbers are bfloat16.
pub fn fit(numbers: &[f32]) -> bool {
    numbers.iter().fold(0, |bits, x| bits | x.to_bits()) & 0xFFFF == 0
}

#[inline(always)]
fn low(pair: u32) -> f32 {
    f32::from_bits(pair << 16)
}

#[inline(always)]
fn high(pair: u32) -> f32 {
    f32::from_bits(pair & 0xFFFF_0000)
}

/// The nearest bfloat16, ties to the even one.
#[inline(always)]
fn round(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
    if x.is_nan() { 0x7FC0 } else { nearest }
}

/// `[out, k]` as `[out / N, k / 2, N]`, filled up with zeros. All numbers [`fit`].
pub fn pack<const N: usize>(weight: &[f32], out: usize) -> Vec<Pairs<N>> {
    let inputs = weight.len() / out;
    let depth = inputs.div_ceil(2);
    let mut packed = vec![[0u32; N]; out.div_ceil(N) * depth];
    packed.par_chunks_exact_mut(depth).enumerate().for_each(|(block, packed)| {
        for (column, from) in weight.chunks_exact(inputs).skip(block * N).take(N).enumerate() {
            for (to, pair) in packed.iter_mut().zip(from.chunks(2)) {
                let second = pair.get(1).map_or(0, |x| x.to_bits());
                to[column] = pair[0].to_bits() >> 16 | second;
            }
        }
    });
    packed
}

/// The matrix of so many inputs as it was.
pub fn unpack<const N: usize>(blocks: &[Pairs<N>], inputs: usize, to: &mut [f32]) {
    let depth = inputs.div_ceil(2);
    to.par_chunks_exact_mut(inputs).enumerate().for_each(|(output, to)| {
        for (to, pairs) in to.chunks_mut(2).zip(&blocks[output / N * depth..]) {
            let pair = [low(pairs[output % N]), high(pairs[output % N])];
            to.copy_from_slice(&pair[..to.len()]);
        }
    });
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn pack_rows<const R: usize>(x: &[f32], inputs: usize, start: usize, depth: usize, to: &mut Vec<[[f32; R]; 2]>) {
    let pairs = depth.div_ceil(2);
    to.clear();
    to.resize((x.len() / inputs).div_ceil(R) * pairs, [[0.0; R]; 2]);
    for (to, x) in to.chunks_exact_mut(pairs).zip(x.chunks(R * inputs)) {
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            let numbers = to.as_flattened_mut().iter_mut().zip(&x[start..][..depth]);
            numbers.for_each(|(to, &x)| to[row] = x);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn pack_rounded<const R: usize>(x: &[f32], inputs: usize, start: usize, depth: usize, to: &mut Vec<[u32; R]>) {
    let pairs = depth.div_ceil(2);
    to.clear();
    to.resize((x.len() / inputs).div_ceil(R) * pairs, [0; R]);
    for (to, x) in to.chunks_exact_mut(pairs).zip(x.chunks(R * inputs)) {
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            let (whole, rest) = x[start..][..depth].as_chunks::<2>();
            to.iter_mut().zip(whole).for_each(|(to, [a, b])| to[row] = round(*a) | round(*b) << 16);
            if let ([last], Some(to)) = (rest, to.last_mut()) {
                to[row] = round(*last);
            }
        }
    }
}

/// Sums as they would be were the weights in float32.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn columns<const R: usize, const N: usize>(
    rows: &[[[f32; R]; 2]],
    block: &[Pairs<N>],
    before: Before<'_>,
    part: &mut Part<'_>,
) {
    for (group, rows) in rows.chunks_exact(block.len()).enumerate() {
        let mut sums = [[0f32; N]; R];
        for ([first, second], pairs) in rows.iter().zip(block) {
            multiply(|row| first[row], |column| low(pairs[column]), &mut sums);
            multiply(|row| second[row], |column| high(pairs[column]), &mut sums);
        }
        part.write(group, &sums, before);
    }
}

/// The same numbers as [`rounded_columns`], up to the order of sums.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn widened_columns<const R: usize, const N: usize>(
    rows: &[[u32; R]],
    block: &[Pairs<N>],
    before: Before<'_>,
    part: &mut Part<'_>,
) {
    for (group, rows) in rows.chunks_exact(block.len()).enumerate() {
        let mut sums = [[0f32; N]; R];
        for (row, pairs) in rows.iter().zip(block) {
            multiply(|index| low(row[index]), |column| low(pairs[column]), &mut sums);
            multiply(|index| high(row[index]), |column| high(pairs[column]), &mut sums);
        }
        part.write(group, &sums, before);
    }
}

/// Adds `a(row) · b(column)`.
#[inline(always)]
fn multiply<const R: usize, const N: usize>(
    a: impl Fn(usize) -> f32,
    b: impl Fn(usize) -> f32,
    sums: &mut [Columns<N>; R],
) {
    let b: Columns<N> = std::array::from_fn(b);
    for (row, sums) in sums.iter_mut().enumerate() {
        for (sum, b) in sums.iter_mut().zip(b) {
            *sum = a(row).mul_add(b, *sum);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq+avx512bf16"))]
fn rounded_columns(rows: &[[u32; 8]], block: &[Pairs<48>], before: Before<'_>, part: &mut Part<'_>) {
    match_target! {
        "x86_64+avx512f+avx512bf16" => {
            for (group, rows) in rows.chunks_exact(block.len()).enumerate() {
                part.write(group, &avx512_bf16::product(rows, block), before);
            }
        },
        _ => widened_columns(rows, block, before, part),
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512_bf16 {
    use std::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps, _mm512_set1_epi32, _mm512_setzero_ps};

    use super::Pairs;
    use crate::product::Columns;

    /// `aᵀ · b`, two inputs at a time.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
    pub fn product(a: &[[u32; 8]], b: &[Pairs<48>]) -> [Columns<48>; 8] {
        let mut sums: [[__m512; 3]; 8] = [[_mm512_setzero_ps(); 3]; 8];
        for (a, b) in a.iter().zip(b) {
            let b: [__m512bh; 3] = bytemuck::cast(*b);
            for (a, sums) in a.iter().zip(&mut sums) {
                let a: __m512bh = bytemuck::cast(_mm512_set1_epi32(*a as i32));
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = _mm512_dpbf16_ps(*sum, a, b);
                }
            }
        }
        bytemuck::cast(sums)
    }
}
