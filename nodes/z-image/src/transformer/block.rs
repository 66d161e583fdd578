//! One layer: attention and a gated feed-forward network, each between two norms.

use plugin_api::{Tensor, Weights};

use super::attention::Attention;
use super::config::Config;
use super::rope::Rope;
use crate::checkpoint::Checkpoint;

pub struct Block {
    weights: Weights,
    attention: Attention,
    attention_norms: Norms,
    ffn_norms: Norms,
    dim: i32,
}

/// The norms before and after a part of a block.
struct Norms {
    before: Tensor,
    after: Tensor,
    eps: f32,
}

/// How the time shapes a part of a block: `[dim]` each.
struct Modulation {
    scale: Tensor,
    gate: Tensor,
}

impl Block {
    /// A block of `layers` or `noise_refiner` is modulated, one of `context_refiner` is not.
    pub fn new(checkpoint: &Checkpoint, config: &Config, modulated: bool) -> Self {
        let dim = config.dim;
        let feed_forward = checkpoint.at("feed_forward");
        let hidden = feed_forward.rows("w1.weight");
        feed_forward.linear("w1", dim, hidden);
        feed_forward.linear("w3", dim, hidden);
        feed_forward.linear("w2", hidden, dim);
        if modulated {
            checkpoint.linear_bias("adaLN_modulation.0", config.temb_dim(), 4 * dim);
        }
        let norms = |before, after| Norms {
            before: checkpoint.tensor(before, &[dim]),
            after: checkpoint.tensor(after, &[dim]),
            eps: config.norm_eps,
        };
        Self {
            weights: checkpoint.weights(),
            attention: Attention::new(&checkpoint.at("attention"), config),
            attention_norms: norms("attention_norm1.weight", "attention_norm2.weight"),
            ffn_norms: norms("ffn_norm1.weight", "ffn_norm2.weight"),
            dim,
        }
    }

    /// `[n, tokens, dim]` → the same; `temb` where the block is modulated.
    pub fn forward(&self, x: &Tensor, temb: Option<&Tensor>, rope: &Rope) -> Tensor {
        let (attention, ffn) = temb.map(|temb| self.modulation(temb)).unzip();
        let x = self.attention_norms.residual(x, attention.as_ref(), |x| self.attention.forward(x, rope));
        self.ffn_norms.residual(&x, ffn.as_ref(), |x| self.feed_forward(x))
    }

    /// Of the attention and of the feed-forward network.
    fn modulation(&self, temb: &Tensor) -> (Modulation, Modulation) {
        let all = self.weights.linear("adaLN_modulation.0", temb).reshape(&[4 * self.dim]);
        let chunk = |i: i32| all.narrow(0, i * self.dim, (i + 1) * self.dim);
        let of = |i: i32| Modulation { scale: chunk(i).add_scalar(1.0), gate: chunk(i + 1).tanh() };
        (of(0), of(2))
    }

    fn feed_forward(&self, x: &Tensor) -> Tensor {
        let gate = self.weights.linear("feed_forward.w1", x);
        let hidden = gate.silu_multiply(&self.weights.linear("feed_forward.w3", x));
        self.weights.linear("feed_forward.w2", &hidden)
    }
}

impl Norms {
    /// `x + gate · after(part(before(x) · scale))`. Scale and gate multiply the norms' weights, which are far smaller than what
    /// is normed.
    fn residual(&self, x: &Tensor, modulation: Option<&Modulation>, part: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
        let with = |norm: &Tensor, factor: Option<&Tensor>| factor.map_or_else(|| norm.clone(), |factor| norm * factor);
        let (before, after) =
            (with(&self.before, modulation.map(|m| &m.scale)), with(&self.after, modulation.map(|m| &m.gate)));
        x + part(&x.rms_norm(Some(&before), self.eps)).rms_norm(Some(&after), self.eps)
    }
}
