use super::linspace;
use crate::flow::Flow;

/// Times evenly from 1 to 1/steps: bit for bit diffusers' table for Z-Image, `linspace(1, 1 / steps, steps)`.
///
/// ComfyUI's `simple` rounds these times up to its 1000 trained ones: the same wherever `steps` divides 1000, elsewhere
/// less than 1/1000 noisier.
pub fn simple(steps: usize, flow: Flow) -> Vec<f32> {
    linspace(1.0, 1.0 / steps as f32, steps).map(|time| flow.sigma(time)).collect()
}
