//! Attention without ever having all scores: Dao, "FlashAttention-2" (2023). Queries lie side by side in the columns of
//! every product, so that the softmax of many goes on at once in a vector's lanes.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::exp::exp;
use crate::product::{Columns, REGISTERS, Registers, packed_product};

/// Numbers of the keys, and of the values, that queries are multiplied with one after the other: a core's second cache holds
/// them.
const PART: usize = 1 << 17;
/// Blocks of queries of a task, for which keys and values come into that cache once.
const BLOCKS: usize = 4;

/// Sizes of an attention. All are above 0.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    pub queries: usize,
    pub keys: usize,
    pub heads: usize,
    /// Divides `heads`: so many heads share their keys and values.
    pub key_heads: usize,
    /// Numbers of a head.
    pub width: usize,
    /// What products of queries and keys are multiplied with.
    pub scale: f32,
    /// Whether a query sees no key after its own, the last query having the last key.
    pub causal: bool,
}

impl Attention {
    /// Keys of a part: about the same in all.
    fn step(&self) -> usize {
        self.keys.div_ceil((self.keys * self.width).div_ceil(PART))
    }

    /// Keys that a query sees.
    fn seen(&self, query: usize) -> usize {
        if self.causal { (self.keys + query + 1).saturating_sub(self.queries).min(self.keys) } else { self.keys }
    }
}

/// `softmax(q · kᵀ · scale) · v` for each head: q and the result `[queries, heads, width]`, k and v `[keys, key_heads, width]`.
///
/// # Panics
/// Where a slice has not the size that `kind` says.
pub fn attention(kind: &Attention, q: &[f32], k: &[f32], v: &[f32], to: &mut [f32]) {
    match REGISTERS.unwrap_or(Registers::Narrow) {
        Registers::Wide => with::<8, 48>(kind, q, k, v, to),
        Registers::Narrow => with::<4, 24>(kind, q, k, v, to),
    }
}

fn with<const R: usize, const N: usize>(kind: &Attention, q: &[f32], k: &[f32], v: &[f32], to: &mut [f32]) {
    let (keys, values) = (packed_keys::<R>(kind, k), packed_values::<R>(kind, v));
    let mut heads = vec![0f32; to.len()];
    let tasks = heads.par_chunks_exact_mut(kind.queries * kind.width).enumerate().flat_map(|(head, to)| {
        to.par_chunks_mut(BLOCKS * N * kind.width).enumerate().map(move |(task, to)| (head, task * BLOCKS * N, to))
    });
    tasks.for_each_init(
        || [(); BLOCKS].map(|()| Block::<R, N>::new(kind)),
        |blocks, (head, first, to)| {
            let shared = head / (kind.heads / kind.key_heads);
            let keys = &keys[shared * kind.keys.div_ceil(R) * kind.width..];
            let values = &values[shared * kind.width.div_ceil(R) * kind.keys..];
            let blocks = &mut blocks[..to.len().div_ceil(N * kind.width)];
            for (index, block) in blocks.iter_mut().enumerate() {
                block.start(kind, q, head, first + index * N);
            }
            let last = first + to.len() / kind.width - 1;
            for first in (0..kind.seen(last)).step_by(kind.step()) {
                blocks.iter_mut().for_each(|block| block.mix(kind, first, keys, values));
            }
            for (block, to) in blocks.iter().zip(to.chunks_mut(N * kind.width)) {
                block.finish(kind, to);
            }
        },
    );
    let row = kind.heads * kind.width;
    to.par_chunks_mut(crate::task(row)).enumerate().for_each(|(task, to)| {
        let first = task * (crate::task(row) / row);
        for (index, to) in to.chunks_exact_mut(kind.width).enumerate() {
            let (query, head) = (first + index / kind.heads, index % kind.heads);
            to.copy_from_slice(&heads[(head * kind.queries + query) * kind.width..][..kind.width]);
        }
    });
}

/// `[key_heads, keys / R, width, R]`.
fn packed_keys<const R: usize>(kind: &Attention, k: &[f32]) -> Vec<[f32; R]> {
    let groups = kind.keys.div_ceil(R);
    let mut packed = vec![[0f32; R]; kind.key_heads * groups * kind.width];
    packed.par_chunks_exact_mut(kind.width).enumerate().for_each(|(index, to)| {
        let (head, group) = (index / groups, index % groups);
        for (row, key) in k.chunks_exact(kind.key_heads * kind.width).skip(group * R).take(R).enumerate() {
            to.iter_mut().zip(&key[head * kind.width..]).for_each(|(to, &from)| to[row] = from);
        }
    });
    packed
}

/// `[key_heads, width / R, keys, R]`.
fn packed_values<const R: usize>(kind: &Attention, v: &[f32]) -> Vec<[f32; R]> {
    let groups = kind.width.div_ceil(R);
    let mut packed = vec![[0f32; R]; kind.key_heads * groups * kind.keys];
    packed.par_chunks_exact_mut(kind.keys).enumerate().for_each(|(index, to)| {
        let (head, first) = (index / groups, index % groups * R);
        let count = R.min(kind.width - first);
        for (to, value) in to.iter_mut().zip(v.chunks_exact(kind.key_heads * kind.width)) {
            to[..count].copy_from_slice(&value[head * kind.width + first..][..count]);
        }
    });
    packed
}

