//! Guidance, its normalization and truncation.

use super::*;
use crate::goldens;

#[test]
fn guidance_leads_away_from_the_negative_prompt() {
    let guided = inputs().with("negative", prompt(0.5)).with("guidance", 1.0);
    let sigmas = schedules::sigmas("simple", 8, Flow { shift: 3.0 }).unwrap();
    // 1 + 1 · (1 − 0.5)
    let expected = walk(drawn(5), &sigmas, 1.5);
    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
    assert!(sample(&guided).unwrap().iter().zip(&expected).all(close));
    let branches: Vec<String> = CALLS.take().into_iter().map(|call| call.branch).collect();
    assert_eq!(branches[..2], ["positive", "negative"]);
    assert_eq!(branches.len(), 16);
}

#[test]
fn guidance_and_negative_prompt_go_together() {
    let error = sample(&inputs().with("guidance", 3.0)).unwrap_err();
    assert!(error.kind == ErrorKind::Invalid && error.help.contains("EncodeText"));
    let run = TestRun::new();
    run.run::<Sample>(&inputs().with("negative", prompt(0.5))).unwrap();
    assert_eq!(run.notes.take().len(), 1);
    assert_eq!(CALLS.take().len(), 8);
}

/// The denoiser of the goldens; a prompt is what it adds.
struct Curved;

impl Architecture for Curved {
    const ID: &'static str = "curved";
    const ROLE: Role = Role::Model;

    fn detect(_: &Weights) -> bool {
        true
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, _: &Session, method: &str, args: &Record) -> Result<Value> {
        let prompt: Record = args.get("conditioning")?;
        if method == "condition" {
            return Ok(prompt.into());
        }
        let (x, sigma): (Tensor, f32) = (args.get("x")?, args.get("sigma")?);
        Ok(((x * 0.9 + -0.7 * sigma).tanh() * 1.2 + prompt.get::<f32>("number")?).into())
    }
}

/// Two pictures of waves; the numbers that the goldens began with.
fn waves() -> Record {
    let wave = |phase: f64, size: f64| (0..64).map(move |i| (size * (1.7 * f64::from(i) + phase).sin()) as f32);
    let numbers: Vec<f32> = wave(0.0, 1.3).chain(wave(5.0, 0.65)).collect();
    Record::new().with("samples", Tensor::from_slice(&numbers, &[2, 16, 2, 2]))
}

#[test]
fn guidance_is_diffusers() {
    let inputs = inputs();
    testing::architecture::<Curved>();
    let model = Model::new("curved", "", &Weights::open("toy").unwrap()).unwrap();
    let inputs = inputs.with("model", model).with("latent", waves()).with("noise", waves());
    for row in goldens::samplers().guided {
        let inputs = inputs
            .with("positive", prompt(row.positive))
            .with("negative", prompt(row.negative))
            .with("steps", row.steps)
            .with("guidance", row.guidance)
            .with("cfg_normalization", row.cfg_normalization)
            .with("cfg_truncation", row.cfg_truncation);
        let found = sample(&inputs).unwrap();
        let expected = row.first.iter().chain(&row.last);
        for (found, expected) in found[..6].iter().chain(&found[found.len() - 6..]).zip(expected) {
            assert!((found - expected).abs() <= 1e-5 * expected.abs().max(0.1), "{row:?}: {found} and not {expected}");
        }
    }
}

/// The model is not run for a negative prompt that does not count.
#[test]
fn truncation_saves_passes() {
    let guided = inputs().with("negative", prompt(0.5)).with("guidance", 1.0).with("steps", 4).with("shift", 1.0);
    // The parts of the noise that are gone: 0, 0.25, 0.5, 0.75.
    for (truncation, guided_steps) in [(1.0, 4), (0.75, 4), (0.6, 3), (0.25, 2), (0.0, 1)] {
        sample(&guided.with("cfg_truncation", truncation)).unwrap();
        let calls = CALLS.take();
        let negative: Vec<i64> = calls.iter().filter(|call| call.branch == "negative").map(|call| call.step).collect();
        assert_eq!(negative, (0..guided_steps).collect::<Vec<_>>(), "{truncation}");
        assert_eq!(calls.len() as i64, 4 + guided_steps);
    }
}

#[test]
fn a_wide_limit_changes_nothing() {
    let guided = inputs().with("negative", prompt(0.5)).with("guidance", 1.0);
    assert_eq!(sample(&guided.with("cfg_normalization", 10.0)), sample(&guided));
    assert_ne!(sample(&guided.with("cfg_normalization", 0.5)), sample(&guided));
}
