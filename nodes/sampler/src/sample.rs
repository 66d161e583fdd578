use plugin_api::{Dtype, InputKind, Model, Node, NodeSpec, Record, Result, Run, Tensor, Value};

use crate::levels::{self, levels};
use crate::mask::Inpainting;
use crate::noise::Noise;
use crate::predictor::{Predictor, Start};
use crate::samplers::{self, Levels};
use crate::tiles::Tiles;
use crate::{latent, schedules, tile};

const STEPS: &str = "Steps of one pass through the model, with heun of two: 8 for Turbo, 25 to 50 for base. 0 = automatic: 8, or 30 \
    with guidance.";
const SAMPLER: &str =
    "How a step is taken. heun takes two passes a step; euler_ancestral, dpmpp_2m_sde and lcm add noise.";
const SCHEDULE: &str = "How the steps are spread. Beyond 100 steps beta has fewer than it is asked for.";
const DENOISE: &str =
    "Below 1 the latent's picture is kept in part, and only the last steps are run: this part of them.";
const VARIATION: &str = "How far the noise turns to variation_seed's: 0 not at all, 1 all the way. Above 0 all pictures of a \
    batch share the seed, and number i turns to variation_seed + i.";
const NORMALIZATION: &str =
    "With guidance: its velocity is at most so many times as long as without. 1 tames colours; 0 = off.";
const TRUNCATION: &str = "With guidance: only while at most this part of the noise is gone; 1 = always.";

/// Noise becomes a latent picture, step by step.
pub struct Sample;

impl Node for Sample {
    fn spec() -> NodeSpec {
        NodeSpec::new("Sample", "sampling", "Makes a latent picture of noise, step by step, as the prompt says.")
            .link("model", "MODEL", "From LoadModel or LoadDiffusionModel.")
            .link("positive", "CONDITIONING", "What the picture shows.")
            .optional_link("negative", "CONDITIONING", "What it does not show; needed where guidance is above 0.")
            .link(
                "latent",
                "LATENT",
                "The size, and below denoise 1 the picture to begin with; a mask from SetNoiseMask.",
            )
            .optional_link("noise", "LATENT", "Noise to begin with, in place of the seed's.")
            .param("seed", InputKind::seed(), "The same seed gives the same noise everywhere.")
            .param("steps", InputKind::int(8, (0, 1000)).soft(0, 50), STEPS)
            .param(
                "guidance",
                float(0.0, (0.0, 30.0), 0.5),
                "Away from the negative prompt; 0 for Turbo, 3 to 5 for base.",
            )
            .param("shift", float(3.0, (0.1, 100.0), 0.1), "More of the steps go to the noisy end.")
            .param("sampler", InputKind::choice(&samplers::names()), SAMPLER)
            .param("schedule", InputKind::choice(&schedules::names()), SCHEDULE)
            .param("denoise", float(1.0, (0.0, 1.0), 0.05), DENOISE)
            .param("variation_seed", InputKind::seed(), "Where variation_strength leads to.")
            .param("variation_strength", float(0.0, (0.0, 1.0), 0.01), VARIATION)
            .param("cfg_normalization", float(0.0, (0.0, 10.0), 0.1), NORMALIZATION)
            .param("cfg_truncation", float(1.0, (0.0, 1.0), 0.05), TRUNCATION)
            .param("tile", InputKind::text("auto"), tile::HELP)
            .param(
                "stop_after",
                InputKind::int(0, (0, 1000)).soft(0, 50),
                "End after so many steps, noise and all; 0 = never.",
            )
            .output("latent", "LATENT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let latent: Record = inputs.get("latent")?;
        let sigmas = levels(run, inputs)?;
        let samples = match sigmas.len() {
            0 => latent.get("samples")?,
            _ => sample(run, inputs, &latent, &sigmas)?,
        };
        Ok(Record::new().with("latent", latent.with("samples", samples)))
    }
}

fn float(default: f64, range: (f64, f64), step: f64) -> InputKind {
    InputKind::float(default, range, step)
}

fn sample(run: &Run, inputs: &Record, latent: &Record, sigmas: &[f32]) -> Result<Tensor> {
    let (picture, shape) = latent::samples(latent, "the latent")?;
    let steps = sigmas.len() - 1;
    let model: Model = inputs.get("model")?;
    let walk = samplers::by_name(&inputs.get::<String>("sampler")?)?;
    let noise = Noise::new(inputs, shape)?;
    let inpainting = Inpainting::of(latent, &picture, noise.initial(), shape)?;
    let x = first(inputs, noise.initial(), &picture, sigmas[0])?;
    let session = model.open(run, &info(steps, sigmas))?;
    // Behind the session, which takes its weights from the memory that is free.
    let tiles = Tiles::of(run, &session, inputs, shape)?;
    let mut predictor = Predictor::new(run, session, inputs, Start { shape, noise, inpainting, tiles }, steps)?;
    let walked = walk(&mut predictor, x, Levels { sigmas, flow: levels::flow(inputs)? })?;
    let result = predictor.result(walked);
    latent::check_numbers(&result, || maker(&model, steps))?;
    Ok(result)
}

/// Noise alone, or the picture with so much noise on it as the first level says.
fn first(inputs: &Record, noise: &Tensor, picture: &Tensor, sigma: f32) -> Result<Tensor> {
    let all: f64 = inputs.get("denoise")?;
    Ok(if all == 1.0 { noise.clone() } else { noise * sigma + picture * (1.0 - sigma) })
}

/// What hooks see at their start.
fn info(steps: usize, sigmas: &[f32]) -> Record {
    let sigmas: Vec<Value> = sigmas.iter().map(|&sigma| sigma.into()).collect();
    Record::new().with("steps", steps as i64).with("sigmas", sigmas.as_slice())
}

/// For messages: how often the model ran, and in which type of numbers.
fn maker(model: &Model, steps: usize) -> String {
    format!("sampling in {steps} steps with {} weights", precision(model))
}

/// The type of the model's largest tensor: small ones may be kept in another.
fn precision(model: &Model) -> String {
    let weights = model.weights().list();
    let largest = weights.iter().max_by_key(|tensor| tensor.shape.iter().map(|&n| i64::from(n)).product::<i64>());
    let dtype: Option<Dtype> = largest.and_then(|tensor| tensor.dtype);
    dtype.map_or("unknown".to_owned(), |dtype| format!("{dtype:?}").to_lowercase())
}
