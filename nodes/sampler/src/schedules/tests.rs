use super::*;
use crate::goldens;

/// Rounding of the float32 arithmetic that the goldens were made in.
const TABLE: f32 = 3e-7;
const POWERS: f32 = 3e-6;

fn table(schedule: &str, steps: usize, shift: f32) -> Vec<f32> {
    sigmas(schedule, steps, Flow { shift }).unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], limit: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= limit * expected, "{what}: {found} instead of {expected}");
    }
}

fn limit(schedule: &str) -> f32 {
    if ["karras", "exponential"].contains(&schedule) { POWERS } else { TABLE }
}

#[test]
fn golden_tables() {
    let assert_table = |steps: usize, shift: f32, expected: &[f32]| {
        let found = table("simple", steps, shift);
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 6e-6), "{steps}, shift {shift}: {found:?}");
    };
    assert_table(4, 3.0, &[1., 0.9, 0.75, 0.5, 0.]);
    assert_table(8, 3.0, &[1., 0.95455, 0.9, 0.83333, 0.75, 0.64286, 0.5, 0.3, 0.]);
    assert_table(9, 3.0, &[1., 0.96, 0.91304, 0.85714, 0.78947, 0.70588, 0.6, 0.46154, 0.27273, 0.]);
    let twenty = [
        1., 0.98276, 0.96429, 0.94444, 0.92308, 0.9, 0.875, 0.84783, 0.81818, 0.78571, 0.75, 0.71053, 0.66667, 0.61765,
        0.5625, 0.5, 0.42857, 0.34615, 0.25, 0.13636, 0.,
    ];
    assert_table(20, 3.0, &twenty);
    assert_table(8, 1.0, &[1., 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.]);
    assert_table(8, 5.0, &[1., 0.97222, 0.9375, 0.89286, 0.83333, 0.75, 0.625, 0.41667, 0.]);
    assert_table(1, 3.0, &[1., 0.]);
}

/// Every bit of the default.
#[test]
fn simple_is_diffusers() {
    for row in goldens::sigmas().tables {
        assert_eq!(table("simple", row.steps, row.shift), row.sigmas, "{} steps, shift {}", row.steps, row.shift);
    }
    for row in goldens::sigmas().image_to_image {
        assert_eq!(first_step(row.steps, row.denoise), row.skipped, "{row:?}");
    }
}

#[test]
fn the_others_are_comfyuis() {
    let rows = goldens::schedules().tables;
    for row in rows.iter().filter(|row| row.schedule != "simple") {
        let steps = (row.steps as f64 / row.denoise) as usize;
        let all = table(&row.schedule, steps, row.shift);
        assert_close(last_part(&all, steps, row.denoise), &row.sigmas, limit(&row.schedule), &format!("{row:?}"));
    }
}

#[test]
fn a_thousand_steps_are_comfyuis() {
    for row in goldens::schedules().long.iter().filter(|row| row.schedule != "simple") {
        let found = table(&row.schedule, row.steps, row.shift);
        assert_eq!(found.len(), row.count, "{}", row.schedule);
        let every: Vec<f32> = found.iter().step_by(100).copied().collect();
        assert_close(&every, &row.every_100th, limit(&row.schedule), &row.schedule);
        let sum: f64 = found.iter().map(|&sigma| f64::from(sigma)).sum();
        assert!((sum - row.sum).abs() < 1e-3, "{}: {sum} instead of {}", row.schedule, row.sum);
    }
}

/// What the docs say of the two `simple`s: equal where the steps divide 1000, elsewhere less than 1/1000 in time.
#[test]
fn comfyuis_simple_is_close() {
    for row in goldens::schedules().tables.iter().filter(|row| row.schedule == "simple" && row.denoise == 1.0) {
        let ours = table("simple", row.steps, row.shift);
        let time = |sigma: f32| sigma / (row.shift - (row.shift - 1.0) * sigma);
        for (ours, theirs) in ours.iter().zip(&row.sigmas) {
            let noisier = time(*theirs) - time(*ours);
            let limit = if 1000 % row.steps == 0 { 1e-6 } else { 1e-3 };
            assert!(noisier > -1e-6 && noisier < limit, "{row:?}: {ours}");
        }
    }
}

#[test]
fn every_schedule_falls_from_one_to_zero() {
    for schedule in names() {
        for steps in [1, 2, 3, 7, 50, 100, 1000] {
            for shift in [0.1, 1.0, 3.0, 100.0] {
                let sigmas = table(schedule, steps, shift);
                let what = format!("{schedule}, {steps} steps, shift {shift}: {sigmas:?}");
                assert!(sigmas.windows(2).all(|pair| pair[0] > pair[1]), "{what}");
                // Odd shifts round.
                assert!((sigmas[0] - 1.0).abs() < 1e-6 && sigmas[sigmas.len() - 1] == 0.0, "{what}");
                assert!(sigmas.len() == steps + 1 || schedule == "beta", "{what}");
            }
        }
    }
}

#[test]
fn steps_skipped_by_denoise() {
    let cases = [(8, 1.0, 0), (8, 0.5, 4), (8, 0.6, 3), (8, 0.05, 7), (8, 0.0, 8), (50, 0.8, 10), (1, 0.5, 0)];
    for (steps, denoise, first) in cases {
        assert_eq!(first_step(steps, denoise), first, "{steps} steps, denoise {denoise}");
        let levels = if first < steps { steps - first + 1 } else { 0 };
        assert_eq!(last_part(&table("simple", steps, 3.0), steps, denoise).len(), levels);
    }
}
