//! The embedding of the time in a generation, which modulates every layer.

use plugin_api::{Dtype, Tensor, Weights};

use super::config::Config;
use crate::checkpoint::Checkpoint;

/// Cosines, and as many sines, of the sinusoid.
const FREQUENCIES: usize = 128;
const MIDDLE: i32 = 1024;

pub struct Timestep {
    weights: Weights,
    dtype: Dtype,
    t_scale: f32,
}

impl Timestep {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Self {
        checkpoint.linear_bias("mlp.0", 2 * FREQUENCIES as i32, MIDDLE);
        checkpoint.linear_bias("mlp.2", MIDDLE, config.temb_dim());
        let weights = checkpoint.weights();
        // Where the tensor is missing the build fails anyway.
        let dtype = weights.tensor("mlp.0.bias").dtype().unwrap_or(Dtype::Float32);
        Self { weights, dtype, t_scale: config.t_scale }
    }

    /// `[1, temb_dim]`.
    pub fn embed(&self, sigma: f32) -> Tensor {
        let sinusoid = sinusoid(scaled_time(sigma, self.t_scale));
        let x = Tensor::from_slice(&sinusoid, &[1, sinusoid.len() as i32]).as_dtype(self.dtype);
        self.weights.linear("mlp.2", &self.weights.linear("mlp.0", &x).silu())
    }
}

/// Four roundings to float32, as the reference does through its timestep of 0 to 1000. The angles reach 1000 radians,
/// so that `1 − sigma` at once would be seen in the picture.
fn scaled_time(sigma: f32, t_scale: f32) -> f32 {
    let timestep = sigma * 1000.0;
    let t = (1000.0 - timestep) / 1000.0;
    t * t_scale
}

/// All cosines, then all sines.
fn sinusoid(time: f32) -> Vec<f32> {
    let angles = (0..FREQUENCIES).map(|i| f64::from(time * frequency(i)));
    angles.clone().map(f64::cos).chain(angles.map(f64::sin)).map(|number| number as f32).collect()
}

/// `10000^(−i / 128)`. The exponent is rounded as in the reference, or most frequencies would differ.
fn frequency(i: usize) -> f32 {
    let exponent = -(10_000f64.ln() as f32) * i as f32 / FREQUENCIES as f32;
    f64::from(exponent).exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rounded_step_by_step() {
        assert_eq!(scaled_time(1.0, 1000.0), 0.0);
        assert_eq!(scaled_time(0.0, 1000.0), 1000.0);
        // The last sigma of eight steps with shift 3: 0.3 in float32.
        let sigma = 0.3f32;
        let by_hand = {
            let a = sigma * 1000.0f32;
            let b = 1000.0f32 - a;
            let c = b / 1000.0f32;
            c * 1000.0f32
        };
        assert_eq!(scaled_time(sigma, 1000.0).to_bits(), by_hand.to_bits());
        assert!((scaled_time(sigma, 700.0) - 490.0).abs() < 1e-3);
    }

    #[test]
    fn cosines_come_first() {
        let numbers = sinusoid(0.0);
        assert_eq!(numbers[..128], [1.0; 128]);
        assert_eq!(numbers[128..], [0.0; 128]);
        assert_eq!(frequency(0), 1.0);
        assert!((f64::from(frequency(64)) - 0.01).abs() < 1e-8);
    }
}
