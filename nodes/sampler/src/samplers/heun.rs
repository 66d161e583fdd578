use plugin_api::{Result, Tensor};

use super::{Levels, Pass, Steps, each_step, velocity};

/// Two passes a step: along the mean of the velocities here and where it leads. The last step takes one, because there is no
/// velocity without noise.
pub fn heun(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    each_step(walk, x, levels.sigmas, |walk, x, step| {
        let length = step.next - step.sigma;
        let passes = if step.is_last() { 1 } else { 2 };
        let here = velocity(x, &walk.denoised(x, Pass { passes, ..step.pass() })?, step.sigma);
        let ahead = x + &here * length;
        if step.is_last() {
            return Ok(ahead);
        }
        let pass = Pass { step: step.index, sigma: step.next, pass: 1, passes };
        let there = velocity(&ahead, &walk.denoised(&ahead, pass)?, step.next);
        Ok(x + (here + there) * (0.5 * length))
    })
}
