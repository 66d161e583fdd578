//! Large pictures tile by tile, with progress after each stage of each tile.

use plugin_api::tiles::Grid;
use plugin_api::{Result, Run, Tensor};

/// Side of the smallest tile, in latent pixels.
pub const SMALLEST: i32 = 4;

/// Called by a network after each of its stages, with what it has so far.
pub type After<'a> = &'a mut dyn FnMut(&Tensor) -> Result<()>;

/// Runs `network`, which calls `after` in `stages` places, over every tile of `x` `[n, h, w, c]`, one picture after the other:
/// memory does not depend on how many there are.
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
    let [count, ..]: [i32; 4] = x.dims("what goes through the VAE")?;
    let (mut done, total) = (0, grid.count() * stages * count as usize);
    let mut after = |x: &Tensor| {
        done += 1;
        run.progress(done, total, Some(x))
    };
    let mut one = |picture| grid.map(&x.narrow(0, picture, picture + 1), |_, tile| network(tile, &mut after));
    let mut pictures = (0..count).map(&mut one).collect::<Result<Vec<_>>>()?;
    Ok(if pictures.len() == 1 { pictures.remove(0) } else { Tensor::concatenate(&pictures, 0) })
}
