//! Schedules: the noise levels of a run, from pure noise (1) to none (0). One more number than there are steps.
//! `simple` is diffusers' table, the others are ComfyUI's.

mod beta;
mod exponential;
mod karras;
mod sgm_uniform;
mod simple;
#[cfg(test)]
mod tests;

use plugin_api::{Error, Result};

use crate::flow::Flow;

/// The levels of so many steps, without the last 0.
type Schedule = fn(usize, Flow) -> Vec<f32>;

/// By name; the first is the default.
const SCHEDULES: &[(&str, Schedule)] = &[
    ("simple", simple::simple),
    ("sgm_uniform", sgm_uniform::sgm_uniform),
    ("beta", beta::beta),
    ("karras", karras::karras),
    ("exponential", exponential::exponential),
];

pub fn names() -> Vec<&'static str> {
    SCHEDULES.iter().map(|(name, _)| *name).collect()
}

/// The noise levels of a whole run, from 1 to 0: `steps + 1` numbers, or fewer where `beta` has no more.
pub fn sigmas(schedule: &str, steps: usize, flow: Flow) -> Result<Vec<f32>> {
    let found = SCHEDULES.iter().find(|(name, _)| *name == schedule);
    let (_, make) = found.ok_or_else(|| Error::invalid(format!("there is no schedule `{schedule}`")))?;
    Ok(make(steps, flow).into_iter().chain([0.0]).collect())
}

/// The noise levels of the part that is run where only `denoise` of the noise is put on: the last ones. Empty where that is
/// less than a step.
///
/// How many follows diffusers' image to image, in its arithmetic, whatever the schedule. ComfyUI asks for the steps that
/// are run: its `n` are `⌊n / denoise⌋` here, and give the same levels.
pub fn last_part(sigmas: &[f32], steps: usize, denoise: f64) -> &[f32] {
    match steps - first_step(steps, denoise) {
        0 => &[],
        run => &sigmas[sigmas.len().saturating_sub(run + 1)..],
    }
}

/// `steps` where nothing is left to do.
fn first_step(steps: usize, denoise: f64) -> usize {
    let steps = steps as f64;
    (steps - (steps * denoise).min(steps)).max(0.0) as usize
}

/// Evenly from `first` to `last`: bit for bit torch's `linspace` in float32, which counts from the nearer end and rounds
/// once.
fn linspace(first: f32, last: f32, count: usize) -> impl Iterator<Item = f32> {
    let step = if count > 1 { (last - first) / (count - 1) as f32 } else { 0.0 };
    (0..count).map(move |index| match index < count / 2 || count == 1 {
        true => step.mul_add(index as f32, first),
        false => (-step).mul_add((count - 1 - index) as f32, last),
    })
}

/// Evenly from `first` to `last`.
fn ramp(first: f64, last: f64, count: usize) -> impl Iterator<Item = f64> {
    let intervals = count.saturating_sub(1).max(1) as f64;
    (0..count).map(move |index| first + (last - first) * (index as f64 / intervals))
}
