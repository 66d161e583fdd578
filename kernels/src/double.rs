//! Pictures twice as wide and high.

use rayon::prelude::*;

/// Every pixel of `[h, w, channels]` four times, `width` being w.
pub fn double(x: &[f32], width: usize, channels: usize, to: &mut [f32]) {
    let line = width * channels;
    to.par_chunks_exact_mut(4 * line).zip(x.par_chunks_exact(line)).for_each(|(to, x)| {
        let (upper, lower) = to.split_at_mut(2 * line);
        for (to, pixel) in upper.chunks_exact_mut(2 * channels).zip(x.chunks_exact(channels)) {
            let (left, right) = to.split_at_mut(channels);
            left.copy_from_slice(pixel);
            right.copy_from_slice(pixel);
        }
        lower.copy_from_slice(upper);
    });
}
