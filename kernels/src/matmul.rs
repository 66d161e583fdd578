//! Products with a matrix of weights, laid out once for all products with it.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::convolution::pack;
use crate::halves::{self, Pairs};
use crate::product::{Columns, REGISTERS, Registers, packed_product};

/// Inputs that are summed at a time: their share of a block of columns stays in a core's second cache.
const DEPTH: usize = 2048;
/// Numbers of a task's rows, which stay there too.
const ROWS: usize = 1 << 17;

/// A matrix `[outputs, inputs]` as blocks of outputs side by side: `[outputs / N, inputs, N]`, filled up with zeros.
///
/// Numbers that are bfloat16 already take two bytes each, and nothing else changes.
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
    /// Inputs are rounded to bfloat16 where so is said.
    WideHalves(Vec<Pairs<48>>, bool),
    NarrowHalves(Vec<Pairs<24>>, bool),
}

impl Packed {
    /// `rounding`: inputs of products are rounded to bfloat16, as the weights were, which is twice as fast where the processor
    /// has instructions for it. Sums stay in float32.
    ///
    /// # Panics
    /// Where `weight` is no matrix of so many outputs.
    pub fn new(weight: &[f32], outputs: usize, rounding: bool) -> Self {
        let inputs = weight.len() / outputs;
        assert_eq!(inputs * outputs, weight.len(), "a matrix of {outputs} rows");
        let registers = REGISTERS.unwrap_or(Registers::Narrow);
        let blocks = match (registers, weight.par_chunks(crate::TASK).all(halves::fit)) {
            (Registers::Wide, false) => Blocks::Wide(pack(weight, outputs)),
            (Registers::Narrow, false) => Blocks::Narrow(pack(weight, outputs)),
            (Registers::Wide, true) => Blocks::WideHalves(halves::pack(weight, outputs), rounding),
            (Registers::Narrow, true) => Blocks::NarrowHalves(halves::pack(weight, outputs), rounding),
        };
        Self { inputs, outputs, blocks }
    }

    /// `[outputs, inputs]`.
    pub fn shape(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        match &self.blocks {
            Blocks::Wide(blocks) => size_of_val(blocks.as_slice()),
            Blocks::Narrow(blocks) => size_of_val(blocks.as_slice()),
            Blocks::WideHalves(blocks, _) => size_of_val(blocks.as_slice()),
            Blocks::NarrowHalves(blocks, _) => size_of_val(blocks.as_slice()),
        }
    }

    /// The matrix as it was.
    ///
    /// # Panics
    /// Where `to` has not its size.
    pub fn unpack(&self, to: &mut [f32]) {
        let inputs = self.inputs;
        match &self.blocks {
            Blocks::Wide(blocks) => unpack(blocks, inputs, to),
            Blocks::Narrow(blocks) => unpack(blocks, inputs, to),
            Blocks::WideHalves(blocks, _) => halves::unpack(blocks, inputs, to),
            Blocks::NarrowHalves(blocks, _) => halves::unpack(blocks, inputs, to),
        }
    }

    /// `x · Wᵀ + bias`: `[rows, inputs]` into `[rows, outputs]`.
    ///
    /// # Panics
    /// Where a slice has not its size.
    pub fn product(&self, x: &[f32], bias: Option<&[f32]>, to: &mut [f32]) {
        let sizes = Sizes { inputs: self.inputs, outputs: self.outputs };
        match &self.blocks {
            Blocks::Wide(blocks) => run::<8, 48, _, _>(sizes, blocks, &PLAIN, x, bias, to),
            Blocks::Narrow(blocks) => run::<4, 24, _, _>(sizes, blocks, &PLAIN_NARROW, x, bias, to),
            Blocks::WideHalves(blocks, true) => run::<8, 48, _, _>(sizes, blocks, &halves::ROUNDED, x, bias, to),
            Blocks::NarrowHalves(blocks, true) => {
                run::<4, 24, _, _>(sizes, blocks, &halves::ROUNDED_NARROW, x, bias, to)
            }
            Blocks::WideHalves(blocks, false) => run::<8, 48, _, _>(sizes, blocks, &halves::EXACT, x, bias, to),
            Blocks::NarrowHalves(blocks, false) => {
                run::<4, 24, _, _>(sizes, blocks, &halves::EXACT_NARROW, x, bias, to)
            }
        }
    }
}

