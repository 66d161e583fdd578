//! DPM-Solver++ of second order, from the estimates of this step and the one before (arXiv 2211.01095).

use plugin_api::{Result, Tensor};

use super::{Levels, Steps, each_step, mix};

/// An estimate, and how far its step went in the solver's own time.
struct Last {
    denoised: Tensor,
    length: f64,
}

/// The solver's time is −ln σ.
pub fn dpmpp_2m(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    let mut last: Option<Last> = None;
    each_step(walk, x, levels.sigmas, |walk, x, step| {
        let denoised = walk.denoised(x, step.pass())?;
        let part = f64::from(step.next) / f64::from(step.sigma);
        let length = -part.ln();
        let target = match &last {
            Some(last) if !step.is_last() => {
                let ahead = 0.5 * length / last.length;
                mix(&denoised, 1.0 + ahead, &last.denoised, -ahead)
            }
            _ => denoised.clone(),
        };
        last = Some(Last { denoised, length });
        Ok(mix(x, part, &target, 1.0 - part))
    })
}

/// With fresh noise (the midpoint form of the SDE solver); the solver's time is ln((1 − σ) / σ).
pub fn dpmpp_2m_sde(walk: &mut dyn Steps, x: Tensor, levels: Levels<'_>) -> Result<Tensor> {
    let mut last: Option<Last> = None;
    each_step(walk, x, &below_one(levels), |walk, x, step| {
        let denoised = walk.denoised(x, step.pass())?;
        if step.is_last() {
            return Ok(denoised);
        }
        let (sigma, next) = (f64::from(step.sigma), f64::from(step.next));
        let length = time(next) - time(sigma);
        // With eta 1 the drift runs twice as fast as the time.
        let pull = -(-2.0 * length).exp_m1();
        let mut moved = mix(x, next / sigma * (-length).exp(), &denoised, (1.0 - next) * pull);
        if let Some(last) = &last {
            let change = &denoised - &last.denoised;
            moved = moved + change * (0.5 * (1.0 - next) * pull * length / last.length) as f32;
        }
        last = Some(Last { denoised, length });
        Ok(moved + walk.noise(step.index) * (next * pull.sqrt()) as f32)
    })
}

fn time(sigma: f64) -> f64 {
    ((1.0 - sigma) / sigma).ln()
}

/// At level 1 the time has no end: the walk begins at the level of time 0.9999, as ComfyUI's does.
fn below_one(levels: Levels<'_>) -> Vec<f32> {
    let mut sigmas = levels.sigmas.to_vec();
    match sigmas.first_mut() {
        Some(first) if *first >= 1.0 => *first = levels.flow.sigma(0.9999),
        _ => {}
    }
    sigmas
}
