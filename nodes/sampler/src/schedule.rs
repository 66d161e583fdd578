//! Schedules: the noise levels of a run, from pure noise (1) to none (0). One more number than there are steps.
//! All in float32 and in diffusers' order of operations, so that both programs step through the same numbers.

use plugin_api::{Error, Result};

/// A schedule of so many steps, before the shift and without the last 0.
type Schedule = fn(usize) -> Vec<f32>;

/// By name; the first is the default.
pub const SCHEDULES: &[(&str, Schedule)] = &[("simple", simple)];

pub fn names() -> Vec<&'static str> {
    SCHEDULES.iter().map(|(name, _)| *name).collect()
}

/// The noise levels of a whole run: `steps + 1` numbers, the last of which is 0.
pub fn sigmas(schedule: &str, steps: usize, shift: f32) -> Result<Vec<f32>> {
    let found = SCHEDULES.iter().find(|(name, _)| *name == schedule);
    let (_, make) = found.ok_or_else(|| Error::invalid(format!("there is no schedule `{schedule}`")))?;
    Ok(make(steps).into_iter().map(|sigma| shifted(sigma, shift)).chain([0.0]).collect())
}

/// More steps at the noisy end, the larger the shift.
fn shifted(sigma: f32, shift: f32) -> f32 {
    shift * sigma / (1.0 + (shift - 1.0) * sigma)
}

/// Evenly from 1 to 1/steps: bit for bit torch's `linspace(1, 1 / steps, steps)`, which counts from the nearer end
/// and rounds once.
fn simple(steps: usize) -> Vec<f32> {
    if steps == 1 {
        return vec![1.0];
    }
    let last = 1.0 / steps as f32;
    let step = (last - 1.0) / (steps - 1) as f32;
    let at = |index: usize| match index < steps / 2 {
        true => step.mul_add(index as f32, 1.0),
        false => (-step).mul_add((steps - 1 - index) as f32, last),
    };
    (0..steps).map(at).collect()
}

/// The first step that is run where only a part of the noise is put on: diffusers' image to image, in its arithmetic.
/// `steps` where nothing is left to do.
pub fn first_step(steps: usize, denoise: f64) -> usize {
    let steps = steps as f64;
    (steps - (steps * denoise).min(steps)).max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_table(steps: usize, shift: f32, table: &[f32]) {
        let sigmas = sigmas("simple", steps, shift).unwrap();
        assert_eq!(sigmas.len(), steps + 1);
        for (sigma, expected) in sigmas.iter().zip(table) {
            assert!((sigma - expected).abs() < 6e-6, "{steps} steps, shift {shift}: {sigmas:?}");
        }
    }

    #[test]
    fn golden_tables() {
        assert_table(4, 3.0, &[1., 0.9, 0.75, 0.5, 0.]);
        assert_table(8, 3.0, &[1., 0.95455, 0.9, 0.83333, 0.75, 0.64286, 0.5, 0.3, 0.]);
        assert_table(9, 3.0, &[1., 0.96, 0.91304, 0.85714, 0.78947, 0.70588, 0.6, 0.46154, 0.27273, 0.]);
        let twenty = [
            1., 0.98276, 0.96429, 0.94444, 0.92308, 0.9, 0.875, 0.84783, 0.81818, 0.78571, 0.75, 0.71053, 0.66667,
            0.61765, 0.5625, 0.5, 0.42857, 0.34615, 0.25, 0.13636, 0.,
        ];
        assert_table(20, 3.0, &twenty);
        assert_table(8, 1.0, &[1., 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.]);
        assert_table(8, 5.0, &[1., 0.97222, 0.9375, 0.89286, 0.83333, 0.75, 0.625, 0.41667, 0.]);
        assert_table(1, 3.0, &[1., 0.]);
    }

    #[test]
    fn every_schedule_falls_to_zero() {
        for steps in [1, 2, 3, 7, 50, 1000] {
            for shift in [0.1, 1.0, 3.0, 100.0] {
                let sigmas = sigmas("simple", steps, shift).unwrap();
                assert!(sigmas.windows(2).all(|pair| pair[0] > pair[1]), "{steps} steps, shift {shift}: {sigmas:?}");
                assert!(sigmas[steps - 1] > 0.0);
            }
        }
    }

    #[test]
    fn steps_skipped_by_denoise() {
        let cases = [(8, 1.0, 0), (8, 0.5, 4), (8, 0.6, 3), (8, 0.05, 7), (8, 0.0, 8), (50, 0.8, 10), (1, 0.5, 0)];
        for (steps, denoise, first) in cases {
            assert_eq!(first_step(steps, denoise), first, "{steps} steps, denoise {denoise}");
        }
    }
}
