//! What a LATENT is: a record whose `samples` are float32 `[pictures, 16, height / 8, width / 8]`. Nodes pass on
//! the keys that they do not know.

use plugin_api::{Dtype, Error, Record, Result, Tensor};

pub const CHANNELS: i32 = 16;
/// Pixels a latent number stands for, along each side.
pub const SCALE: i32 = 8;

/// The samples of a latent and their shape; `what` names it in errors.
pub fn samples(latent: &Record, what: &str) -> Result<(Tensor, [i32; 4])> {
    let samples: Tensor = latent.get("samples")?;
    let shape = samples.dims::<4>(what)?;
    check_shape(shape, what)?;
    Ok((samples.as_dtype(Dtype::Float32), shape))
}

/// Any count, 16 channels, sides of whole tokens: the transformer takes 2×2 numbers at a time.
pub fn check_shape(shape: [i32; 4], what: &str) -> Result<()> {
    let [count, channels, height, width] = shape;
    if count > 0 && channels == CHANNELS && height > 0 && width > 0 && height % 2 == 0 && width % 2 == 0 {
        return Ok(());
    }
    Err(Error::invalid(format!("{what} has the shape {shape:?}, but [n, 16, h, w] with even h and w is needed")))
}

/// The error of numbers that cannot be a picture: not finite, or all the same.
pub fn check_numbers(samples: &Tensor, made_by: impl FnOnce() -> String) -> Result<()> {
    let numbers = |tensor: Tensor| tensor.as_dtype(Dtype::Float32);
    let finite = numbers(samples.is_finite().all(&[], false));
    let (least, most) = (numbers(samples.min(&[], false)), numbers(samples.max(&[], false)));
    // One read: the three come out of one evaluation.
    let report = Tensor::stack(&[finite, least, most], 0).to_vec::<f32>()?;
    let fault = match report[..] {
        [0.0, ..] => "numbers that are not finite",
        [_, least, most] if least == most => "the same number everywhere",
        _ => return Ok(()),
    };
    Err(Error::failed(format!("{} gave {fault}", made_by()))
        .help("set the loader's `precision` to float32, or to bfloat16: float16 overflows in this model"))
}
