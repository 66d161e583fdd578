use super::linspace;
use crate::flow::Flow;

/// Times evenly from 1 towards the least trained noise level, which is left out.
///
/// The end is a level and used as a time, as in ComfyUI, so that the shift counts twice there.
pub fn sgm_uniform(steps: usize, flow: Flow) -> Vec<f32> {
    linspace(1.0, flow.trained_sigma(0), steps + 1).take(steps).map(|time| flow.sigma(time)).collect()
}
