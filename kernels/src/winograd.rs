//! Convolutions by 3×3 kernels with fewer multiplications: F(4×4, 3×3) of Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks" (2015). Sixteen results, of a 6×6 piece of the picture, take 36 products instead of 144.
//!
//! Polynomials are evaluated at 0, ±3/4, ±3/2 and infinity. At the usual 0, ±1, ±2 and infinity numbers grow more on the way,
//! and twice as much is lost to rounding. Tests compare with float64.

use std::cell::RefCell;

use multiversion::multiversion;
use rayon::prelude::*;

use crate::convolution::{Added, Convolution, pack_into};
use crate::product::{Columns, Registers, product};

/// Two of the places; the others are their negatives, 0, and infinity.
const A: f32 = 0.75;
const B: f32 = 1.5;
/// Side of what is computed together.
const SIDE: usize = 4;
/// Side of what it takes from the picture.
const PIECE: usize = SIDE + 2;
/// Products for each piece.
pub const POINTS: usize = PIECE * PIECE;
/// Pieces that a task transforms at once.
const PIECES: usize = 48;
/// Channels that are transformed together.
const LANES: usize = 16;

type Lane = [f32; LANES];

/// Whether it is this kind of convolution, and large enough to pay.
pub fn applies(kind: &Convolution, [rows, columns]: [usize; 2]) -> bool {
    kind.kernel == [3, 3]
        && kind.stride == [1, 1]
        && kind.channels.is_multiple_of(LANES)
        && kind.out.is_multiple_of(32)
        && kind.channels.min(kind.out) >= 32
        && rows * columns >= SIDE * SIDE * PIECES
}

/// Convolves one picture `x` into `to`, `[rows, columns, out]`.
pub fn convolve(
    registers: Registers,
    x: &[f32],
    weight: &[f32],
    kind: &Convolution,
    added: Added<'_>,
    scratch: &mut [f32],
    to: &mut [f32],
) {
    match registers {
        Registers::Wide => with::<12, 32>(x, weight, kind, added, scratch, to),
        Registers::Narrow => with::<6, 16>(x, weight, kind, added, scratch, to),
    }
}

fn with<const R: usize, const N: usize>(
    x: &[f32],
    weight: &[f32],
    kind: &Convolution,
    added: Added<'_>,
    scratch: &mut [f32],
    to: &mut [f32],
) {
    let [_, columns] = kind.result().expect("a picture as large as the kernel");
    let weights = transformed::<N>(weight, kind, scratch);
    // Of a narrow picture a task takes several rows of pieces, so that weights are fetched for many pieces.
    let across = columns.div_ceil(SIDE);
    let down = (PIECES / across).max(1);
    to.par_chunks_mut(down * SIDE * columns * kind.out).enumerate().for_each(|(index, to)| {
        Scratch::<N>::with(kind.channels, |mut scratch| {
            for left in (0..across).step_by(PIECES) {
                let size = [to.len().div_ceil(SIDE * columns * kind.out), PIECES.min(across - left)];
                scratch.transform(x, kind, Place { top: index * down, left, size });
                for (block, weights) in weights.chunks_exact(POINTS * kind.channels).enumerate() {
                    products::<R, N>(scratch.points, kind.channels, size[0] * size[1], weights, scratch.sums);
                    let added = added.from(index * down * SIDE * columns * kind.out);
                    write(scratch.sums, [left, columns], size, added, to, kind.out, block * N);
                }
            }
        });
    });
}

/// Neighbouring pieces, counted in pieces.
#[derive(Clone, Copy)]
struct Place {
    top: usize,
    left: usize,
    /// Rows and columns, [`PIECES`] in all at most.
    size: [usize; 2],
}

/// What a task works on.
struct Scratch<'a, const N: usize> {
    /// `Bᵀ d` of the columns of the picture that a piece lies over, `[6, 6, channels]`. Column x is where x modulo 6 says.
    columns: &'a mut [f32],
    /// Of the pieces, `[36, PIECES, channels]`, each point a little farther on: at whole pages they would share a set of a cache.
    points: &'a mut [f32],
    sums: &'a mut [[Columns<N>; PIECES]],
}

/// From one point to the next.
fn step(channels: usize) -> usize {
    PIECES * channels + LANES
}

