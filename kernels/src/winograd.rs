//! Convolutions by 3×3 kernels with fewer multiplications: F(2×2, 3×3) of Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks" (2015). Four results of a 4×4 piece of the picture take 16 products instead of 36.
//! Its sums round a little differently: tests compare with float64.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::convolution::{Convolution, pack};
use crate::product::{Columns, Registers, product};

/// Products for each piece.
const POINTS: usize = 16;
/// Pieces that a task transforms at once.
const PIECES: usize = 48;
/// Channels that are transformed together.
const LANES: usize = 16;

/// Whether it is this kind of convolution, and large enough to pay.
pub fn applies(kind: &Convolution, [rows, columns]: [usize; 2]) -> bool {
    kind.kernel == [3, 3]
        && kind.stride == [1, 1]
        && kind.channels.is_multiple_of(LANES)
        && kind.out.is_multiple_of(32)
        && kind.channels.min(kind.out) >= 32
        && rows * columns >= 8 * PIECES
}

/// Convolves one picture `x` into `to`, `[rows, columns, out]`.
pub fn convolve(registers: Registers, x: &[f32], weight: &[f32], kind: &Convolution, columns: usize, to: &mut [f32]) {
    match registers {
        Registers::Wide => with::<12, 32>(x, weight, kind, columns, to),
        Registers::Narrow => with::<6, 16>(x, weight, kind, columns, to),
    }
}

fn with<const R: usize, const N: usize>(x: &[f32], weight: &[f32], kind: &Convolution, columns: usize, to: &mut [f32]) {
    let weights = transformed::<N>(weight, kind);
    // Two rows of the result belong together; of an odd number the last stands alone.
    to.par_chunks_mut(2 * columns * kind.out).enumerate().for_each_init(
        || Scratch::<R, N>::new(kind.channels),
        |Scratch { rows, points, sums }, (pair, to)| {
            for first in (0..columns.div_ceil(2)).step_by(PIECES) {
                let pieces = PIECES.min(columns.div_ceil(2) - first);
                copy_rows(x, kind, [2 * pair, 2 * first], pieces, rows);
                transform_input(rows, kind.channels, pieces, points);
                for (block, weights) in weights.chunks_exact(POINTS * kind.channels).enumerate() {
                    for start in (0..pieces).step_by(R) {
                        let from = &points[start * kind.channels..];
                        products(from, kind.channels, weights, sums);
                        write(sums, block * N, kind.out, columns, 2 * (first + start), (pieces - start).min(R), to);
                    }
                }
            }
        },
    );
}

/// What a task works on.
struct Scratch<const R: usize, const N: usize> {
    /// Four rows of the picture, and of the pieces in them `[16, PIECES, channels]`.
    rows: Vec<f32>,
    points: Vec<f32>,
    sums: Box<[[Columns<N>; R]; POINTS]>,
}

impl<const R: usize, const N: usize> Scratch<R, N> {
    fn new(channels: usize) -> Self {
        Self {
            rows: vec![0.0; 4 * (2 * PIECES + 2) * channels],
            points: vec![0.0; POINTS * PIECES * channels],
            sums: Box::new([[[0.0; N]; R]; POINTS]),
        }
    }
}

/// `G g Gᵀ` of every kernel, as `[out / N, 16, channels, N]`.
fn transformed<const N: usize>(weight: &[f32], kind: &Convolution) -> Vec<Columns<N>> {
    let channels = kind.channels;
    let mut points = vec![0f32; kind.out * POINTS * channels];
    points.par_chunks_exact_mut(POINTS * channels).zip(weight.par_chunks_exact(9 * channels)).for_each(|(to, from)| {
        for channel in 0..channels {
            let kernel: [[f32; 3]; 3] =
                std::array::from_fn(|y| std::array::from_fn(|x| from[(3 * y + x) * channels + channel]));
            let halves = |[a, b, c]: [f32; 3]| [a, (a + b + c) * 0.5, (a - b + c) * 0.5, c];
            let columns: [[f32; 4]; 3] = std::array::from_fn(|x| halves([kernel[0][x], kernel[1][x], kernel[2][x]]));
            for y in 0..4 {
                for (x, value) in halves([columns[0][y], columns[1][y], columns[2][y]]).into_iter().enumerate() {
                    to[(4 * y + x) * channels + channel] = value;
                }
            }
        }
    });
    pack::<N>(&points, kind.out)
}

