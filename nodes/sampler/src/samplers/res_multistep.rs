use plugin_api::{Result, Tensor};

use super::{Levels, Steps, each_step, mix, velocity};

/// RES, an exponential integrator of second order that takes the step before for its stage (arXiv 2308.02157). The
/// solver's time is −ln σ. The first step and the last are Euler's.
pub fn res_multistep(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    // The estimate of the step before, and that step's length in the solver's time.
    let mut last: Option<(Tensor, f64)> = None;
    each_step(walk, x, levels.sigmas, |walk, x, step| {
        let denoised = walk.denoised(x, step.pass())?;
        let part = f64::from(step.next) / f64::from(step.sigma);
        let length = -part.ln();
        let next = match &last {
            Some((before, length_before)) if !step.is_last() => {
                let [now, earlier] = weights(length, -length_before / length);
                mix(x, part, &mix(&denoised, now, before, earlier), 1.0)
            }
            _ => x + velocity(x, &denoised, step.sigma) * (step.next - step.sigma),
        };
        last = Some((denoised, length));
        Ok(next)
    })
}

/// Of the estimates of this step and of the stage, which lies `stage` steps of this length ahead.
fn weights(length: f64, stage: f64) -> [f64; 2] {
    let phi_1 = -(-length).exp_m1() / length;
    let phi_2 = (1.0 - phi_1) / length;
    [length * (phi_1 - phi_2 / stage), length * phi_2 / stage]
}
