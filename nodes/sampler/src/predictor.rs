//! The model as a sampler sees it: conditioned once, guided, and told of every step.

use plugin_api::{Dtype, Error, Record, Result, Run, Session, Tensor, Value};

use crate::preview::Preview;
use crate::sampler::Steps;

/// A prompt as the model prepared it for this size.
type Prepared = Value;

pub struct Predictor<'a> {
    run: &'a Run,
    session: Session,
    positive: Prepared,
    guidance: Option<(f32, Prepared)>,
    steps: usize,
    stop_after: usize,
    preview: Preview,
    /// The estimate of the step that is under way.
    denoised: Option<Tensor>,
}

impl<'a> Predictor<'a> {
    /// What does not depend on the step is computed here, once: prompts and positions.
    pub fn new(run: &'a Run, session: Session, inputs: &Record, shape: [i32; 4], steps: usize) -> Result<Self> {
        let positive = prepare(&session, inputs.get("positive")?, shape)?;
        let guidance = match negative(run, inputs)? {
            Some((strength, prompt)) => Some((strength, prepare(&session, prompt, shape)?)),
            None => None,
        };
        let stop_after = match inputs.get::<i64>("stop_after")? {
            0 => steps,
            count => steps.min(count as usize),
        };
        Ok(Self { run, session, positive, guidance, steps, stop_after, preview: Preview::new(), denoised: None })
    }

    fn predict(&self, x: &Tensor, step: usize, sigma: f32, branch: &str, prompt: &Prepared) -> Result<Tensor> {
        let args = Record::new()
            .with("x", x)
            .with("sigma", sigma)
            .with("conditioning", prompt.clone())
            .with("step", step as i64)
            .with("steps", self.steps as i64)
            .with("branch", branch);
        Ok(self.session.call_tensor("predict", &args)?.as_dtype(Dtype::Float32))
    }
}

impl Predictor<'_> {
    /// The estimate, led away from the negative prompt where there is one.
    fn guided(&self, x: &Tensor, step: usize, sigma: f32) -> Result<Tensor> {
        let positive = self.predict(x, step, sigma, "positive", &self.positive)?;
        let Some((strength, prompt)) = &self.guidance else { return Ok(positive) };
        let negative = self.predict(x, step, sigma, "negative", prompt)?;
        Ok(&positive + (&positive - negative) * *strength)
    }
}

impl Steps for Predictor<'_> {
    fn denoised(&mut self, x: &Tensor, step: usize, sigma: f32) -> Result<Tensor> {
        let denoised = self.guided(x, step, sigma)?;
        self.denoised = Some(denoised.clone());
        Ok(denoised)
    }

    fn done(&mut self, step: usize, x: &Tensor) -> Result<bool> {
        self.run.progress(step + 1, self.stop_after, Some(x))?;
        if let Some(denoised) = self.denoised.take() {
            self.preview.show(self.run, &self.session, &denoised)?;
        }
        Ok(step + 1 < self.stop_after)
    }
}

/// For latents of this shape.
fn prepare(session: &Session, conditioning: Record, shape: [i32; 4]) -> Result<Prepared> {
    let [.., height, width] = shape;
    let args = Record::new().with("conditioning", conditioning).with("height", height).with("width", width);
    session.call("condition", &args)
}

/// The strength of guidance and what it leads away from, where there is any.
fn negative(run: &Run, inputs: &Record) -> Result<Option<(f32, Record)>> {
    let strength: f32 = inputs.get("guidance")?;
    match inputs.find("negative")? {
        Some(prompt) if strength > 0.0 => Ok(Some((strength, prompt))),
        Some(_) => {
            run.note("the negative prompt does nothing at guidance 0");
            Ok(None)
        }
        None if strength > 0.0 => Err(Error::invalid(format!("guidance {strength} needs a negative prompt"))
            .help("link an EncodeText to `negative`; its text may be empty. Or set guidance to 0")),
        None => Ok(None),
    }
}
