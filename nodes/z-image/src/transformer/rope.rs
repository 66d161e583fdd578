//! Rotary position tables over three axes.

use plugin_api::Tensor;

use super::config::Config;

/// Cosines and sines of a run of tokens.
pub struct Rope {
    /// `[tokens, head_dim / 2]`, float32.
    pub cos: Tensor,
    /// As `cos`.
    pub sin: Tensor,
    pub tokens: i32,
}

impl Rope {
    /// `positions` holds time, row and column of every token.
    pub fn new(positions: &[[usize; 3]], config: &Config) -> Self {
        let (cos, sin) = table(positions, config);
        let shape = [positions.len() as i32, config.head_dim() / 2];
        Self { cos: Tensor::from_slice(&cos, &shape), sin: Tensor::from_slice(&sin, &shape), tokens: shape[0] }
    }

    /// Tokens `start..stop`.
    pub fn rows(&self, start: i32, stop: i32) -> Self {
        Self { cos: self.cos.narrow(0, start, stop), sin: self.sin.narrow(0, start, stop), tokens: stop - start }
    }
}

/// The axes' pairs stand beside each other in every row.
fn table(positions: &[[usize; 3]], config: &Config) -> (Vec<f32>, Vec<f32>) {
    let axes: [Axis; 3] = std::array::from_fn(|axis| {
        let last = positions.iter().map(|position| position[axis]).max().unwrap_or(0);
        Axis::new(config.axes_dims[axis] as usize, config.rope_theta, last)
    });
    let (mut cos, mut sin) = (Vec::new(), Vec::new());
    for position in positions {
        for (axis, &at) in axes.iter().zip(position) {
            let row = at * axis.pairs..(at + 1) * axis.pairs;
            cos.extend_from_slice(&axis.cos[row.clone()]);
            sin.extend_from_slice(&axis.sin[row]);
        }
    }
    (cos, sin)
}

/// All positions of one axis, because most tokens share theirs with many others.
struct Axis {
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Axis {
    fn new(dim: usize, theta: f64, last: usize) -> Self {
        let pairs = dim / 2;
        let frequencies: Vec<f64> = (0..pairs).map(|i| theta.powf((2 * i) as f64 / dim as f64).recip()).collect();
        let angles = (0..=last).flat_map(|position| frequencies.iter().map(move |f| position as f64 * f));
        // The reference rounds the angle to float32 before it takes the cosine.
        let (cos, sin) = angles.map(|angle| f64::from(angle as f32)).map(|a| (a.cos() as f32, a.sin() as f32)).unzip();
        Self { pairs, cos, sin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f64::from(*f) - e).abs() < 1e-6, "{f} is not {e}");
        }
    }

    #[test]
    fn a_row_holds_the_pairs_of_time_row_and_column() {
        let config = Config { dim: 10, n_heads: 1, axes_dims: [4, 4, 2], ..Config::default() };
        // theta 256 and 4 numbers: the frequencies are 1 and 256^(-1/2) = 1/16.
        let (cos, sin) = table(&[[0, 0, 0], [2, 8, 3]], &config);
        close(&cos[..5], &[1.0; 5]);
        close(&sin[..5], &[0.0; 5]);
        close(&cos[5..], &[2f64.cos(), 0.125f64.cos(), 8f64.cos(), 0.5f64.cos(), 3f64.cos()]);
        close(&sin[5..], &[2f64.sin(), 0.125f64.sin(), 8f64.sin(), 0.5f64.sin(), 3f64.sin()]);
    }
}
