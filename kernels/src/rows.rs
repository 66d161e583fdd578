//! What is done to each row by itself.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::exp::exp;
use crate::task;

/// Softmax of every row of `width` numbers, in place.
pub fn softmax(rows: &mut [f32], width: usize) {
    rows.par_chunks_mut(task(width)).for_each(|rows| rows.chunks_exact_mut(width).for_each(softmax_row));
}

/// `x / √(mean(x²) + eps) · weight` of every row, which is as wide as `weight`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, to: &mut [f32]) {
    let (width, task) = (weight.len(), task(weight.len()));
    to.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(to, x)| {
        let rows = to.chunks_exact_mut(width).zip(x.chunks_exact(width));
        rows.for_each(|(to, x)| rms_row(x, weight, eps, to));
    });
}

/// Joins `of(x)` over a row, sixteen side by side, because a single sum is a chain that no vector unit can break.
#[inline(always)]
fn fold(row: &[f32], zero: f32, of: impl Fn(f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [zero; 16];
    let (whole, rest) = row.as_chunks::<16>();
    for chunk in whole {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, of(x));
        }
    }
    let joined = rest.iter().fold(zero, |joined, &x| join(joined, of(x)));
    lanes.into_iter().fold(joined, join)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn softmax_row(row: &mut [f32]) {
    let max = fold(row, f32::NEG_INFINITY, |x| x, |a, b| if a > b { a } else { b });
    for x in row.iter_mut() {
        *x = exp(*x - max);
    }
    let scale = 1.0 / fold(row, 0.0, |x| x, |a, b| a + b);
    for x in row.iter_mut() {
        *x *= scale;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn rms_row(from: &[f32], weight: &[f32], eps: f32, to: &mut [f32]) {
    let squares = fold(from, 0.0, |x| x * x, |a, b| a + b);
    let scale = 1.0 / (squares / from.len() as f32 + eps).sqrt();
    for (to, (&x, &weight)) in to.iter_mut().zip(from.iter().zip(weight)) {
        *to = x * scale * weight;
    }
}
