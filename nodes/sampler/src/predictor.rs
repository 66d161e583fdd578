//! The model as a sampler sees it: conditioned once, guided, masked, and told of every step.

use plugin_api::{Dtype, Record, Result, Run, Session, Tensor, Value};

use crate::guidance::Guidance;
use crate::mask::Inpainting;
use crate::noise::Noise;
use crate::preview::Preview;
use crate::samplers::{Pass, Steps};
use crate::tiles::Tiles;

/// A prompt as the model prepared it for this size.
type Prepared = Value;

pub struct Predictor<'a> {
    run: &'a Run,
    session: Session,
    positive: Prepared,
    guidance: Option<(Guidance, Prepared)>,
    inpainting: Option<Inpainting>,
    tiles: Option<Tiles>,
    noise: Noise,
    steps: usize,
    stop_after: usize,
    /// Passes of the step that has most.
    passes: usize,
    preview: Preview,
    /// The estimate of the step that is under way.
    denoised: Option<Tensor>,
}

/// What a run starts from.
pub struct Start {
    pub shape: [i32; 4],
    pub noise: Noise,
    pub inpainting: Option<Inpainting>,
    pub tiles: Option<Tiles>,
}

impl<'a> Predictor<'a> {
    /// What does not depend on the step is computed here, once: prompts and positions.
    pub fn new(run: &'a Run, session: Session, inputs: &Record, start: Start, steps: usize) -> Result<Self> {
        let Start { shape: [.., height, width], noise, inpainting, tiles } = start;
        // Tiles have one size, so that they share what is prepared.
        let size = tiles.as_ref().map_or([height, width], Tiles::size);
        let positive = prepare(&session, inputs.get("positive")?, size)?;
        let guidance = match Guidance::of(run, inputs)? {
            Some((guidance, prompt)) => Some((guidance, prepare(&session, prompt, size)?)),
            None => None,
        };
        let stop_after = match inputs.get::<i64>("stop_after")? {
            0 => steps,
            count => steps.min(count as usize),
        };
        let (passes, preview, denoised) = (1, Preview::new(), None);
        Ok(Self {
            run,
            session,
            positive,
            guidance,
            inpainting,
            tiles,
            noise,
            steps,
            stop_after,
            passes,
            preview,
            denoised,
        })
    }

    /// What the walk led to, with the kept part of the picture unless it ended before its time.
    pub fn result(&self, x: Tensor) -> Tensor {
        match &self.inpainting {
            Some(inpainting) if self.stop_after == self.steps => inpainting.result(&x),
            _ => x,
        }
    }

    /// The estimate for one prompt, of the whole at once or tile by tile.
    fn predict(&self, x: &Tensor, pass: Pass, branch: &str, prompt: &Prepared) -> Result<Tensor> {
        let Some(tiles) = &self.tiles else { return self.predict_tile(0, x, pass, branch, prompt) };
        let passes_before = pass.pass * self.branches() + usize::from(branch == "negative");
        let before = pass.step * self.ticks() + passes_before * tiles.count();
        tiles.map(x, |number, tile| {
            // Also where a run that was cancelled ends.
            self.run.progress(before + number, self.stop_after * self.ticks(), None)?;
            self.predict_tile(number, tile, pass, branch, prompt)
        })
    }

    /// What a step counts for in the progress: 1, or its tiles where it is taken in tiles. Steps of fewer passes than the
    /// first, heun's last and those that are no longer guided, count for as much.
    fn ticks(&self) -> usize {
        self.tiles.as_ref().map_or(1, |tiles| tiles.count() * self.branches() * self.passes)
    }

    /// How many prompts there are.
    fn branches(&self) -> usize {
        1 + usize::from(self.guidance.is_some())
    }

    fn predict_tile(&self, number: usize, x: &Tensor, pass: Pass, branch: &str, prompt: &Prepared) -> Result<Tensor> {
        let args = Record::new()
            .with("x", x)
            .with("sigma", pass.sigma)
            .with("conditioning", prompt.clone())
            .with("step", pass.step as i64)
            .with("steps", self.steps as i64)
            .with("pass", pass.pass as i64)
            .with("passes", pass.passes as i64)
            .with("branch", branch)
            .with("tile", number as i64);
        Ok(self.session.call_tensor("predict", &args)?.as_dtype(Dtype::Float32))
    }

    /// The estimate, led away from the negative prompt where there is one.
    fn guided(&self, x: &Tensor, pass: Pass) -> Result<Tensor> {
        let positive = self.predict(x, pass, "positive", &self.positive)?;
        match &self.guidance {
            Some((guidance, prompt)) if guidance.is_on(pass.sigma) => {
                Ok(guidance.guided(x, &positive, self.predict(x, pass, "negative", prompt)?))
            }
            _ => Ok(positive),
        }
    }
}

impl Steps for Predictor<'_> {
    fn denoised(&mut self, x: &Tensor, pass: Pass) -> Result<Tensor> {
        self.passes = self.passes.max(pass.passes);
        let denoised = match &self.inpainting {
            Some(inpainting) => inpainting.estimate(&self.guided(&inpainting.input(x, pass.sigma), pass)?),
            None => self.guided(x, pass)?,
        };
        self.denoised = Some(denoised.clone());
        Ok(denoised)
    }

    fn noise(&mut self, step: usize) -> Tensor {
        self.noise.of_step(step)
    }

    fn done(&mut self, step: usize, x: &Tensor) -> Result<bool> {
        self.run.progress((step + 1) * self.ticks(), self.stop_after * self.ticks(), Some(x))?;
        if let Some(denoised) = self.denoised.take() {
            self.preview.show(self.run, &self.session, &denoised)?;
        }
        Ok(step + 1 < self.stop_after)
    }
}

/// For latents of this height and width.
fn prepare(session: &Session, conditioning: Record, [height, width]: [i32; 2]) -> Result<Prepared> {
    let args = Record::new().with("conditioning", conditioning).with("height", height).with("width", width);
    session.call("condition", &args)
}
