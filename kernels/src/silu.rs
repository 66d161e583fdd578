//! `x · sigmoid(x)`, and that times a gate.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::TASK;
use crate::exp::exp;

/// `x · sigmoid(x)` of every number.
pub fn silu(x: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(to, x)| silu_chunk(x, to));
}

/// `silu(x) · gate`.
pub fn silu_multiply(x: &[f32], gate: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(TASK).zip(x.par_chunks(TASK).zip(gate.par_chunks(TASK))).for_each(|(to, (x, gate))| {
        silu_chunk(x, to);
        multiply_chunk(to, gate);
    });
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn silu_chunk(from: &[f32], to: &mut [f32]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = silu_of(x);
    }
}

#[inline(always)]
pub fn silu_of(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn multiply_chunk(to: &mut [f32], with: &[f32]) {
    for (to, &with) in to.iter_mut().zip(with) {
        *to *= with;
    }
}
