//! A pass through an RRDB upscaler, and the pictures around it.

use super::{FLOAT32, PIXEL};
use crate::upscaler::Rrdb;

/// Bytes for each pixel of what goes in: the larger of what a dense block and what the last layers hold at once, as
/// measured: three pictures of the result's size, before and after a convolution and with its bias.
pub fn of_pixel(rrdb: &Rrdb) -> u64 {
    let Rrdb { features, growth, unshuffle, .. } = *rrdb;
    let dense = (5 * features + 9 * growth) / (unshuffle * unshuffle);
    let last = 3 * features * rrdb.scale() * rrdb.scale();
    FLOAT32 * dense.max(last) as u64
}

/// Bytes of a tile's pass, and of the rows of the result to which its tiles are added, with `of_pixel` bytes a pixel. A picture
/// smaller than the tile is all of it. Sizes are height and width before and after.
pub fn pass(of_pixel: u64, from: [u64; 2], to: [u64; 2], side: u64) -> u64 {
    let [height, width] = from.map(|size| size.min(side));
    let rows = to[0] * height / from[0].max(1);
    of_pixel.saturating_mul(height * width).saturating_add(PIXEL * rows * to[1])
}

/// Bytes of the result; several pictures are there twice when they are put together.
pub fn canvas(count: u64, [height, width]: [u64; 2]) -> u64 {
    let one = PIXEL.saturating_mul(height.saturating_mul(width));
    one.saturating_mul(if count > 1 { 2 * count } else { 1 })
}
