//! Sums, products and maxima number by number.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::task;

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Multiply,
    Maximum,
}

/// Every row of `x`, which is as wide as `other` or as a row of it, with `other`: all of it, or the same row again and again.
///
/// # Panics
/// Where `x` is not made of whole rows of `width`, or `other` is neither as large as `x` nor as a row.
pub fn arithmetic(kind: Arithmetic, x: &[f32], other: &[f32], width: usize, to: &mut [f32]) {
    assert!(x.len() == to.len() && (other.len() == x.len() || other.len() == width), "numbers for each other");
    let size = task(width);
    let tasks = to.par_chunks_mut(size).zip(x.par_chunks(size)).enumerate();
    if other.len() == x.len() {
        tasks.for_each(|(index, (to, x))| run(kind, x, &other[index * size..], to));
    } else {
        tasks.for_each(|(_, (to, x))| {
            to.chunks_exact_mut(width).zip(x.chunks_exact(width)).for_each(|(to, x)| run(kind, x, other, to));
        });
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn run(kind: Arithmetic, x: &[f32], other: &[f32], to: &mut [f32]) {
    let numbers = to.iter_mut().zip(x.iter().zip(other));
    match kind {
        Arithmetic::Add => numbers.for_each(|(to, (x, other))| *to = x + other),
        Arithmetic::Multiply => numbers.for_each(|(to, (x, other))| *to = x * other),
        // As MLX has it: what is no number stays so.
        Arithmetic::Maximum => {
            numbers.for_each(|(to, (x, other))| *to = if x.is_nan() || x > other { *x } else { *other })
        }
    }
}
