use super::ramp;
use crate::flow::{Flow, TRAINED};

/// Evenly in the level's logarithm, from the noisiest trained level to the least.
pub fn exponential(steps: usize, flow: Flow) -> Vec<f32> {
    let log = |index| f64::from(flow.trained_sigma(index)).ln();
    ramp(log(TRAINED - 1), log(0), steps).map(|log| log.exp() as f32).collect()
}
