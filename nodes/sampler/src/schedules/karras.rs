use super::ramp;
use crate::flow::{Flow, TRAINED};

/// How strongly the levels crowd at the end without noise.
const RHO: f64 = 7.0;

/// Evenly in the level's seventh root, from the noisiest trained level to the least (Karras et al. 2022, equation 5).
pub fn karras(steps: usize, flow: Flow) -> Vec<f32> {
    let root = |index| f64::from(flow.trained_sigma(index)).powf(1.0 / RHO);
    ramp(root(TRAINED - 1), root(0), steps).map(|root| root.powf(RHO) as f32).collect()
}