thread_local! {
    /// Memory for [`Scratch`]. Making it for every task would cost as much as a small convolution.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl<const N: usize> Scratch<'_, N> {
    /// Calls `work` with memory in which anything may stand.
    fn with(channels: usize, work: impl FnOnce(Scratch<'_, N>)) {
        let sizes = [PIECE * PIECE * channels, POINTS * step(channels), POINTS * PIECES * N];
        SCRATCH.with_borrow_mut(|numbers| {
            numbers.resize(numbers.len().max(sizes.iter().sum()), 0.0);
            let (columns, rest) = numbers.split_at_mut(sizes[0]);
            let (points, rest) = rest.split_at_mut(sizes[1]);
            work(Scratch { columns, points, sums: rest[..sizes[2]].as_chunks_mut().0.as_chunks_mut().0 });
        });
    }

    /// `Bᵀ d B` of all pieces. The picture is read in its own order, each row of pieces from left to right.
    fn transform(&mut self, x: &[f32], kind: &Convolution, place: Place) {
        let channels = kind.channels;
        let [down, across] = place.size;
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
            let top = (place.top + row) * SIDE;
            let first = if column == 0 { 0 } else { PIECE - SIDE };
            for at in column * SIDE + first..column * SIDE + PIECE {
                let to = &mut self.columns[at % PIECE * PIECE * channels..][..PIECE * channels];
                transform_column(x, kind, [top, place.left * SIDE + at], to);
            }
            let to = &mut self.points[(row * across + column) * channels..];
            transform_rows(&self.columns, channels, column * SIDE, to);
        }
    }
}

/// `G g Gᵀ` of every kernel, as `[out / N, 36, channels, N]`.
fn transformed<'a, const N: usize>(weight: &[f32], kind: &Convolution, to: &'a mut [f32]) -> &'a [Columns<N>] {
    let channels = kind.channels;
    let (points, kernels) = to.as_chunks_mut().0.split_at_mut(kind.out / N * POINTS * channels);
    let kernels = pack_into::<N>(weight, kind.out, kernels);
    let blocks = points.par_chunks_exact_mut(POINTS * channels).zip(kernels.par_chunks_exact(9 * channels));
    blocks.for_each(|(to, from)| transform_kernels(from, channels, to));
    points
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn transform_kernels<const N: usize>(from: &[Columns<N>], channels: usize, to: &mut [Columns<N>]) {
    for channel in 0..channels {
        let columns: [[Columns<N>; PIECE]; 3] =
            std::array::from_fn(|x| evaluated(std::array::from_fn(|y| from[(3 * y + x) * channels + channel])));
        for y in 0..PIECE {
            for (x, point) in evaluated(std::array::from_fn(|x| columns[x][y])).into_iter().enumerate() {
                to[(PIECE * y + x) * channels + channel] = point;
            }
        }
    }
}

/// `G` times three numbers: a polynomial at each place, over what the other places' distances multiply to.
#[inline(always)]
fn evaluated<const N: usize>([a, b, c]: [Columns<N>; 3]) -> [Columns<N>; PIECE] {
    let mut to = [[0f32; N]; PIECE];
    let (at_a, at_b) = (1.0 / (2.0 * A * A * (A * A - B * B)), 1.0 / (2.0 * B * B * (B * B - A * A)));
    for n in 0..N {
        to[0][n] = a[n] / (A * A * B * B);
        let (even, odd) = ((a[n] + c[n] * (A * A)) * at_a, b[n] * (A * at_a));
        (to[1][n], to[2][n]) = (even + odd, even - odd);
        let (even, odd) = ((a[n] + c[n] * (B * B)) * at_b, b[n] * (B * at_b));
        (to[3][n], to[4][n]) = (even + odd, even - odd);
        to[5][n] = c[n];
    }
    to
}

/// `Bᵀ d` of six pixels of a column of the padded picture, from the row `top` on, as `[6, channels]`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn transform_column(x: &[f32], kind: &Convolution, [top, column]: [usize; 2], to: &mut [f32]) {
    let inside = |at: usize, axis: usize, side: usize| at.checked_sub(kind.padding[axis]).filter(|&at| at < side);
    let Some(column) = inside(column, 1, kind.width) else {
        to.fill(0.0);
        return;
    };
    let pixels: [Option<&[f32]>; PIECE] = std::array::from_fn(|y| {
        let row = inside(top + y, 0, kind.height)?;
        Some(&x[(row * kind.width + column) * kind.channels..][..kind.channels])
    });
    for start in (0..kind.channels).step_by(LANES) {
        let mut lanes = [[0f32; LANES]; PIECE];
        for (lane, pixel) in lanes.iter_mut().zip(pixels) {
            if let Some(pixel) = pixel {
                lane.copy_from_slice(&pixel[start..start + LANES]);
            }
        }
        for (y, point) in differences(lanes).iter().enumerate() {
            to[y * kind.channels + start..][..LANES].copy_from_slice(point);
        }
    }
}

