//! Self-attention over all pixels of the lowest level, with one head as wide as the channels.

use plugin_api::{Error, Result, Tensor};
use weft_formats::memory::vae::SCORES_AT_ONCE;

use super::conv::GroupNorm;
use crate::checkpoint::Checkpoint;

pub struct Attention {
    group_norm: GroupNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    channels: i32,
}

impl Attention {
    pub fn new(checkpoint: &Checkpoint, channels: i32, groups: i32) -> Self {
        // The second name is that of files from before the layers were renamed.
        let linear = |names| Linear::new(checkpoint, names, channels);
        Self {
            group_norm: GroupNorm::new(checkpoint, "group_norm", channels, groups),
            query: linear(["to_q", "query"]),
            key: linear(["to_k", "key"]),
            value: linear(["to_v", "value"]),
            out: linear(["to_out.0", "proj_attn"]),
            channels,
        }
    }

    /// `[n, h, w, c]` → the same.
    ///
    /// # Errors
    /// More pixels than can be counted.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [n, height, width, channels] = x.dims("a layer of the VAE")?;
        let pixels = height.checked_mul(width).ok_or_else(|| Error::invalid("the picture is too large"))?;
        let normed = self.group_norm.forward(x).reshape(&[n, 1, pixels, channels]);
        let [queries, keys, values] = [&self.query, &self.key, &self.value].map(|linear| linear.forward(&normed));
        let mixed = self.mix(&queries, &keys, &values, pixels);
        Ok(x + self.out.forward(&mixed).reshape(&[n, height, width, channels]))
    }

    fn mix(&self, queries: &Tensor, keys: &Tensor, values: &Tensor, pixels: i32) -> Tensor {
        let scale = (self.channels as f32).sqrt().recip();
        let rows = (SCORES_AT_ONCE as i32 / pixels).max(1);
        let parts: Vec<Tensor> = (0..pixels)
            .step_by(rows as usize)
            .map(|start| queries.narrow(2, start, pixels.min(start + rows)).attention(keys, values, scale, None))
            .collect();
        Tensor::concatenate(&parts, 2)
    }
}

/// `x · Wᵀ + b`, whose weight may also be that of a 1 × 1 convolution.
struct Linear {
    /// `[in, out]`.
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn new(checkpoint: &Checkpoint, names: [&str; 2], channels: i32) -> Self {
        let name = checkpoint.first_of(&names);
        let key = format!("{name}.weight");
        checkpoint.need(&key, &[&[channels, channels], &[channels, channels, 1, 1]]);
        Self {
            weight: checkpoint.weights().tensor(&key).reshape(&[channels, channels]).transpose(&[1, 0]),
            bias: checkpoint.tensor(&format!("{name}.bias"), &[channels]),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.matmul(&self.weight) + &self.bias
    }
}
