//! Samplers: how a latent walks down the noise levels.

use plugin_api::{Dtype, Error, Result, Tensor};

/// What a sampler walks with.
pub trait Steps {
    /// The denoised estimate of `x` at step `step`, where `sigma` of it is noise.
    fn denoised(&mut self, x: &Tensor, step: usize, sigma: f32) -> Result<Tensor>;

    /// Called with the result of each step. `false` ends the walk there.
    fn done(&mut self, step: usize, x: &Tensor) -> Result<bool>;
}

/// From `x` at the first of the noise levels to the last.
pub type Sampler = fn(steps: &mut dyn Steps, x: Tensor, sigmas: &[f32]) -> Result<Tensor>;

/// By name; the first is the default.
const SAMPLERS: &[(&str, Sampler)] = &[("euler", euler)];

pub fn names() -> Vec<&'static str> {
    SAMPLERS.iter().map(|(name, _)| *name).collect()
}

pub fn by_name(name: &str) -> Result<Sampler> {
    let found = SAMPLERS.iter().find(|(known, _)| *known == name);
    found.map(|(_, sampler)| *sampler).ok_or_else(|| Error::invalid(format!("there is no sampler `{name}`")))
}

/// Straight on along the velocity, which points from the denoised estimate to pure noise.
fn euler(steps: &mut dyn Steps, mut x: Tensor, sigmas: &[f32]) -> Result<Tensor> {
    for (step, pair) in sigmas.windows(2).enumerate() {
        let (sigma, next) = (pair[0], pair[1]);
        let velocity = (&x - steps.denoised(&x, step, sigma)?) / number(sigma);
        x = x + velocity * (next - sigma);
        if !steps.done(step, &x)? {
            break;
        }
    }
    Ok(x)
}

fn number(value: f32) -> Tensor {
    Tensor::full(&[], value, Dtype::Float32)
}
