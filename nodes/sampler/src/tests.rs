//! The nodes on the mock host, with a model of one line.

mod guidance;
mod inpainting;
mod noise;
mod steps;
mod tiles;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, Dtype, Error, ErrorKind, Model, Record, Result, Role, Session, Tensor, Value, Weights};

use crate::empty_latent::EmptyLatent;
use crate::flow::Flow;
use crate::load_latent::LoadLatent;
use crate::sample::Sample;
use crate::save_latent::SaveLatent;
use crate::schedules;

/// Predicts `x / 2 + the number that the prompt stands for`.
struct Toy;

#[derive(Debug, Clone, PartialEq)]
struct Call {
    step: i64,
    steps: i64,
    sigma: f64,
    branch: String,
    pass: (i64, i64),
    tile: i64,
}

thread_local! {
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
    /// Whether it has a method `preview`, and how long a pass takes.
    static SHOWS: Cell<bool> = const { Cell::new(false) };
    /// Bytes that a pass needs for a latent number of each channel; none where it cannot say.
    static NEEDS: Cell<Option<i64>> = const { Cell::new(None) };
    static PASS: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Architecture for Toy {
    const ID: &'static str = "toy";
    const ROLE: Role = Role::Model;

    fn detect(_: &Weights) -> bool {
        true
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, _: &Session, method: &str, args: &Record) -> Result<Value> {
        if method == "preview" {
            return match SHOWS.get() {
                true => Ok(args.get::<Tensor>("latent")?.narrow(1, 0, 3).reshape(&[2, 4, 3]).into()),
                false => Err(Error::invalid("no such method")),
            };
        }
        if method == "memory" {
            let numbers = args.get::<i64>("height")? * args.get::<i64>("width")? * args.get::<i64>("batch")?;
            return NEEDS.get().map(|bytes| (numbers * bytes).into()).ok_or_else(|| Error::invalid("no such method"));
        }
        let conditioning: Record = args.get("conditioning")?;
        std::thread::sleep(PASS.get());
        match method {
            "condition" => {
                Ok(conditioning.with("size", args.get::<i64>("height")? * 1000 + args.get::<i64>("width")?).into())
            }
            "predict" => Ok(predict(args, &conditioning)?.into()),
            _ => Err(Error::invalid(method)),
        }
    }
}

fn predict(args: &Record, prepared: &Record) -> Result<Tensor> {
    let x: Tensor = args.get("x")?;
    let [.., height, width] = x.dims::<4>("x")?;
    assert_eq!(prepared.get::<i32>("size")?, height * 1000 + width);
    let (step, steps) = (args.get("step")?, args.get("steps")?);
    let pass = (args.get("pass")?, args.get("passes")?);
    let call =
        Call { step, steps, sigma: args.get("sigma")?, branch: args.get("branch")?, pass, tile: args.get("tile")? };
    CALLS.with_borrow_mut(|calls| calls.push(call));
    Ok((x * 0.5).add_scalar(prepared.get("number")?))
}

fn prompt(number: f32) -> Record {
    Record::new().with("number", number)
}

fn latent(batch: i64) -> Record {
    let inputs = Record::new().with("width", 32).with("height", 16).with("batch", batch);
    TestRun::new().run::<EmptyLatent>(&inputs).unwrap().get("latent").unwrap()
}

/// Inputs of a Sample that makes one picture.
fn inputs() -> Record {
    testing::architecture::<Toy>();
    testing::weights_file("toy", &[("w", &[1], &[0.0])]);
    CALLS.take();
    let model = Model::new("toy", "", &Weights::open("toy").unwrap()).unwrap();
    Record::new().with("model", model).with("positive", prompt(1.0)).with("latent", latent(1)).with("seed", 5)
}

fn sample(inputs: &Record) -> Result<Vec<f32>> {
    let outputs = TestRun::new().run::<Sample>(inputs)?;
    outputs.get::<Record>("latent")?.get::<Tensor>("samples")?.to_vec()
}

/// The same walk in plain numbers.
fn walk(mut x: Vec<f32>, sigmas: &[f32], number: f32) -> Vec<f32> {
    for pair in sigmas.windows(2) {
        for x in &mut x {
            let velocity = (*x - (*x * 0.5 + number)) / pair[0];
            *x += velocity * (pair[1] - pair[0]);
        }
    }
    x
}

fn drawn(seed: u64) -> Vec<f32> {
    Tensor::random_normal(&[16, 1, 2, 4], seed).to_vec().unwrap()
}

#[test]
fn noise_walks_down_the_schedule() {
    let run = TestRun::new();
    let outputs = run.run::<Sample>(&inputs()).unwrap();
    let samples: Tensor = outputs.get::<Record>("latent").unwrap().get("samples").unwrap();
    let sigmas = schedules::sigmas("simple", 8, Flow { shift: 3.0 }).unwrap();
    assert_eq!(samples.shape().unwrap(), [1, 16, 2, 4]);
    assert_eq!(samples.to_vec::<f32>().unwrap(), walk(drawn(5), &sigmas, 1.0));
    let expected = |step: usize| Call {
        step: step as i64,
        steps: 8,
        sigma: sigmas[step].into(),
        branch: "positive".into(),
        pass: (0, 1),
        tile: 0,
    };
    assert_eq!(CALLS.take(), (0..8).map(expected).collect::<Vec<_>>());
    assert_eq!(run.progress.take(), (1..=8).map(|done| (done, 8)).collect::<Vec<_>>());
}

/// heun runs the model twice in every step but the last, and tells of steps.
#[test]
fn progress_counts_steps() {
    let run = TestRun::new();
    run.run::<Sample>(&inputs().with("sampler", "heun").with("steps", 4)).unwrap();
    assert_eq!(run.progress.take(), (1..=4).map(|done| (done, 4)).collect::<Vec<_>>());
    let calls: Vec<_> = CALLS.take().into_iter().map(|call| (call.step, call.steps, call.pass)).collect();
    let expected = [(0, (0, 2)), (0, (1, 2)), (1, (0, 2)), (1, (1, 2)), (2, (0, 2)), (2, (1, 2)), (3, (0, 1))];
    assert_eq!(calls, expected.map(|(step, pass)| (step, 4, pass)));
}

#[test]
fn levels_that_fall_together_are_told() {
    let run = TestRun::new();
    run.run::<Sample>(&inputs().with("schedule", "beta").with("steps", 200)).unwrap();
    let calls = CALLS.take();
    assert!(calls.len() < 200 && calls.iter().all(|call| call.steps == calls.len() as i64));
    assert!(run.notes.take()[0].contains(&calls.len().to_string()));
}

#[test]
fn denoise_keeps_a_part_of_the_picture() {
    let inputs = inputs();
    let picture = Tensor::random_normal(&[1, 16, 2, 4], 1);
    let numbers: Vec<f32> = picture.to_vec().unwrap();
    let inputs = inputs.with("latent", Record::new().with("samples", picture).with("mask", "kept"));
    assert_eq!(sample(&inputs.with("denoise", 0.0)).unwrap(), numbers);
    assert_eq!(CALLS.take(), []);

    let sigmas = &schedules::sigmas("simple", 8, Flow { shift: 3.0 }).unwrap()[3..];
    let mixed = drawn(5).iter().zip(&numbers).map(|(noise, x)| noise * sigmas[0] + x * (1.0 - sigmas[0])).collect();
    assert_eq!(sample(&inputs.with("denoise", 0.6)).unwrap(), walk(mixed, sigmas, 1.0));
    let calls = CALLS.take();
    assert_eq!((calls.len(), calls[0].step, calls[0].steps), (5, 0, 5));

    let outputs = TestRun::new().run::<Sample>(&inputs).unwrap();
    assert_eq!(outputs.get::<Record>("latent").unwrap().get::<String>("mask").unwrap(), "kept");
}

#[test]
fn stop_after_ends_early() {
    let sigmas = schedules::sigmas("simple", 8, Flow { shift: 3.0 }).unwrap();
    assert_eq!(sample(&inputs().with("stop_after", 2)).unwrap(), walk(drawn(5), &sigmas[..3], 1.0));
    assert_eq!(CALLS.take().len(), 2);
    assert_eq!(sample(&inputs().with("stop_after", 100)).unwrap(), sample(&inputs()).unwrap());
}

#[test]
fn numbers_that_are_no_picture_are_an_error() {
    for number in [f32::NAN, f32::INFINITY] {
        let error = sample(&inputs().with("positive", prompt(number))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed);
        assert!(error.message.contains("8 steps") && error.message.contains("float32"), "{error}");
    }
    let flat = Record::new().with("samples", Tensor::zeros(&[1, 16, 2, 4], Dtype::Float32));
    assert!(sample(&inputs().with("noise", flat)).unwrap_err().message.contains("same number"));
}

#[test]
fn a_cancelled_run_stops_at_its_step() {
    let run = TestRun { cancel_at: Some(3), ..TestRun::new() };
    assert_eq!(run.run::<Sample>(&inputs()).unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(CALLS.take().len(), 3);
}

#[test]
fn slow_steps_show_what_comes_and_change_nothing() {
    let quick = sample(&inputs()).unwrap();
    let shown = |shows: bool, milliseconds: u64| {
        let inputs = inputs();
        SHOWS.set(shows);
        PASS.set(Duration::from_millis(milliseconds));
        let run = TestRun::new();
        let outputs = run.run::<Sample>(&inputs).unwrap();
        let samples: Tensor = outputs.get::<Record>("latent").unwrap().get("samples").unwrap();
        assert_eq!(samples.to_vec::<f32>().unwrap(), quick);
        run.previews.take()
    };
    let pictures = shown(true, 60);
    // At least 480 ms, of which every 100 may have one.
    assert!(!pictures.is_empty() && pictures.len() < 8, "{pictures:?}");
    assert!(pictures.iter().all(|shape| shape == &[2, 4, 3]));
    assert!(shown(false, 60).is_empty(), "a model that cannot");
}

#[test]
fn saved_latents_are_safetensors() {
    let latent = inputs().with("name", "x");
    let run = TestRun::new();
    run.run::<SaveLatent>(&latent).unwrap();
    let (name, extension, bytes) = run.written.take().remove(0);
    assert_eq!((name.as_str(), extension.as_str()), ("x", "safetensors"));
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let samples = file.tensor("samples").unwrap();
    assert_eq!((samples.dtype(), samples.shape()), (safetensors::Dtype::F32, &[1, 16, 2, 4][..]));
}

#[test]
fn latents_of_other_programs_are_read() {
    let numbers: Vec<f32> = (0..64).map(|number| number as f32).collect();
    let load = |key: &str, shape: &[i32]| -> Result<Vec<i32>> {
        testing::weights_file("latent.safetensors", &[(key, shape, &numbers)]);
        let outputs = TestRun::new().run::<LoadLatent>(&Record::new().with("file", "latent.safetensors"))?;
        outputs.get::<Record>("latent")?.get::<Tensor>("samples")?.shape()
    };
    for key in ["samples", "latent", "latents", "latent_tensor"] {
        assert_eq!(load(key, &[1, 16, 2, 2]), Ok(vec![1, 16, 2, 2]));
    }
    assert_eq!(load("samples", &[16, 2, 2]), Ok(vec![1, 16, 2, 2]));
    assert_eq!(load("samples", &[1, 16, 1, 2, 2]), Ok(vec![1, 16, 2, 2]));
    for (key, shape) in [("x", vec![1, 16, 2, 2]), ("samples", vec![64]), ("samples", vec![4, 4, 2, 2])] {
        assert_eq!(load(key, &shape).unwrap_err().kind, ErrorKind::File);
    }
}
