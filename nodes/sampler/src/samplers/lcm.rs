use plugin_api::{Result, Tensor};

use super::{Levels, Steps, each_step, mix};

/// All the way to the estimate, and back up to the next level with fresh noise: for models made for few steps.
pub fn lcm(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    each_step(walk, x, levels.sigmas, |walk, x, step| {
        let denoised = walk.denoised(x, step.pass())?;
        if step.is_last() {
            return Ok(denoised);
        }
        let next = f64::from(step.next);
        Ok(mix(&walk.noise(step.index), next, &denoised, 1.0 - next))
    })
}
