//! Rotary position embedding.

use multiversion::multiversion;
use rayon::prelude::*;

/// Turns neighbouring pairs of `[…, tokens, heads, width]` by the angles of their token, whose cosines and sines are
/// `[tokens, width / 2]`.
pub fn rotate_pairs(x: &[f32], cos: &[f32], sin: &[f32], [tokens, heads, width]: [usize; 3], to: &mut [f32]) {
    let token = heads * width;
    to.par_chunks_mut(token).zip(x.par_chunks(token)).enumerate().for_each(|(index, (to, x))| {
        let row = index % tokens * (width / 2);
        let (cos, sin) = (&cos[row..row + width / 2], &sin[row..row + width / 2]);
        let heads = to.chunks_exact_mut(width).zip(x.chunks_exact(width));
        heads.for_each(|(to, x)| rotate_row(x, cos, sin, to));
    });
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn rotate_row(from: &[f32], cos: &[f32], sin: &[f32], to: &mut [f32]) {
    let pairs = to.as_chunks_mut::<2>().0.iter_mut().zip(from.as_chunks::<2>().0);
    for (([real, imaginary], &[a, b]), (&cos, &sin)) in pairs.zip(cos.iter().zip(sin)) {
        *real = a * cos - b * sin;
        *imaginary = a * sin + b * cos;
    }
}
