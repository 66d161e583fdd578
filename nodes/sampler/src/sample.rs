use plugin_api::{Dtype, Error, InputKind, Model, Node, NodeSpec, Record, Result, Run, Tensor, Value};

use crate::predictor::Predictor;
use crate::{latent, noise, sampler, schedule};

/// Noise becomes a latent picture, step by step.
pub struct Sample;

impl Node for Sample {
    fn spec() -> NodeSpec {
        NodeSpec::new("Sample", "sampling", "Makes a latent picture of noise, step by step, as the prompt says.")
            .link("model", "MODEL", "From LoadModel or LoadDiffusionModel.")
            .link("positive", "CONDITIONING", "What the picture shows.")
            .optional_link("negative", "CONDITIONING", "What it does not show; needed where guidance is above 0.")
            .link("latent", "LATENT", "The size, and below denoise 1 the picture to begin with.")
            .optional_link("noise", "LATENT", "Noise to begin with, in place of the seed's.")
            .param("seed", InputKind::Seed { default: 0 }, "The same seed gives the same noise everywhere.")
            .param("steps", int(8, (1, 1000), (1, 50)), "Passes through the model: 8 for Turbo, 25 to 50 for base.")
            .param(
                "guidance",
                float(0.0, (0.0, 30.0), 0.5),
                "Away from the negative prompt; 0 for Turbo, 3 to 5 for base.",
            )
            .param("shift", float(3.0, (0.1, 100.0), 0.1), "More of the steps go to the noisy end.")
            .param("sampler", InputKind::choice(&sampler::names()), "How a step is taken.")
            .param("schedule", InputKind::choice(&schedule::names()), "How the steps are spread.")
            .param("denoise", float(1.0, (0.0, 1.0), 0.05), "Below 1 the latent's picture is kept in part.")
            .param("stop_after", int(0, (0, 1000), (0, 50)), "End after so many steps, noise and all; 0 = never.")
            .output("latent", "LATENT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let latent: Record = inputs.get("latent")?;
        let sigmas = levels(inputs)?;
        let samples = match sigmas.len() {
            0 => latent.get("samples")?,
            _ => sample(run, inputs, &latent, &sigmas)?,
        };
        Ok(Record::new().with("latent", latent.with("samples", samples)))
    }
}

fn int(default: i64, range: (i64, i64), soft: (i64, i64)) -> InputKind {
    InputKind::Int { default, range, soft: Some(soft), multiple: 1 }
}

fn float(default: f64, range: (f64, f64), step: f64) -> InputKind {
    InputKind::float(default, range, step)
}

/// The noise levels that this run walks through; none where denoise 0 leaves the picture as it is.
fn levels(inputs: &Record) -> Result<Vec<f32>> {
    let (steps, denoise): (i64, f64) = (inputs.get("steps")?, inputs.get("denoise")?);
    let steps = steps as usize;
    let all = schedule::sigmas(&inputs.get::<String>("schedule")?, steps, inputs.get("shift")?)?;
    match schedule::first_step(steps, denoise) {
        _ if denoise == 0.0 => Ok(Vec::new()),
        first if first < steps => Ok(all[first..].to_vec()),
        _ => Err(Error::invalid(format!("denoise {denoise} leaves none of {steps} steps"))
            .help("raise denoise, or set it to 0 to keep the picture")),
    }
}

fn sample(run: &Run, inputs: &Record, latent: &Record, sigmas: &[f32]) -> Result<Tensor> {
    let (samples, shape) = latent::samples(latent, "the latent")?;
    let steps = sigmas.len() - 1;
    let model: Model = inputs.get("model")?;
    let walk = sampler::by_name(&inputs.get::<String>("sampler")?)?;
    let start = start(inputs, samples, shape, sigmas[0])?;
    let session = model.open(run, &info(steps, sigmas))?;
    let mut predictor = Predictor::new(run, session, inputs, shape, steps)?;
    let result = walk(&mut predictor, start, sigmas)?;
    latent::check_numbers(&result, || maker(&model, steps))?;
    Ok(result)
}

/// Noise alone, or the picture with so much noise on it as the first level says.
fn start(inputs: &Record, samples: Tensor, shape: [i32; 4], sigma: f32) -> Result<Tensor> {
    let noise = match inputs.find::<Record>("noise")? {
        Some(given) => noise::given(&given, shape)?,
        None => noise::drawn(shape, inputs.get("seed")?),
    };
    let all: f64 = inputs.get("denoise")?;
    Ok(if all == 1.0 { noise } else { noise * sigma + samples * (1.0 - sigma) })
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
