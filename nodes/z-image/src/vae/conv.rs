//! Convolutions and group norms on `[n, h, w, c]`.

use plugin_api::{Result, Tensor};

use crate::checkpoint::Checkpoint;

const EPS: f32 = 1e-6;

/// A convolution that keeps height and width, unless it strides.
pub struct Conv {
    /// `[out, k, k, in]`.
    weight: Tensor,
    bias: Tensor,
    padding: i32,
}

impl Conv {
    /// `name.weight` `[outputs, inputs, kernel, kernel]` and `name.bias` `[outputs]`.
    ///
    /// # Errors
    /// The weight cannot be read.
    pub fn new(checkpoint: &Checkpoint, name: &str, inputs: i32, outputs: i32, kernel: i32) -> Result<Self> {
        let bias = checkpoint.tensor(&format!("{name}.bias"), &[outputs]);
        let key = format!("{name}.weight");
        let there = checkpoint.need(&key, &[&[outputs, inputs, kernel, kernel]]);
        let weight = channels_last(&checkpoint.weights().tensor(&key), [outputs, inputs, kernel]);
        if there {
            // One by one and now, so that only one weight at a time exists twice.
            weight.eval()?;
        }
        Ok(Self { weight, bias, padding: kernel / 2 })
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.strided(x, 1, self.padding, None)
    }

    /// With `other` added, which has the shape of the result.
    pub fn forward_add(&self, x: &Tensor, other: &Tensor) -> Tensor {
        self.strided(x, 1, self.padding, Some(other))
    }

    /// Half the height and width: a row and a column of zeros go below and to the right first.
    pub fn halve(&self, x: &Tensor) -> Tensor {
        self.strided(&x.pad(&[0, 0, 0, 0], &[0, 1, 1, 0], 0.0), 2, 0, None)
    }

    fn strided(&self, x: &Tensor, stride: i32, padding: i32, other: Option<&Tensor>) -> Tensor {
        x.conv2d_add(&self.weight, &[stride; 2], &[padding; 2], Some(&self.bias), other)
    }
}

/// torch's `[out, in, k, k]` as `[out, k, k, in]`. A transposed tensor is only a view, which every convolution would
/// copy; the flat shape in between makes the copy once.
fn channels_last(weight: &Tensor, [outputs, inputs, kernel]: [i32; 3]) -> Tensor {
    weight.transpose(&[0, 2, 3, 1]).reshape(&[-1]).reshape(&[outputs, kernel, kernel, inputs])
}

/// A norm over groups of channels.
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: i32,
}

impl GroupNorm {
    pub fn new(checkpoint: &Checkpoint, name: &str, channels: i32, groups: i32) -> Self {
        let tensor = |end| checkpoint.tensor(&format!("{name}.{end}"), &[channels]);
        Self { weight: tensor("weight"), bias: tensor("bias"), groups }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.group_norm(self.groups, Some(&self.weight), Some(&self.bias), EPS)
    }

    /// With silu behind it.
    pub fn activated(&self, x: &Tensor) -> Tensor {
        x.group_norm_silu(self.groups, Some(&self.weight), Some(&self.bias), EPS)
    }
}
