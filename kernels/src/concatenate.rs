//! Tensors side by side.

use rayon::prelude::*;

use crate::task;

/// Rows of `parts`, each with its width, one after the other in the rows of `to`.
pub fn concatenate(parts: &[(&[f32], usize)], to: &mut [f32]) {
    let width: usize = parts.iter().map(|(_, width)| width).sum();
    let rows = task(width) / width;
    to.par_chunks_mut(task(width)).enumerate().for_each(|(index, to)| {
        let mut before = 0;
        for &(part, own) in parts {
            let from = part[index * rows * own..].chunks_exact(own);
            for (to, from) in to.chunks_exact_mut(width).zip(from) {
                to[before..before + own].copy_from_slice(from);
            }
            before += own;
        }
    });
}
