//! Classifier-free guidance, with the normalization and truncation of diffusers' Z-Image pipeline.

use plugin_api::{Dtype, Error, Record, Result, Run, Tensor};

/// How an estimate is led away from the negative prompt's.
#[derive(Debug, Clone, Copy)]
pub struct Guidance {
    strength: f32,
    /// The guided velocity is at most so many times as long as the unguided one; 0: of any length.
    normalization: f32,
    /// Guided only up to this time, which goes from 0 (noise) to 1 (picture).
    truncation: f64,
}

impl Guidance {
    /// Guidance and what it leads away from, where there is any.
    pub fn of(run: &Run, inputs: &Record) -> Result<Option<(Self, Record)>> {
        let guidance = Self {
            strength: inputs.get("guidance")?,
            normalization: inputs.get("cfg_normalization")?,
            truncation: inputs.get("cfg_truncation")?,
        };
        match inputs.find("negative")? {
            Some(prompt) if guidance.strength > 0.0 => Ok(Some((guidance, prompt))),
            Some(_) => {
                run.note("the negative prompt does nothing at guidance 0");
                Ok(None)
            }
            None if guidance.strength > 0.0 => Err(needs_negative(guidance.strength)),
            None => Ok(None),
        }
    }

    /// Whether a pass at this noise level is guided.
    pub fn is_on(&self, sigma: f32) -> bool {
        // In the pipeline's float32, where the level goes through a timestep of 1000 and back.
        let time = (1000.0 - sigma * 1000.0) / 1000.0;
        f64::from(time) <= self.truncation
    }

    /// The estimate of `x`, led away from the negative one.
    pub fn guided(&self, x: &Tensor, positive: &Tensor, negative: Tensor) -> Tensor {
        let guided = positive + (positive - negative) * self.strength;
        if self.normalization == 0.0 {
            return guided;
        }
        let long = length(&(x - positive)) * self.normalization;
        // Nothing is divided by 0 where `x` is its own estimate.
        let scale = (long / length(&(x - &guided)).maximum(&number(f32::MIN_POSITIVE))).minimum(&number(1.0));
        &guided + (x - &guided) * (number(1.0) - scale)
    }
}

fn needs_negative(strength: f32) -> Error {
    Error::invalid(format!("guidance {strength} needs a negative prompt"))
        .help("link an EncodeText to `negative`; its text may be empty. Or set guidance to 0")
}

/// Of each picture, `[n, 1, 1, 1]`. A velocity is `(x − estimate) / σ`, so that σ falls out of every ratio.
fn length(difference: &Tensor) -> Tensor {
    difference.square().sum(&[1, 2, 3], true).sqrt()
}

fn number(value: f32) -> Tensor {
    Tensor::full(&[], value, Dtype::Float32)
}
