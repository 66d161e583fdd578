//! Self-attention over the whole sequence.

use plugin_api::{Tensor, Weights};

use super::config::Config;
use super::rope::Rope;
use crate::checkpoint::Checkpoint;

/// Of the norms of queries and keys, whatever `norm_eps` says.
const EPS: f32 = 1e-5;

pub struct Attention {
    weights: Weights,
    norm_q: Option<Tensor>,
    norm_k: Option<Tensor>,
    heads: i32,
    head_dim: i32,
}

impl Attention {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Self {
        let (dim, heads, head_dim) = (config.dim, config.n_heads, config.head_dim());
        for name in ["to_q", "to_k", "to_v"] {
            checkpoint.linear(name, dim, heads * head_dim);
        }
        checkpoint.linear("to_out.0", heads * head_dim, dim);
        let norm = |name| config.qk_norm.then(|| checkpoint.tensor(name, &[head_dim]));
        Self {
            weights: checkpoint.weights(),
            norm_q: norm("norm_q.weight"),
            norm_k: norm("norm_k.weight"),
            heads,
            head_dim,
        }
    }

    /// `[n, tokens, dim]` → the same.
    pub fn forward(&self, x: &Tensor, rope: &Rope) -> Tensor {
        let queries = self.turned("to_q", x, self.norm_q.as_ref(), rope);
        let keys = self.turned("to_k", x, self.norm_k.as_ref(), rope);
        let values = self.split("to_v", x, rope).transpose(&[0, 2, 1, 3]);
        let scale = (self.head_dim as f32).sqrt().recip();
        let mixed = queries.attention(&keys, &values, scale, None).transpose(&[0, 2, 1, 3]);
        self.weights.linear("to_out.0", &mixed.reshape(&[-1, rope.tokens, self.heads * self.head_dim]))
    }

    /// Normed and turned by position: `[n, heads, tokens, head_dim]`.
    fn turned(&self, name: &str, x: &Tensor, norm: Option<&Tensor>, rope: &Rope) -> Tensor {
        let x = self.split(name, x, rope);
        let x = norm.map_or_else(|| x.clone(), |weight| x.rms_norm(Some(weight), EPS));
        x.rotate_pairs(&rope.cos, &rope.sin).transpose(&[0, 2, 1, 3])
    }

    /// Projected and cut into heads: `[n, tokens, heads, head_dim]`.
    fn split(&self, name: &str, x: &Tensor, rope: &Rope) -> Tensor {
        self.weights.linear(name, x).reshape(&[-1, rope.tokens, self.heads, self.head_dim])
    }
}
