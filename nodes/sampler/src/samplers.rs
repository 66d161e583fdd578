//! Samplers: how a latent walks down the noise levels. Names, formulas and constants are those of ComfyUI for models of
//! a flow: `eta` and `s_noise` are 1 where noise is put on.

mod dpmpp;
mod euler;
mod heun;
mod lcm;
mod res_multistep;
#[cfg(test)]
mod tests;

use plugin_api::{Dtype, Error, Result, Tensor};

use crate::flow::Flow;

/// What a sampler walks with.
pub trait Steps {
    /// The denoised estimate of `x`, of which `pass.sigma` is noise.
    fn denoised(&mut self, x: &Tensor, pass: Pass) -> Result<Tensor>;

    /// Fresh noise for the end of a step.
    fn noise(&mut self, step: usize) -> Tensor;

    /// Called with the result of each step. `false` ends the walk there.
    fn done(&mut self, step: usize, x: &Tensor) -> Result<bool>;
}

/// One pass through the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pass {
    pub step: usize,
    /// The noise level of what goes in.
    pub sigma: f32,
    /// Which of the step's passes it is, from 0.
    pub pass: usize,
    pub passes: usize,
}

/// The levels of a run, the last of which is 0, and the flow that they are levels of.
#[derive(Debug, Clone, Copy)]
pub struct Levels<'a> {
    pub sigmas: &'a [f32],
    pub flow: Flow,
}

/// From `x` at the first level to the last.
pub type Sampler = fn(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor>;

/// By name; the first is the default.
const SAMPLERS: &[(&str, Sampler)] = &[
    ("euler", euler::euler),
    ("euler_ancestral", euler::ancestral),
    ("heun", heun::heun),
    ("dpmpp_2m", dpmpp::dpmpp_2m),
    ("dpmpp_2m_sde", dpmpp::dpmpp_2m_sde),
    ("res_multistep", res_multistep::res_multistep),
    ("lcm", lcm::lcm),
];

pub fn names() -> Vec<&'static str> {
    SAMPLERS.iter().map(|(name, _)| *name).collect()
}

pub fn by_name(name: &str) -> Result<Sampler> {
    let found = SAMPLERS.iter().find(|(known, _)| *known == name);
    found.map(|(_, sampler)| *sampler).ok_or_else(|| Error::invalid(format!("there is no sampler `{name}`")))
}

/// From one level to the next.
#[derive(Debug, Clone, Copy)]
struct Step {
    index: usize,
    sigma: f32,
    next: f32,
}

impl Step {
    /// The step's only pass.
    fn pass(self) -> Pass {
        Pass { step: self.index, sigma: self.sigma, pass: 0, passes: 1 }
    }

    fn is_last(self) -> bool {
        self.next == 0.0
    }
}

/// Takes every step with `take`, which gives the next `x`.
fn each_step(
    walk: &mut dyn Steps,
    mut x: Tensor,
    sigmas: &[f32],
    mut take: impl FnMut(&mut dyn Steps, &Tensor, Step) -> Result<Tensor>,
) -> Result<Tensor> {
    for (index, pair) in sigmas.windows(2).enumerate() {
        x = take(walk, &x, Step { index, sigma: pair[0], next: pair[1] })?;
        if !walk.done(index, &x)? {
            break;
        }
    }
    Ok(x)
}

/// The direction from the denoised estimate to pure noise, for a whole unit of sigma.
fn velocity(x: &Tensor, denoised: &Tensor, sigma: f32) -> Tensor {
    (x - denoised) / number(sigma)
}

/// `a·x + b·y`: weights are worked out in float64, where differences near 0 and 1 keep their digits.
fn mix(x: &Tensor, a: f64, y: &Tensor, b: f64) -> Tensor {
    x * a as f32 + y * b as f32
}

fn number(value: f32) -> Tensor {
    Tensor::full(&[], value, Dtype::Float32)
}
