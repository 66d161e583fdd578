//! Rotary position tables of the text encoder.

use plugin_api::Tensor;

/// Cosines and sines of the positions from 0: `[tokens, head_dim / 2]`, float32.
pub struct Rope {
    pub cos: Tensor,
    pub sin: Tensor,
    pub tokens: i32,
}

impl Rope {
    pub fn new(tokens: i32, head_dim: i32, theta: f32) -> Self {
        let (cos, sin) = table(tokens, head_dim, theta);
        let shape = [tokens, head_dim / 2];
        Self { cos: Tensor::from_slice(&cos, &shape), sin: Tensor::from_slice(&sin, &shape), tokens }
    }
}

/// Frequencies and angles are rounded to float32 one by one, as in the reference.
fn table(tokens: i32, head_dim: i32, theta: f32) -> (Vec<f32>, Vec<f32>) {
    let frequency = |i: i32| {
        let exponent = (2 * i) as f32 / head_dim as f32;
        1.0 / f64::from(theta).powf(exponent.into()) as f32
    };
    let frequencies: Vec<f32> = (0..head_dim / 2).map(frequency).collect();
    let angles = (0..tokens).flat_map(|position| frequencies.iter().map(move |f| f64::from(position as f32 * f)));
    angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_zero() {
        let (cos, sin) = table(3, 4, 10_000.0);
        assert_eq!((cos[..2].to_vec(), sin[..2].to_vec()), (vec![1.0; 2], vec![0.0; 2]));
        assert_eq!((cos[4], sin[4]), (2f64.cos() as f32, 2f64.sin() as f32));
        assert!((f64::from(sin[5]) - 0.02f64.sin()).abs() < 1e-8);
    }
}
