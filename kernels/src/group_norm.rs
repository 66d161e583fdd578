//! A norm over groups of channels.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::silu::silu_of;
use crate::task;

/// Group norm of `[n, …, c]`, with weight and bias `[c]`.
#[derive(Debug, Clone, Copy)]
pub struct GroupNorm<'a> {
    /// Rows for each of the n.
    pub pixels: usize,
    pub groups: usize,
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub eps: f32,
    /// Whether each result y becomes `y · sigmoid(y)`.
    pub silu: bool,
}

impl GroupNorm<'_> {
    /// Of `x` into `to`, which are as large.
    pub fn run(&self, x: &[f32], to: &mut [f32]) {
        let channels = self.weight.len();
        let (item, task) = (self.pixels * channels, task(channels));
        for (to, x) in to.chunks_exact_mut(item).zip(x.chunks_exact(item)) {
            let (mean, scale) = group_statistics(x, channels, self.groups, self.weight, self.eps);
            to.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(to, x)| {
                for (to, x) in to.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    affine_row(x, &mean, &scale, self.bias, to);
                    if self.silu {
                        silu_row(to);
                    }
                }
            });
        }
    }
}

/// Mean and scale (weight / standard deviation) of every channel's group. Sums are taken of the distance to the first
/// pixel, so that flat pictures lose no digits, and joined in float64.
fn group_statistics(x: &[f32], channels: usize, groups: usize, weight: &[f32], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let first = &x[..channels];
    let sums = x.par_chunks(task(channels)).map(|rows| {
        let (mut sum, mut squares) = (vec![0f32; channels], vec![0f32; channels]);
        rows.chunks_exact(channels).for_each(|row| sum_row(row, first, &mut sum, &mut squares));
        sum.into_iter().zip(squares).map(|(sum, square)| (f64::from(sum), f64::from(square))).collect::<Vec<_>>()
    });
    // Chunks are joined in their order: the same numbers give the same bytes however many threads there are.
    let mut total = vec![(0f64, 0f64); channels];
    for part in sums.collect::<Vec<_>>() {
        total.iter_mut().zip(part).for_each(|(total, part)| *total = (total.0 + part.0, total.1 + part.1));
    }
    let pixels = (x.len() / channels) as f64;
    let size = channels / groups;
    let (mut mean, mut scale) = (vec![0f32; channels], vec![0f32; channels]);
    for start in (0..channels).step_by(size) {
        let of = start..start + size;
        let channel_mean = |c: usize| f64::from(first[c]) + total[c].0 / pixels;
        let group_mean = of.clone().map(channel_mean).sum::<f64>() / size as f64;
        let spread = |c: usize| {
            (total[c].1 - total[c].0 * total[c].0 / pixels) / pixels + (channel_mean(c) - group_mean).powi(2)
        };
        let variance = of.clone().map(spread).sum::<f64>() / size as f64;
        let deviation = (variance.max(0.0) + f64::from(eps)).sqrt();
        for c in of {
            mean[c] = group_mean as f32;
            scale[c] = (f64::from(weight[c]) / deviation) as f32;
        }
    }
    (mean, scale)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn sum_row(row: &[f32], first: &[f32], sum: &mut [f32], squares: &mut [f32]) {
    for (((&x, &first), sum), square) in row.iter().zip(first).zip(sum).zip(squares) {
        let distance = x - first;
        *sum += distance;
        *square += distance * distance;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn silu_row(row: &mut [f32]) {
    row.iter_mut().for_each(|y| *y = silu_of(*y));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn affine_row(from: &[f32], mean: &[f32], scale: &[f32], bias: &[f32], to: &mut [f32]) {
    for ((((to, &x), &mean), &scale), &bias) in to.iter_mut().zip(from).zip(mean).zip(scale).zip(bias) {
        *to = (x - mean) * scale + bias;
    }
}
