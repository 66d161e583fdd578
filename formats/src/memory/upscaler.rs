//! A pass through an RRDB upscaler, and the pictures around it.

use super::{FLOAT32, PIXEL};
use crate::upscaler::Rrdb;

/// Bytes for each pixel of what goes in: the larger of what a dense block and what the last layers hold at once, as
/// measured: three pictures of the result's size, before and after a convolution and with its bias.
pub fn of_pixel(rrdb: &Rrdb) -> u64 {
    let [features, growth, unshuffle, scale] =
        [rrdb.features, rrdb.growth, rrdb.unshuffle, rrdb.scale()].map(|number| number as u64);
    let dense = features.saturating_mul(5).saturating_add(growth.saturating_mul(9)) / (unshuffle * unshuffle);
    let last = features.saturating_mul(3 * scale * scale);
    dense.max(last).saturating_mul(FLOAT32)
}

/// Bytes of a tile's pass, and of the rows of the result to which its tiles are added, with `of_pixel` bytes a pixel. A picture
/// smaller than the tile is all of it. Sizes are height and width before and after.
pub fn pass(of_pixel: u64, from: [u64; 2], to: [u64; 2], side: u64) -> u64 {
    let [height, width] = from.map(|size| size.min(side));
    let rows = to[0].saturating_mul(height) / from[0].max(1);
    let result = PIXEL.saturating_mul(rows).saturating_mul(to[1]);
    of_pixel.saturating_mul(height.saturating_mul(width)).saturating_add(result)
}

/// Bytes of the result; several pictures are there twice when they are put together.
pub fn canvas(count: u64, [height, width]: [u64; 2]) -> u64 {
    let one = PIXEL.saturating_mul(height.saturating_mul(width));
    one.saturating_mul(if count > 1 { count.saturating_mul(2) } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_and_its_rows_of_the_result_are_there_at_once() {
        assert_eq!(pass(100, [1024, 512], [4096, 2048], 256), 100 * 256 * 256 + 12 * 1024 * 2048);
        assert_eq!(pass(100, [100, 50], [400, 200], 256), 100 * 100 * 50 + 12 * 400 * 200);
        assert_eq!((canvas(1, [400, 200]), canvas(3, [400, 200])), (12 * 80_000, 6 * 12 * 80_000));
        let huge = [u64::MAX; 2];
        assert_eq!((pass(100, huge, huge, 256), canvas(u64::MAX, huge)), (u64::MAX, u64::MAX));
    }
}
