//! The cache around the main layers. Its memory lives as long as one sampling run, so that no run meets another's.

use std::collections::HashMap;

use plugin_api::{Error, FromValue, Hook, Record, Result, Run, Tensor};
use weft_formats::lemica::Calibration;

use super::plan::{self, Budget};

/// The hook.
pub struct Cache {
    pub which: Which,
    /// Skipped steps go on along the line through what the last two computed ones added, instead of repeating the last.
    pub extrapolate: bool,
}

/// Which steps are computed.
pub enum Which {
    /// As many as the budget says, chosen by a calibration where there is a file of one.
    Planned { budget: Budget, compute_last: bool, file: Option<String> },
    /// Those that are true. A step that is not listed is computed.
    These(Vec<bool>),
}

/// What one run remembers.
pub struct Memory {
    /// For each step whether it is computed.
    computed: Vec<bool>,
    /// For each of a step's passes through the network.
    added: HashMap<Pass, Added>,
}

/// What the layers added at the last computed step.
struct Added {
    residual: Tensor,
    step: usize,
    /// Its change a step since the computed step before, if there was one.
    slope: Option<Tensor>,
}

/// The prompt (`positive`, `negative`), and the numbers of the pass and of the tile where a step has several.
type Pass = (String, i64, i64);

impl Hook for Cache {
    type State = Memory;

    fn start(&self, run: &Run, info: &Record) -> Result<Memory> {
        let computed = match &self.which {
            Which::These(computed) => computed.clone(),
            Which::Planned { budget, compute_last, file } => {
                let computed = planned(info, *budget, *compute_last, file.as_deref())?;
                run.note(&trace(&computed));
                computed
            }
        };
        Ok(Memory { computed, added: HashMap::new() })
    }

    fn around(
        &self,
        memory: &mut Memory,
        step: &Record,
        input: Tensor,
        next: &mut dyn FnMut(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let index = step.get::<i64>("step")?.max(0) as usize;
        let number = |name| Ok::<i64, plugin_api::Error>(step.find(name)?.unwrap_or_default());
        let pass = (step.find("branch")?.unwrap_or_default(), number("pass")?, number("tile")?);
        // Another size (the last tile, say) has nothing to repeat.
        let known = memory.added.get(&pass).filter(|added| added.residual.shape().ok() == input.shape().ok());
        if let Some(added) = known.filter(|_| !memory.is_computed(index)) {
            return Ok(input + added.at(index));
        }
        let output = next(input.clone())?;
        if memory.is_computed(index + 1) && !self.extrapolate {
            // Nobody will ask for it: memory is worth more.
            memory.added.remove(&pass);
            return Ok(output);
        }
        let residual = &output - &input;
        let slope = known
            .filter(|before| self.extrapolate && before.step < index)
            .map(|before| before.slope_to(&residual, index));
        memory.added.insert(pass, Added { residual, step: index, slope });
        Ok(output)
    }
}

impl Added {
    /// What the layers are taken to add at a step that is not computed.
    fn at(&self, step: usize) -> Tensor {
        match &self.slope {
            Some(slope) => &self.residual + slope * step.saturating_sub(self.step) as f32,
            None => self.residual.clone(),
        }
    }

    fn slope_to(&self, residual: &Tensor, step: usize) -> Tensor {
        (residual - &self.residual) * (1.0 / (step - self.step) as f32)
    }
}

fn planned(info: &Record, budget: Budget, compute_last: bool, file: Option<&str>) -> Result<Vec<bool>> {
    let Some(file) = file else {
        let steps = info.get::<i64>("steps")?.max(1) as usize;
        return Ok(plan::computed(budget, steps, compute_last));
    };
    let sigmas: Vec<f64> = info.get::<Vec<_>>("sigmas")?.iter().filter_map(f64::from_value).collect();
    let steps = sigmas.len().saturating_sub(1).max(1);
    let calibration = open(file)?;
    let first = calibration.first_step(&sigmas).ok_or_else(|| {
        let what = format!("{file} is for {} steps with other sigmas than this run of {steps}", calibration.steps());
        Error::invalid(what).help("calibrate for these steps, schedule and shift, or leave `schedule` empty")
    })?;
    Ok(plan::marked(&calibration.best(first, budget.of(steps), compute_last), steps))
}

fn open(file: &str) -> Result<Calibration> {
    let help = "make it again with `weft calibrate`";
    let text = std::fs::read_to_string(file)
        .map_err(|error| Error::file(format!("{file} cannot be read: {error}")).help(help))?;
    Calibration::parse(&text).map_err(|why| Error::file(format!("{file} is no calibration: {why}")).help(help))
}

/// "LeMiCa computes 5 of 8 steps: 1 2 3 5 8", counted as people do.
fn trace(computed: &[bool]) -> String {
    let steps = computed.iter().enumerate().filter(|(_, computed)| **computed).map(|(step, _)| (step + 1).to_string());
    let steps: Vec<String> = steps.collect();
    format!("LeMiCa computes {} of {} steps: {}", steps.len(), computed.len(), steps.join(" "))
}

impl Memory {
    /// Steps beyond the plan, which a run of this length has not, are computed.
    fn is_computed(&self, step: usize) -> bool {
        self.computed.get(step).copied().unwrap_or(true)
    }
}
