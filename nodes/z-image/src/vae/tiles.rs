//! Large pictures tile by tile, with progress after each stage of each tile.

use plugin_api::tiles::Grid;
use plugin_api::{Result, Run, Tensor};

/// Side of the smallest tile, in latent pixels.
pub const SMALLEST: i32 = 4;

/// Called by a network after each of its stages, with what it has so far.
pub type After<'a> = &'a mut dyn FnMut(&Tensor) -> Result<()>;

/// Runs `network`, which calls `after` in `stages` places, over every tile of `x` `[n, h, w, c]`.
///
/// # Errors
/// Whatever the network fails with, and cancellation.
pub fn run(
    grid: &Grid,
    run: &Run,
    x: &Tensor,
    stages: usize,
    network: impl Fn(&Tensor, After<'_>) -> Result<Tensor>,
) -> Result<Tensor> {
    let (mut done, total) = (0, grid.count() * stages);
    let mut after = |x: &Tensor| {
        done += 1;
        run.progress(done, total, Some(x))
    };
    grid.map(x, |_, tile| network(tile, &mut after))
}
