//! The noise that a picture is made of.

use plugin_api::{Error, Record, Result, Tensor};

use crate::latent;

/// Drawn from the seed, picture i from `seed + i`: a picture does not depend on the batch that it is made in.
pub fn drawn(shape: [i32; 4], seed: u64) -> Tensor {
    let [count, channels, height, width] = shape;
    // The axis of one frame does not change the numbers; the shape is the one that the reference programs draw.
    let draw = |index: i32| {
        let seed = seed.wrapping_add(index as u64);
        Tensor::random_normal(&[channels, 1, height, width], seed).reshape(&[channels, height, width])
    };
    Tensor::stack(&(0..count).map(draw).collect::<Vec<_>>(), 0)
}

/// Given as a latent of the same size: as many pictures, or one for all.
pub fn given(noise: &Record, shape: [i32; 4]) -> Result<Tensor> {
    let (samples, found) = latent::samples(noise, "the noise")?;
    match found {
        _ if found == shape => Ok(samples),
        [1, sides @ ..] if sides == shape[1..] => Ok(samples.broadcast_to(&shape)),
        _ => Err(Error::invalid(format!("the noise has the shape {found:?}, but the latent {shape:?}"))
            .help("make the noise for the same width, height and batch, or for a batch of 1")),
    }
}
