//! Which noise levels a run walks through, and so how many steps it has.

use plugin_api::{Error, Record, Result, Run};

use crate::flow::Flow;
use crate::schedules;

/// Steps of a whole run where the user leaves them to us. Models that need no guidance are made for 8; those that do need 25
/// to 50, and beyond 30 little changes.
const DISTILLED: usize = 8;
const GUIDED: usize = 30;

/// The noise levels that this run walks through; none where denoise 0 leaves the picture as it is.
pub fn levels(run: &Run, inputs: &Record) -> Result<Vec<f32>> {
    let (steps, denoise): (i64, f64) = (inputs.get("steps")?, inputs.get("denoise")?);
    if denoise == 0.0 {
        return Ok(Vec::new());
    }
    match steps as usize {
        0 => automatic(run, inputs, denoise),
        steps => match schedules::last_part(&all(run, inputs, steps)?, steps, denoise) {
            [] => Err(Error::invalid(format!("denoise {denoise} leaves none of {steps} steps"))
                .help("raise denoise, set it to 0 to keep the picture, or set steps to 0, which runs one at least")),
            levels => Ok(levels.to_vec()),
        },
    }
}

/// What denoise leaves of the steps that the model needs, and the last one at least.
fn automatic(run: &Run, inputs: &Record, denoise: f64) -> Result<Vec<f32>> {
    let steps = if inputs.get::<f64>("guidance")? > 0.0 { GUIDED } else { DISTILLED };
    let all = all(run, inputs, steps)?;
    let levels = match schedules::last_part(&all, steps, denoise) {
        [] => &all[all.len().saturating_sub(2)..],
        levels => levels,
    };
    run.note(&told(levels.len() - 1, steps, denoise));
    Ok(levels.to_vec())
}

fn told(left: usize, steps: usize, denoise: f64) -> String {
    let plural = if left == 1 { "" } else { "s" };
    match denoise {
        1.0 => format!("{left} step{plural}"),
        _ => format!("{left} step{plural}: what denoise {denoise} leaves of {steps}"),
    }
}

/// The levels of a whole run of so many steps.
fn all(run: &Run, inputs: &Record, steps: usize) -> Result<Vec<f32>> {
    let all = schedules::sigmas(&inputs.get::<String>("schedule")?, steps, flow(inputs)?)?;
    if all.len() <= steps {
        run.note(&format!(
            "beta has {} different noise levels for {steps} steps: so many steps are all",
            all.len() - 1
        ));
    }
    Ok(all)
}

/// The flow that the user chose.
pub fn flow(inputs: &Record) -> Result<Flow> {
    Ok(Flow { shift: inputs.get("shift")? })
}
