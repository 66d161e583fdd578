use plugin_api::{Result, Tensor};

use super::{Levels, Steps, each_step, mix, velocity};

/// Straight on along the velocity, which points from the denoised estimate to pure noise.
pub fn euler(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    each_step(walk, x, levels.sigmas, |walk, x, step| {
        let velocity = velocity(x, &walk.denoised(x, step.pass())?, step.sigma);
        Ok(x + velocity * (step.next - step.sigma))
    })
}

/// Farther down than the next level, and back up with fresh noise.
///
/// Of a picture α = 1 − σ is left. From `down` = next²/σ the picture shrinks by α/α_down, and noise is added so that the
/// variances sum up to next².
pub fn ancestral(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    each_step(walk, x, levels.sigmas, |walk, x, step| {
        let denoised = walk.denoised(x, step.pass())?;
        if step.is_last() {
            return Ok(denoised);
        }
        let (sigma, next) = (f64::from(step.sigma), f64::from(step.next));
        let down = next * next / sigma;
        let shrink = (1.0 - next) / (1.0 - down);
        let fresh = (next * next - (down * shrink).powi(2)).max(0.0).sqrt();
        let part = down / sigma;
        let x = mix(x, shrink * part, &denoised, shrink * (1.0 - part));
        Ok(x + walk.noise(step.index) * fresh as f32)
    })
}
