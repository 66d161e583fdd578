//! Convolutions on slices: `[n,h,w,c]` with `[out,kh,kw,c]`, over all cores.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::product::{Columns, REGISTERS, Registers, product};
use crate::winograd;

/// Numbers of the rows that a task copies with their borders: a core's second cache holds them.
const STRIP: usize = 1 << 16;
/// The most outputs that lie side by side.
const WIDEST: usize = 32;

/// Sizes of a convolution. All but the padding are above 0.
#[derive(Debug, Clone, Copy)]
pub struct Convolution {
    /// Of one input picture.
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub out: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

impl Convolution {
    /// Height and width of a result; none where the kernel is larger than the padded picture.
    pub fn result(&self) -> Option<[usize; 2]> {
        let side = |axis: usize, side: usize| {
            let room = (side + 2 * self.padding[axis]).checked_sub(self.kernel[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some([side(0, self.height)?, side(1, self.width)?])
    }

    /// Numbers that [`convolve`] needs besides, for the kernels as it uses them.
    pub fn scratch(&self) -> usize {
        let kernels = self.out.next_multiple_of(WIDEST) * self.channels;
        match self.result() {
            Some(result) if winograd::applies(self, result) => kernels * (9 + winograd::POINTS),
            _ => kernels * self.kernel[0] * self.kernel[1],
        }
    }
}

/// What is added to a result: the bias `[out]` first, then other numbers, `[rows, columns, out]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Added<'a> {
    pub bias: Option<&'a [f32]>,
    pub other: Option<&'a [f32]>,
}

impl<'a> Added<'a> {
    /// For the results from number `first` of the picture on.
    pub(crate) fn from(self, first: usize) -> Self {
        Self { other: self.other.map(|other| &other[first..]), ..self }
    }

    /// To results that lie side by side: of the channels from `channel` on, at number `at`.
    #[inline(always)]
    pub(crate) fn add(&self, to: &mut [f32], channel: usize, at: usize) {
        for added in
            [self.bias.map(|bias| &bias[channel..]), self.other.map(|other| &other[at..])].into_iter().flatten()
        {
            to.iter_mut().zip(added).for_each(|(to, added)| *to += added);
        }
    }
}

/// Convolves one picture `x` into `to`, `[rows, columns, out]`, by `weight`, `[out, kh, kw, channels]`. What `scratch` and `to`
/// held before is of no matter.
///
/// # Panics
/// Where a slice has not the size that `kind` says.
pub fn convolve(kind: &Convolution, x: &[f32], weight: &[f32], added: Added<'_>, scratch: &mut [f32], to: &mut [f32]) {
    let result = kind.result().expect("a picture as large as the kernel");
    let registers = REGISTERS.unwrap_or(Registers::Narrow);
    if winograd::applies(kind, result) {
        winograd::convolve(registers, x, weight, kind, added, scratch, to);
    } else {
        convolve_with(registers, x, weight, kind, added, scratch, to);
    }
}

/// The sum as it stands in the definition.
pub(crate) fn convolve_with(
    registers: Registers,
    x: &[f32],
    weight: &[f32],
    kind: &Convolution,
    added: Added<'_>,
    scratch: &mut [f32],
    to: &mut [f32],
) {
    match registers {
        // With few channels most of 32 columns would be zeros.
        Registers::Wide if kind.out > 16 => with::<12, 32>(x, weight, kind, added, scratch, to),
        Registers::Wide => with::<12, 16>(x, weight, kind, added, scratch, to),
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
    let [rows, columns] = kind.result().expect("a picture as large as the kernel");
    let packed = pack_into::<N>(weight, kind.out, scratch.as_chunks_mut().0);
    let line = kind.kernel[1] * kind.channels;
    let blocks: Vec<&[Columns<N>]> = packed.chunks_exact(kind.kernel[0] * line).collect();
    let width = padded_width::<R>(kind, columns);
    let most = (STRIP / (width * kind.channels * kind.stride[0])).max(1);
    let strip = most.min(rows.div_ceil(4 * rayon::current_num_threads())).max(1);
    to.par_chunks_mut(strip * columns * kind.out).enumerate().for_each(|(index, to)| {
        let first = index * strip;
        let lines = to.len() / (columns * kind.out);
        let padded = padded_rows(x, kind, first, lines, width);
        for (block, weights) in blocks.iter().enumerate() {
            for (row, to) in to.chunks_exact_mut(columns * kind.out).enumerate() {
                let from = &padded[row * kind.stride[0] * width * kind.channels..];
                let added = added.from((first + row) * columns * kind.out);
                convolve_row::<R, N>(from, width * kind.channels, weights, kind, block * N, added, to);
            }
        }
    });
}

/// `[out, k]` as blocks of `N` columns: `[out / N, k, N]`, filled up with zeros.
pub(crate) fn pack<const N: usize>(weight: &[f32], out: usize) -> Vec<Columns<N>> {
    let mut to = vec![[0f32; N]; out.div_ceil(N) * (weight.len() / out)];
    pack_into(weight, out, &mut to);
    to
}

/// The same, to where `to` begins.
pub(crate) fn pack_into<'a, const N: usize>(weight: &[f32], out: usize, to: &'a mut [Columns<N>]) -> &'a [Columns<N>] {
    let depth = weight.len() / out;
    let packed = &mut to[..out.div_ceil(N) * depth];
    packed.par_chunks_exact_mut(depth).enumerate().for_each(|(block, packed)| {
        let columns = weight.chunks_exact(depth).skip(block * N).take(N);
        if columns.len() < N {
            packed.fill([0.0; N]);
        }
        for (column, from) in columns.enumerate() {
            packed.iter_mut().zip(from).for_each(|(to, &from)| to[column] = from);
        }
    });
    packed
}

/// Columns of a padded row: as many as the last, whole group of pixels reads.
fn padded_width<const R: usize>(kind: &Convolution, columns: usize) -> usize {
    ((columns.next_multiple_of(R) - 1) * kind.stride[1] + kind.kernel[1]).max(kind.width + kind.padding[1])
}

/// The input rows of so many output rows, with zeros around them.
fn padded_rows(x: &[f32], kind: &Convolution, first: usize, lines: usize, width: usize) -> Vec<f32> {
    let count = (lines - 1) * kind.stride[0] + kind.kernel[0];
    let mut padded = vec![0f32; count * width * kind.channels];
    let line = kind.width * kind.channels;
    for (index, to) in padded.chunks_exact_mut(width * kind.channels).enumerate() {
        let row = (first * kind.stride[0] + index).checked_sub(kind.padding[0]);
        if let Some(row) = row.filter(|&row| row < kind.height) {
            to[kind.padding[1] * kind.channels..][..line].copy_from_slice(&x[row * line..][..line]);
        }
    }
    padded
}

/// One row of the result, `N` of its channels from `channel` on. A row of the kernel lies over neighbouring numbers of a
/// padded row of the picture, so that each is one product.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn convolve_row<const R: usize, const N: usize>(
    from: &[f32],
    width: usize,
    weights: &[Columns<N>],
    kind: &Convolution,
    channel: usize,
    added: Added<'_>,
    to: &mut [f32],
) {
    let step = kind.stride[1] * kind.channels;
    for (group, to) in to.chunks_mut(R * kind.out).enumerate() {
        let mut sum = [[0f32; N]; R];
        for (row, weights) in weights.chunks_exact(kind.kernel[1] * kind.channels).enumerate() {
            let part = product::<R, N>(&from[row * width + group * R * step..], step, weights);
            sum.as_flattened_mut().iter_mut().zip(part.as_flattened()).for_each(|(sum, part)| *sum += part);
        }
        for (pixel, (to, sum)) in to.chunks_exact_mut(kind.out).zip(&mut sum).enumerate() {
            let count = N.min(kind.out - channel);
            added.add(&mut sum[..count], channel, (group * R + pixel) * kind.out + channel);
            match to[channel..].first_chunk_mut() {
                Some(to) => *to = *sum,
                None => to[channel..].copy_from_slice(&sum[..count]),
            }
        }
    }
}
