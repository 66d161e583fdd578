//! Changes weights as the adapters of a file say.

use std::rc::Rc;

use plugin_api::{Dtype, Result, Run, Tensor, Weights};
use weft_formats::lora::{Adapter, Part, Target};

use crate::delta::Parts;
use crate::dora;
use crate::file::Lora;
use crate::row::{Mode, Models, Options, Row};

/// Low-rank changes stay beside a matrix while they cost at most this part of its work.
const CHEAP: usize = 16;

/// Applies files in their order. Gives the models and the files' trigger words.
///
/// # Errors
/// Whatever [`Lora::open`] fails with.
pub fn all(run: &Run, mut models: Models, rows: &[Row], options: Options) -> Result<(Models, String)> {
    let mut trigger_words: Vec<String> = Vec::new();
    for row in rows {
        let lora = Lora::open(run, row, &models, options)?;
        models = one(models, &lora, row, options.mode)?;
        trigger_words.extend(lora.trigger_words);
    }
    let mut seen = std::collections::HashSet::new();
    trigger_words.retain(|word| seen.insert(word.clone()));
    Ok((models, trigger_words.join(", ")))
}

fn one(models: Models, lora: &Lora, row: &Row, mode: Mode) -> Result<Models> {
    let Models { mut model, mut text_encoder } = models;
    let of = |part: Part| lora.adapters.iter().filter(move |adapter| adapter.part == part);
    if of(Part::Model).next().is_some() {
        let weights = changed(model.weights(), lora, of(Part::Model), row.weight, mode)?;
        model = model.with_weights(&weights.with_history(&row.told()))?;
    }
    if let Some(encoder) = text_encoder.as_mut().filter(|_| of(Part::TextEncoder).next().is_some()) {
        let weights = changed(encoder.weights(), lora, of(Part::TextEncoder), row.weight, mode)?;
        *encoder = encoder.with_weights(&weights.with_history(&row.told()))?;
    }
    Ok(Models { model, text_encoder })
}

fn changed<'a>(
    mut weights: Weights,
    lora: &Lora,
    adapters: impl Iterator<Item = &'a Adapter>,
    weight: f64,
    mode: Mode,
) -> Result<Weights> {
    for adapter in adapters {
        let change = Rc::new(Change::new(&weights, lora, adapter, weight)?);
        for target in &adapter.targets {
            weights = match change.beside(&weights, target, mode)? {
                Some((down, up)) => weights.with_low_rank(&target.tensor, &down, &up, change.scale * weight)?,
                None => {
                    let (change, target) = (Rc::clone(&change), target.clone());
                    weights.with_patch(&target.tensor.clone(), move |old| change.inside(old, &target))?
                }
            };
        }
    }
    Ok(weights)
}

/// What an adapter does, taken out of its file.
struct Change {
    parts: Parts,
    rank: usize,
    /// Of ΔW; the user's weight comes on top.
    scale: f64,
    weight: f64,
    dora: Option<Dora>,
}

/// The magnitudes, and for norms of columns the matrices that they run through.
struct Dora {
    magnitude: Tensor,
    columns: Option<(Weights, Vec<Target>)>,
}

impl Change {
    /// `before` are the weights without this change.
    fn new(before: &Weights, lora: &Lora, adapter: &Adapter, weight: f64) -> Result<Self> {
        let dora = adapter.magnitude.as_ref().map(|name| Dora::new(lora.tensor(name), before, adapter)).transpose()?;
        let (parts, scale) = (Parts::of(lora, &adapter.delta), lora.scale(adapter)?);
        Ok(Self { parts, rank: adapter.rank, scale, weight, dora })
    }

    /// The two factors that go beside the target, where that is possible and wanted.
    fn beside(&self, weights: &Weights, target: &Target, mode: Mode) -> Result<Option<(Tensor, Tensor)>> {
        let (Parts::LowRank { down, up }, None) = (&self.parts, &self.dora) else { return Ok(None) };
        let [_, inputs] = down.dims("a factor")?;
        let (work, inputs) = (target.of * inputs as usize, inputs as usize);
        let is_cheap = weights.bits().is_some() || CHEAP * self.rank * (target.of + inputs) <= work;
        let is_wanted = mode == Mode::Live || mode == Mode::Auto && is_cheap;
        Ok(is_wanted.then(|| (down.clone(), placed(&rows(up, target), target))))
    }

    /// The target's new numbers from its old ones, float32.
    fn inside(&self, old: &Tensor, target: &Target) -> Result<Tensor> {
        let count = target.rows.len();
        let own = old.narrow(0, target.first as i32, (target.first + count) as i32);
        let delta = self.delta(target);
        let new = match &self.dora {
            None => &own + delta * self.weight as f32,
            Some(dora) => {
                let sum = &own + delta;
                let norm = dora.norm(self, &sum)?;
                dora::changed(&own, &sum, &dora.magnitude_of(target)?, &norm, self.weight)
            }
        };
        if count == target.of {
            return Ok(new);
        }
        let mut start = vec![0; old.shape()?.len()];
        start[0] = target.first as i32;
        Ok(old.slice_update(&new, &start))
    }

    /// The rows of ΔW that go to the target, with the file's scale.
    fn delta(&self, target: &Target) -> Tensor {
        let delta = match &self.parts {
            Parts::LowRank { down, up } => Parts::LowRank { down: down.clone(), up: rows(up, target) }.delta(),
            Parts::Full(diff) => rows(&as_row(diff, target), target).as_dtype(Dtype::Float32),
            parts => rows(&parts.delta(), target),
        };
        delta * self.scale as f32
    }
}

impl Dora {
    fn new(magnitude: Tensor, before: &Weights, adapter: &Adapter) -> Result<Self> {
        let by_column = matches!(magnitude.shape()?.as_slice(), [1, columns] if *columns > 1);
        let columns = by_column.then(|| (before.clone(), adapter.targets.clone()));
        let magnitude = if by_column { magnitude } else { magnitude.reshape(&[-1, 1]) };
        Ok(Self { magnitude, columns })
    }

    fn norm(&self, change: &Change, sum: &Tensor) -> Result<Tensor> {
        let Some((before, targets)) = &self.columns else { return Ok(dora::row_norms(sum)) };
        dora::column_norms(targets.iter().map(|target| {
            Ok(dora::rows_of(before, &target.tensor, target.first, target.rows.len()) + change.delta(target))
        }))
    }

    fn magnitude_of(&self, target: &Target) -> Result<Tensor> {
        Ok(if self.columns.is_some() { self.magnitude.clone() } else { rows(&self.magnitude, target) })
    }
}

/// The rows that go to the target.
fn rows(tensor: &Tensor, target: &Target) -> Tensor {
    tensor.narrow(0, target.rows.start as i32, target.rows.end as i32)
}

/// A vector that is the one row of its target, such as a pad token, as a matrix.
fn as_row(diff: &Tensor, target: &Target) -> Tensor {
    match diff.shape().as_deref() {
        Ok([length]) if target.rows == (0..1) && *length > 1 => diff.expand_dims(&[0]),
        _ => diff.clone(),
    }
}

/// With rows of zeros around them, where they are not all of the target's.
fn placed(rows: &Tensor, target: &Target) -> Tensor {
    let after = target.of - target.first - target.rows.len();
    if after == 0 && target.first == 0 {
        return rows.clone();
    }
    rows.pad(&[target.first as i32, 0], &[after as i32, 0], 0.0)
}
