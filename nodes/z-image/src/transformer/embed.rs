//! Into the sequence and out of it: patches of the latent, tokens of the caption.

use plugin_api::{Dtype, Result, Tensor, Weights};

use super::config::Config;
use super::layout::{Layout, PATCH};
use crate::checkpoint::Checkpoint;

/// Of the norm before the last projection.
const FINAL_EPS: f32 = 1e-6;

/// The latent's way in.
pub struct Patches {
    weights: Weights,
    pad_token: Tensor,
    dtype: Dtype,
}

impl Patches {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Self {
        checkpoint.linear_bias("all_x_embedder.2-1", patch_len(config), config.dim);
        let pad_token = pad_token(checkpoint, "x_pad_token", config);
        // Where the tensor is missing the build fails anyway.
        let dtype = pad_token.dtype().unwrap_or(Dtype::Float32);
        Self { weights: checkpoint.weights(), pad_token, dtype }
    }

    /// `[n, channels, h, w]` → `[n, tokens, dim]`, padded, in the type of the weights.
    pub fn embed(&self, x: &Tensor, layout: &Layout) -> Result<Tensor> {
        let [_, channels, ..]: [i32; 4] = x.dims("the latent")?;
        let patches = patchify(&x.as_dtype(self.dtype), layout, channels);
        let tokens = self.weights.linear("all_x_embedder.2-1", &patches);
        Ok(pad(tokens, &self.pad_token, layout.image_padded() - layout.image_tokens()))
    }
}

/// The caption's way in.
pub struct Caption {
    weights: Weights,
    norm: Tensor,
    pad_token: Tensor,
    dtype: Dtype,
    eps: f32,
}

impl Caption {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Self {
        checkpoint.linear_bias("cap_embedder.1", config.cap_feat_dim, config.dim);
        let pad_token = pad_token(checkpoint, "cap_pad_token", config);
        let dtype = pad_token.dtype().unwrap_or(Dtype::Float32);
        let norm = checkpoint.tensor("cap_embedder.0.weight", &[config.cap_feat_dim]);
        Self { weights: checkpoint.weights(), norm, pad_token, dtype, eps: config.norm_eps }
    }

    /// `[n, tokens, cap_feat_dim]` → `[n, tokens, dim]`, padded.
    pub fn embed(&self, embeds: &Tensor, layout: &Layout) -> Tensor {
        let normed = embeds.as_dtype(self.dtype).rms_norm(Some(&self.norm), self.eps);
        let tokens = self.weights.linear("cap_embedder.1", &normed);
        pad(tokens, &self.pad_token, layout.caption_padded() - layout.caption_tokens)
    }
}

/// The way out.
pub struct FinalLayer {
    weights: Weights,
}

impl FinalLayer {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Self {
        checkpoint.linear_bias("adaLN_modulation.1", config.temb_dim(), config.dim);
        checkpoint.linear_bias("linear", config.dim, patch_len(config));
        Self { weights: checkpoint.weights() }
    }

    /// `[n, tokens, dim]` → `[n, tokens, numbers of a patch]`.
    pub fn forward(&self, x: &Tensor, temb: &Tensor) -> Tensor {
        let scale = self.weights.linear("adaLN_modulation.1", &temb.silu()).add_scalar(1.0).expand_dims(&[1]);
        self.weights.linear("linear", &(x.layer_norm(None, None, FINAL_EPS) * scale))
    }
}

/// `[n, channels, h, w]` → `[n, rows · columns, 2 · 2 · channels]`, the channel changing fastest.
fn patchify(x: &Tensor, layout: &Layout, channels: i32) -> Tensor {
    x.reshape(&[-1, channels, layout.rows, PATCH, layout.columns, PATCH]).transpose(&[0, 2, 4, 3, 5, 1]).reshape(&[
        -1,
        layout.image_tokens(),
        PATCH * PATCH * channels,
    ])
}

/// The inverse of [`patchify`].
pub fn unpatchify(tokens: &Tensor, layout: &Layout, channels: i32) -> Tensor {
    tokens
        .reshape(&[-1, layout.rows, layout.columns, PATCH, PATCH, channels])
        .transpose(&[0, 5, 1, 3, 2, 4])
        .reshape(&[-1, channels, layout.height(), layout.width()])
}

fn patch_len(config: &Config) -> i32 {
    PATCH * PATCH * config.in_channels
}

/// `[1, 1, dim]`; some files keep it without its first axis.
fn pad_token(checkpoint: &Checkpoint, name: &str, config: &Config) -> Tensor {
    checkpoint.need(name, &[&[1, config.dim], &[config.dim]]);
    checkpoint.weights().tensor(name).reshape(&[1, 1, config.dim])
}

/// With `count` pad tokens behind it.
fn pad(tokens: Tensor, pad_token: &Tensor, count: i32) -> Tensor {
    if count == 0 {
        return tokens;
    }
    let (batch, dim) = match tokens.dims::<3>("the tokens") {
        Ok([batch, _, dim]) => (batch, dim),
        Err(error) => return Tensor::failed(error),
    };
    Tensor::concatenate(&[tokens, pad_token.broadcast_to(&[batch, count, dim])], 1)
}