/// `N` queries of one head.
struct Block<const R: usize, const N: usize> {
    first: usize,
    /// `[width]`, scaled.
    queries: Vec<Columns<N>>,
    /// `[keys of a part]`, in whole groups.
    scores: Vec<Columns<N>>,
    /// `[width]` in whole groups, not yet divided by `sums`.
    mixed: Vec<Columns<N>>,
    /// The largest score of a query so far, and the sum that its softmax divides by.
    largest: Columns<N>,
    sums: Columns<N>,
}

impl<const R: usize, const N: usize> Block<R, N> {
    fn new(kind: &Attention) -> Self {
        let rows = |count: usize| vec![[0.0; N]; count];
        Self {
            first: 0,
            queries: rows(kind.width),
            scores: rows(kind.step() + 2 * R),
            mixed: rows(kind.width.next_multiple_of(R)),
            largest: [0.0; N],
            sums: [0.0; N],
        }
    }

    fn start(&mut self, kind: &Attention, q: &[f32], head: usize, first: usize) {
        self.first = first;
        self.queries.fill([0.0; N]);
        for (column, query) in q.chunks_exact(kind.heads * kind.width).skip(first).take(N).enumerate() {
            let query = &query[head * kind.width..];
            self.queries.iter_mut().zip(query).for_each(|(to, from)| to[column] = from * kind.scale);
        }
        self.mixed.fill([0.0; N]);
        self.largest = [f32::NEG_INFINITY; N];
        self.sums = [0.0; N];
    }

    /// Adds the values of the part of the keys that begins with `first` to what each query has.
    fn mix(&mut self, kind: &Attention, first: usize, keys: &[[f32; R]], values: &[[f32; R]]) {
        let count = kind.step().min(kind.keys - first);
        // The first group may hold keys of the part before.
        let (group, before) = (first / R, first % R);
        let groups = (before + count).div_ceil(R);
        multiply(&keys[group * kind.width..][..groups * kind.width], &self.queries, &mut self.scores, false);
        let scores = &mut self.scores[before..][..count];
        if kind.causal {
            hide(kind, self.first, first, scores);
        }
        let faded = soften(scores, &mut self.largest, &mut self.sums);
        if faded.iter().any(|&faded| faded != 1.0) {
            scale(&mut self.mixed, &faded);
        }
        for (values, mixed) in values.chunks_exact(kind.keys).zip(self.mixed.chunks_exact_mut(R)) {
            multiply(&values[first..][..count], scores, mixed, true);
        }
    }

    fn finish(&self, kind: &Attention, to: &mut [f32]) {
        for (column, to) in to.chunks_exact_mut(kind.width).enumerate() {
            let sum = self.sums[column];
            to.iter_mut().zip(&self.mixed).for_each(|(to, mixed)| *to = mixed[column] / sum);
        }
    }
}

/// Takes away the keys from `key` on that a query, the first of which is `query`, must not see.
fn hide<const N: usize>(kind: &Attention, query: usize, key: usize, scores: &mut [Columns<N>]) {
    for column in 0..N {
        let seen = kind.seen(query + column).saturating_sub(key).min(scores.len());
        scores[seen..].iter_mut().for_each(|row| row[column] = f32::NEG_INFINITY);
    }
}

/// Groups of rows `[depth, R]`, one after the other, times `b`: into the rows of `to`, or added to them.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn multiply<const R: usize, const N: usize>(a: &[[f32; R]], b: &[Columns<N>], to: &mut [Columns<N>], add: bool) {
    for (a, to) in a.chunks_exact(b.len()).zip(to.chunks_exact_mut(R)) {
        for (sums, to) in packed_product::<R, N>(a, b).iter().zip(to) {
            if add {
                to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
            } else {
                *to = *sums;
            }
        }
    }
}

/// `exp(score − largest)` in place, the largest ones and the sums brought up to date: what was there before is worth so much now.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn soften<const N: usize>(scores: &mut [Columns<N>], largest: &mut Columns<N>, sums: &mut Columns<N>) -> Columns<N> {
    let mut max = *largest;
    for row in scores.iter() {
        for (max, &score) in max.iter_mut().zip(row) {
            *max = if score > *max { score } else { *max };
        }
    }
    let faded: Columns<N> = std::array::from_fn(|column| exp(largest[column] - max[column]));
    let mut added = [0f32; N];
    for row in scores.iter_mut() {
        for ((score, added), max) in row.iter_mut().zip(&mut added).zip(&max) {
            *score = exp(*score - max);
            *added += *score;
        }
    }
    for ((sum, added), faded) in sums.iter_mut().zip(added).zip(&faded) {
        *sum = *sum * faded + added;
    }
    *largest = max;
    faded
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn scale<const N: usize>(rows: &mut [Columns<N>], by: &Columns<N>) {
    for row in rows {
        row.iter_mut().zip(by).for_each(|(x, by)| *x *= by);
    }
}
