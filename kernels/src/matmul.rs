//! Products with a matrix of weights, laid out once for all products with it.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::convolution::pack;
use crate::product::{Columns, REGISTERS, Registers, packed_product};

/// Inputs that are summed at a time: their share of a block of columns stays in a core's second cache.
const DEPTH: usize = 2048;
/// Numbers of a task's rows, which stay there too.
const ROWS: usize = 1 << 17;
/// A matrix `[outputs, inputs]` as blocks of outputs side by side: `[outputs / N, inputs, N]`, filled up with zeros.
#[derive(Debug)]
pub struct Packed {
    inputs: usize,
    outputs: usize,
    blocks: Blocks,
}

#[derive(Debug)]
enum Blocks {
    Wide(Vec<Columns<48>>),
    Narrow(Vec<Columns<24>>),
}

impl Packed {
    /// # Panics
    /// Where `weight` is no matrix of so many outputs.
    pub fn new(weight: &[f32], outputs: usize) -> Self {
        let inputs = weight.len() / outputs;
        assert_eq!(inputs * outputs, weight.len(), "a matrix of {outputs} rows");
        let blocks = match REGISTERS.unwrap_or(Registers::Narrow) {
            Registers::Wide => Blocks::Wide(pack(weight, outputs)),
            Registers::Narrow => Blocks::Narrow(pack(weight, outputs)),
        };
        Self { inputs, outputs, blocks }
    }

    /// `[outputs, inputs]`.
    pub fn shape(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// The matrix as it was.
    ///
    /// # Panics
    /// Where `to` has not its size.
    pub fn unpack(&self, to: &mut [f32]) {
        match &self.blocks {
            Blocks::Wide(blocks) => unpack(blocks, self.inputs, to),
            Blocks::Narrow(blocks) => unpack(blocks, self.inputs, to),
        }
    }

    /// `x · Wᵀ + bias`: `[rows, inputs]` into `[rows, outputs]`.
    pub fn product(&self, x: &[f32], bias: Option<&[f32]>, to: &mut [f32]) {
        match &self.blocks {
            Blocks::Wide(blocks) => self.with::<8, 48>(blocks, x, bias, to),
            Blocks::Narrow(blocks) => self.with::<4, 24>(blocks, x, bias, to),
        }
    }

    fn with<const R: usize, const N: usize>(
        &self,
        blocks: &[Columns<N>],
        x: &[f32],
        bias: Option<&[f32]>,
        to: &mut [f32],
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let tasks = tasks::<R>(to, outputs, ROWS / inputs.min(DEPTH));
        tasks.into_par_iter().for_each_init(Vec::new, |scratch, (first, to)| {
            let x = &x[first * inputs..][..to.len() / outputs * inputs];
            for start in (0..inputs).step_by(DEPTH) {
                let depth = DEPTH.min(inputs - start);
                pack_rows::<R>(x, inputs, start, depth, scratch);
                let bias = bias.filter(|_| start == 0);
                for (block, weights) in blocks.chunks_exact(inputs).enumerate() {
                    let weights = &weights[start..][..depth];
                    let bias = bias.map(|bias| &bias[block * N..]);
                    columns::<R, N>(scratch, weights, bias, start > 0, &mut Part { to, outputs, first: block * N });
                }
            }
        });
    }
}

fn unpack<const N: usize>(blocks: &[Columns<N>], inputs: usize, to: &mut [f32]) {
    to.par_chunks_exact_mut(inputs).enumerate().for_each(|(output, to)| {
        let block = &blocks[output / N * inputs..];
        to.iter_mut().zip(block).for_each(|(to, columns)| *to = columns[output % N]);
    });
}

/// Some columns of rows of the result.
struct Part<'a> {
    to: &'a mut [f32],
    outputs: usize,
    first: usize,
}

/// Rows of the result in tasks of about equal size: the first row, and the rows. All but the last hold whole groups of `R`.
fn tasks<const R: usize>(mut to: &mut [f32], outputs: usize, rows: usize) -> Vec<(usize, &mut [f32])> {
    let groups = (to.len() / outputs).div_ceil(R);
    let threads = rayon::current_num_threads();
    let count = (groups.div_ceil(threads * (rows / R).max(1)) * threads).min(groups);
    let mut tasks = Vec::new();
    for task in 0..count {
        let [first, end] = [task, task + 1].map(|task| task * groups / count * R);
        let (part, rest) = to.split_at_mut(((end - first) * outputs).min(to.len()));
        tasks.push((first, part));
        to = rest;
    }
    tasks
}

/// Some inputs of all rows in groups of `R`: `[rows / R, depth, R]`, filled up with zeros.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn pack_rows<const R: usize>(x: &[f32], inputs: usize, start: usize, depth: usize, to: &mut Vec<[f32; R]>) {
    to.clear();
    to.resize((x.len() / inputs).div_ceil(R) * depth, [0.0; R]);
    for (to, x) in to.chunks_exact_mut(depth).zip(x.chunks(R * inputs)) {
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            to.iter_mut().zip(&x[start..]).for_each(|(to, &x)| to[row] = x);
        }
    }
}

/// The columns of one block, for all rows of a task.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn columns<const R: usize, const N: usize>(
    x: &[[f32; R]],
    weights: &[Columns<N>],
    bias: Option<&[f32]>,
    more: bool,
    part: &mut Part<'_>,
) {
    let width = N.min(part.outputs - part.first);
    for (x, to) in x.chunks_exact(weights.len()).zip(part.to.chunks_mut(R * part.outputs)) {
        let sums = packed_product::<R, N>(x, weights);
        for (to, mut sums) in to.chunks_exact_mut(part.outputs).zip(sums) {
            let to = &mut to[part.first..][..width];
            let before: Option<&[f32]> = if more { Some(to) } else { bias };
            if let Some(before) = before {
                sums.iter_mut().zip(before).for_each(|(sum, before)| *sum += before);
            }
            to.copy_from_slice(&sums[..width]);
        }
    }
}