/// Four rows of the picture from `top - padding`, `left - padding` on, wide enough for `pieces`, with zeros around it.
fn copy_rows(x: &[f32], kind: &Convolution, [top, left]: [usize; 2], pieces: usize, to: &mut [f32]) {
    let channels = kind.channels;
    let width = 2 * pieces + 2;
    let before = kind.padding[1].saturating_sub(left).min(width);
    let start = (left + before).saturating_sub(kind.padding[1]);
    let inside = (width - before).min(kind.width.saturating_sub(start));
    for (index, to) in to.chunks_exact_mut(width * channels).take(4).enumerate() {
        let row = (top + index).checked_sub(kind.padding[0]).filter(|&row| row < kind.height && inside > 0);
        let Some(row) = row else {
            to.fill(0.0);
            continue;
        };
        to[..before * channels].fill(0.0);
        let from = &x[(row * kind.width + start) * channels..][..inside * channels];
        to[before * channels..][..from.len()].copy_from_slice(from);
        to[(before + inside) * channels..].fill(0.0);
    }
}

/// `Bᵀ d B` of every 4×4 piece, two columns apart, as `[16, PIECES, channels]`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn transform_input(from: &[f32], channels: usize, pieces: usize, to: &mut [f32]) {
    let width = (2 * pieces + 2) * channels;
    for start in (0..channels).step_by(LANES) {
        // Neighbouring pieces share two columns.
        let mut left = [column(from, width, start), column(from, width, channels + start)];
        for piece in 0..pieces {
            let at = 2 * (piece + 1) * channels + start;
            let right = [column(from, width, at), column(from, width, at + channels)];
            for y in 0..4 {
                let row = differences([left[0][y], left[1][y], right[0][y], right[1][y]]);
                for (x, values) in row.iter().enumerate() {
                    to[((4 * y + x) * PIECES + piece) * channels + start..][..LANES].copy_from_slice(values);
                }
            }
            left = right;
        }
    }
}

/// A column of four pixels, times `Bᵀ`.
#[inline(always)]
fn column(from: &[f32], width: usize, at: usize) -> [[f32; LANES]; 4] {
    let mut pixels = [[0f32; LANES]; 4];
    for (y, pixel) in pixels.iter_mut().enumerate() {
        pixel.copy_from_slice(&from[y * width + at..][..LANES]);
    }
    differences(pixels)
}

/// `Bᵀ` times four numbers, in each lane.
#[inline(always)]
fn differences([a, b, c, d]: [[f32; LANES]; 4]) -> [[f32; LANES]; 4] {
    let mut to = [[0f32; LANES]; 4];
    for l in 0..LANES {
        to[0][l] = a[l] - c[l];
        to[1][l] = b[l] + c[l];
        to[2][l] = c[l] - b[l];
        to[3][l] = b[l] - d[l];
    }
    to
}

/// The sixteen products of `R` pieces.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn products<const R: usize, const N: usize>(
    from: &[f32],
    channels: usize,
    weights: &[Columns<N>],
    to: &mut [[Columns<N>; R]; POINTS],
) {
    for (point, (weights, to)) in weights.chunks_exact(channels).zip(to).enumerate() {
        *to = product(&from[point * PIECES * channels..], channels, weights);
    }
}

/// `Aᵀ m A` of `pieces` pieces into two rows of the result, from the column `left` on.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn write<const R: usize, const N: usize>(
    sums: &[[Columns<N>; R]; POINTS],
    channel: usize,
    out: usize,
    columns: usize,
    left: usize,
    pieces: usize,
    to: &mut [f32],
) {
    for (piece, left) in (left..columns).step_by(2).take(pieces).enumerate() {
        let m = |y: usize, x: usize| &sums[4 * y + x][piece];
        let mut results = [[[0f32; N]; 2]; 2];
        for l in 0..N {
            let upper: [f32; 4] = std::array::from_fn(|x| m(0, x)[l] + m(1, x)[l] + m(2, x)[l]);
            let lower: [f32; 4] = std::array::from_fn(|x| m(1, x)[l] - m(2, x)[l] - m(3, x)[l]);
            for (results, [a, b, c, d]) in results.iter_mut().zip([upper, lower]) {
                results[0][l] = a + b + c;
                results[1][l] = b - c - d;
            }
        }
        for (row, to) in results.iter().zip(to.chunks_exact_mut(columns * out)) {
            for (column, result) in (left..columns).zip(row) {
                to[column * out + channel..][..N].copy_from_slice(result);
            }
        }
    }
}
