//! Every sampler on denoisers of one line, without nodes.

use plugin_api::Record;

use super::*;
use crate::goldens::{self, Walk};
use crate::mask::{self, Inpainting};
use crate::schedules;

const SHAPE: [i32; 4] = [1, 1, 2, 3];

/// Walks with a denoiser and noise that are known, and notes every pass.
struct Toy<F: Fn(&Tensor, f32) -> Tensor> {
    denoiser: F,
    inpainting: Option<Inpainting>,
    passes: Vec<Pass>,
    stop_after: usize,
}

impl<F: Fn(&Tensor, f32) -> Tensor> Toy<F> {
    fn new(denoiser: F) -> Self {
        Self { denoiser, inpainting: None, passes: Vec::new(), stop_after: usize::MAX }
    }
}

impl<F: Fn(&Tensor, f32) -> Tensor> Steps for Toy<F> {
    fn denoised(&mut self, x: &Tensor, pass: Pass) -> Result<Tensor> {
        self.passes.push(pass);
        Ok(match &self.inpainting {
            Some(inpainting) => inpainting.estimate(&(self.denoiser)(&inpainting.input(x, pass.sigma), pass.sigma)),
            None => (self.denoiser)(x, pass.sigma),
        })
    }

    fn noise(&mut self, step: usize) -> Tensor {
        waves(step as f32 + 1.0)
    }

    fn done(&mut self, step: usize, _: &Tensor) -> Result<bool> {
        Ok(step + 1 < self.stop_after)
    }
}

/// The numbers that the goldens were made of, too.
fn waves(phase: f32) -> Tensor {
    let numbers: Vec<f32> = (0..6).map(|i| (1.3 * (1.7 * f64::from(i) + f64::from(phase)).sin()) as f32).collect();
    Tensor::from_slice(&numbers, &SHAPE)
}

fn curved(x: &Tensor, sigma: f32) -> Tensor {
    (x * 0.9 + -0.7 * sigma).tanh() * 1.2 + 0.15
}

/// The walk of a golden row.
fn walked(row: &Walk, mask: Option<&[f32]>) -> Vec<f32> {
    let (noise, picture, sigma) = (waves(0.0), waves(-1.0), row.sigmas[0]);
    let x = &noise * sigma + &picture * (1.0 - sigma);
    let mut toy = Toy::new(curved);
    if let Some(mask) = mask {
        let latent = Record::new().with(mask::KEY, Tensor::from_slice(mask, &[1, 2, 3]));
        toy.inpainting = Inpainting::of(&latent, &picture, &noise, SHAPE).unwrap();
    }
    let levels = Levels { sigmas: &row.sigmas, flow: Flow { shift: row.shift } };
    by_name(&row.sampler).unwrap()(&mut toy, x, levels).unwrap().to_vec().unwrap()
}

fn assert_close(row: &Walk, found: &[f32]) {
    for (found, expected) in found.iter().zip(&row.result) {
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 1e-5 * expected.abs().max(0.1), "{row:?}: {found} instead of {expected}");
    }
}

#[test]
fn walks_are_comfyuis() {
    let rows = goldens::samplers().walks;
    assert!(names().iter().all(|name| rows.iter().filter(|row| row.sampler == *name).count() == 12));
    for row in rows {
        assert_close(&row, &walked(&row, None));
    }
}

#[test]
fn masked_walks_are_comfyuis() {
    for row in goldens::samplers().masked {
        assert_close(&row, &walked(&row, Some(&[0.0, 0.25, 1.0, 0.5, 1.0, 0.0])));
    }
}

/// Whatever the way: whoever knows the picture ends with it.
#[test]
fn a_model_that_is_right_is_followed() {
    let picture = waves(3.0);
    let expected: Vec<f32> = picture.to_vec().unwrap();
    for name in names() {
        for schedule in schedules::names() {
            for steps in [1, 2, 5, 30] {
                let flow = Flow { shift: 3.0 };
                let sigmas = schedules::sigmas(schedule, steps, flow).unwrap();
                let mut toy = Toy::new(|_: &Tensor, _| picture.clone());
                let levels = Levels { sigmas: &sigmas, flow };
                let found: Vec<f32> = by_name(name).unwrap()(&mut toy, waves(0.0), levels).unwrap().to_vec().unwrap();
                let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 2e-6);
                assert!(close, "{name}, {schedule}, {steps} steps: {found:?} instead of {expected:?}");
            }
        }
    }
}

#[test]
fn passes_are_numbered() {
    let sigmas = [1.0, 0.75, 0.5, 0.0];
    let levels = Levels { sigmas: &sigmas, flow: Flow { shift: 3.0 } };
    for name in names() {
        let mut toy = Toy::new(curved);
        by_name(name).unwrap()(&mut toy, waves(0.0), levels).unwrap();
        let found: Vec<_> = toy.passes.iter().map(|pass| (pass.step, pass.pass, pass.passes)).collect();
        match name {
            "heun" => assert_eq!(found, [(0, 0, 2), (0, 1, 2), (1, 0, 2), (1, 1, 2), (2, 0, 1)]),
            _ => assert_eq!(found, [(0, 0, 1), (1, 0, 1), (2, 0, 1)], "{name}"),
        }
        let levels: Vec<f32> = toy.passes.iter().map(|pass| pass.sigma).collect();
        assert!(levels.windows(2).all(|pair| pair[0] >= pair[1]), "{name}: {levels:?}");
    }
}

#[test]
fn every_sampler_can_end_early() {
    let levels = Levels { sigmas: &[1.0, 0.75, 0.5, 0.0], flow: Flow { shift: 3.0 } };
    for name in names() {
        let mut toy = Toy::new(curved);
        toy.stop_after = 2;
        by_name(name).unwrap()(&mut toy, waves(0.0), levels).unwrap();
        assert_eq!(toy.passes.last().unwrap().step, 1, "{name}");
    }
}