#[derive(Clone, Copy)]
pub struct Sizes {
    pub inputs: usize,
    pub outputs: usize,
}

/// How rows of the kind `A` are multiplied with blocks of the kind `B`.
pub struct Way<A, B> {
    /// Inputs that a row of a block holds.
    pub inputs: usize,
    /// So many inputs of all rows, from one on, in groups: `[rows / R, depth, R]`, filled up with zeros.
    pub pack_rows: fn(x: &[f32], inputs: usize, start: usize, depth: usize, to: &mut Vec<A>),
    /// The columns of one block for all rows, which start out as `Before` says.
    pub columns: fn(rows: &[A], block: &[B], before: Before<'_>, part: &mut Part<'_>),
}

static PLAIN: Way<[f32; 8], Columns<48>> = Way { inputs: 1, pack_rows, columns };
static PLAIN_NARROW: Way<[f32; 4], Columns<24>> = Way { inputs: 1, pack_rows, columns };

/// What sums are added to.
#[derive(Clone, Copy)]
pub enum Before<'a> {
    Nothing,
    /// A number for each column.
    Bias(&'a [f32]),
    /// What stands there.
    Sums,
}

/// Some columns of rows of a result.
pub struct Part<'a> {
    pub to: &'a mut [f32],
    pub outputs: usize,
    pub first: usize,
}

impl Part<'_> {
    /// Writes the sums of a group of rows.
    #[inline(always)]
    pub fn write<const R: usize, const N: usize>(&mut self, group: usize, sums: &[Columns<N>; R], before: Before<'_>) {
        let width = N.min(self.outputs - self.first);
        let rows = self.to[group * R * self.outputs..].chunks_exact_mut(self.outputs);
        for (to, sums) in rows.zip(sums) {
            let to = &mut to[self.first..][..width];
            match before {
                // With its length known the copy takes a few instructions, and else a call.
                Before::Nothing => match to.first_chunk_mut() {
                    Some(to) => *to = *sums,
                    None => to.copy_from_slice(&sums[..width]),
                },
                Before::Bias(bias) => to.iter_mut().zip(sums).zip(bias).for_each(|((to, sum), bias)| *to = sum + bias),
                Before::Sums => to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum),
            }
        }
    }
}

fn run<const R: usize, const N: usize, A: Send, B: Sync>(
    Sizes { inputs, outputs }: Sizes,
    blocks: &[B],
    way: &Way<A, B>,
    x: &[f32],
    bias: Option<&[f32]>,
    to: &mut [f32],
) {
    let tasks = tasks::<R>(to, outputs, ROWS / inputs.min(DEPTH));
    tasks.into_par_iter().for_each_init(Vec::new, |rows, (first, to)| {
        let x = &x[first * inputs..][..to.len() / outputs * inputs];
        for start in (0..inputs).step_by(DEPTH) {
            let depth = DEPTH.min(inputs - start);
            (way.pack_rows)(x, inputs, start, depth, rows);
            for (index, block) in blocks.chunks_exact(inputs.div_ceil(way.inputs)).enumerate() {
                let first = index * N;
                let before = match bias {
                    _ if start > 0 => Before::Sums,
                    Some(bias) => Before::Bias(&bias[first..]),
                    None => Before::Nothing,
                };
                let block = &block[start / way.inputs..][..depth.div_ceil(way.inputs)];
                (way.columns)(rows, block, before, &mut Part { to, outputs, first });
            }
        }
    });
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

fn unpack<const N: usize>(blocks: &[Columns<N>], inputs: usize, to: &mut [f32]) {
    to.par_chunks_exact_mut(inputs).enumerate().for_each(|(output, to)| {
        let block = &blocks[output / N * inputs..];
        to.iter_mut().zip(block).for_each(|(to, columns)| *to = columns[output % N]);
    });
}

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

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn columns<const R: usize, const N: usize>(
    rows: &[[f32; R]],
    block: &[Columns<N>],
    before: Before<'_>,
    part: &mut Part<'_>,
) {
    for (group, rows) in rows.chunks_exact(block.len()).enumerate() {
        part.write(group, &packed_product::<R, N>(rows, block), before);
    }
}