/// `Bᵀ d B` from `Bᵀ d` of six columns, of which `first` is the first, into every `step(channels)`th number.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn transform_rows(columns: &[f32], channels: usize, first: usize, to: &mut [f32]) {
    for y in 0..PIECE {
        let row: [&[f32]; PIECE] =
            std::array::from_fn(|x| &columns[((first + x) % PIECE * PIECE + y) * channels..][..channels]);
        for start in (0..channels).step_by(LANES) {
            let mut lanes = [[0f32; LANES]; PIECE];
            for (lane, row) in lanes.iter_mut().zip(row) {
                lane.copy_from_slice(&row[start..start + LANES]);
            }
            for (x, point) in differences(lanes).iter().enumerate() {
                to[(PIECE * y + x) * step(channels) + start..][..LANES].copy_from_slice(point);
            }
        }
    }
}

/// `Bᵀ` times six numbers: what the product of all `x - place`, but for one place, has as coefficients.
#[inline(always)]
fn differences([a, b, c, d, e, f]: [Lane; PIECE]) -> [Lane; PIECE] {
    let mut to = [[0f32; LANES]; PIECE];
    for l in 0..LANES {
        let (even, odd) = (c[l].mul_add(-B * B, e[l]), b[l].mul_add(-B * B, d[l]) * A);
        (to[1][l], to[2][l]) = (even + odd, even - odd);
        let (even, odd) = (c[l].mul_add(-A * A, e[l]), b[l].mul_add(-A * A, d[l]) * B);
        (to[3][l], to[4][l]) = (even + odd, even - odd);
        to[0][l] = a[l].mul_add(A * A * B * B, c[l].mul_add(-(A * A + B * B), e[l]));
        to[5][l] = b[l].mul_add(A * A * B * B, d[l].mul_add(-(A * A + B * B), f[l]));
    }
    to
}

/// The products of `pieces` pieces with a block of weights, point by point: its weights stay in a core's second cache.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn products<const R: usize, const N: usize>(
    points: &[f32],
    channels: usize,
    pieces: usize,
    weights: &[Columns<N>],
    to: &mut [[Columns<N>; PIECES]],
) {
    for (point, (weights, to)) in weights.chunks_exact(channels).zip(to).enumerate() {
        let from = &points[point * step(channels)..];
        for (group, to) in to.chunks_exact_mut(R).take(pieces.div_ceil(R)).enumerate() {
            to.copy_from_slice(&product::<R, N>(&from[group * R * channels..], channels, weights));
        }
    }
}

/// `Aᵀ m A` of all pieces into the rows `to` of the result, `N` channels from `channel` on.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn write<const N: usize>(
    sums: &[[Columns<N>; PIECES]],
    [left, columns]: [usize; 2],
    [down, across]: [usize; 2],
    added: Added<'_>,
    to: &mut [f32],
    out: usize,
    channel: usize,
) {
    let rows = to.len() / (columns * out);
    for piece in 0..down * across {
        let [top, left] = [piece / across * SIDE, (left + piece % across) * SIDE];
        for start in (0..N).step_by(LANES) {
            let mut bias = [0f32; LANES];
            if let Some(numbers) = added.bias {
                bias.copy_from_slice(&numbers[channel + start..][..LANES]);
            }
            let mut halves = [[[0f32; LANES]; SIDE]; PIECE];
            for (x, halves) in halves.iter_mut().enumerate() {
                let mut column = [[0f32; LANES]; PIECE];
                for (y, column) in column.iter_mut().enumerate() {
                    column.copy_from_slice(&sums[PIECE * y + x][piece][start..start + LANES]);
                }
                *halves = results(column);
            }
            for y in 0..SIDE.min(rows - top) {
                let mut half = [[0f32; LANES]; PIECE];
                half.iter_mut().zip(&halves).for_each(|(half, halves)| *half = halves[y]);
                for (column, result) in (left..columns).zip(&mut results(half)) {
                    let at = ((top + y) * columns + column) * out + channel + start;
                    add(result, &bias);
                    if let Some(other) = added.other {
                        add(result, &other[at..]);
                    }
                    to[at..at + LANES].copy_from_slice(result);
                }
            }
        }
    }
}

#[inline(always)]
fn add(to: &mut Lane, numbers: &[f32]) {
    let numbers = &numbers[..LANES];
    for l in 0..LANES {
        to[l] += numbers[l];
    }
}

/// `Aᵀ` times six numbers.
#[inline(always)]
fn results([zero, a, minus_a, b, minus_b, infinity]: [Lane; PIECE]) -> [Lane; SIDE] {
    let mut to = [[0f32; LANES]; SIDE];
    for l in 0..LANES {
        let (sum_a, sum_b) = (a[l] + minus_a[l], b[l] + minus_b[l]);
        let (difference_a, difference_b) = (a[l] - minus_a[l], b[l] - minus_b[l]);
        to[0][l] = zero[l] + sum_a + sum_b;
        to[1][l] = difference_b.mul_add(B, difference_a * A);
        to[2][l] = sum_b.mul_add(B * B, sum_a * (A * A));
        to[3][l] = difference_b.mul_add(B * B * B, difference_a.mul_add(A * A * A, infinity[l]));
    }
    to
}
