//! One layer of Qwen3.

use plugin_api::{Tensor, Weights};

use super::config::Config;
use super::rope::Rope;
use crate::checkpoint::Checkpoint;

pub struct Layer {
    weights: Weights,
    input_layernorm: Tensor,
    post_attention_layernorm: Tensor,
    q_norm: Tensor,
    k_norm: Tensor,
    heads: i32,
    kv_heads: i32,
    head_dim: i32,
    eps: f32,
}

impl Layer {
    pub fn new(checkpoint: &Checkpoint, config: &Config) -> Self {
        let hidden = config.hidden_size;
        need_attention(&checkpoint.at("self_attn"), config);
        checkpoint.linear("mlp.gate_proj", hidden, config.intermediate_size);
        checkpoint.linear("mlp.up_proj", hidden, config.intermediate_size);
        checkpoint.linear("mlp.down_proj", config.intermediate_size, hidden);
        Self {
            weights: checkpoint.weights(),
            input_layernorm: checkpoint.tensor("input_layernorm.weight", &[hidden]),
            post_attention_layernorm: checkpoint.tensor("post_attention_layernorm.weight", &[hidden]),
            q_norm: checkpoint.tensor("self_attn.q_norm.weight", &[config.head_dim]),
            k_norm: checkpoint.tensor("self_attn.k_norm.weight", &[config.head_dim]),
            heads: config.num_attention_heads,
            kv_heads: config.kv_heads(),
            head_dim: config.head_dim,
            eps: config.rms_norm_eps,
        }
    }

    /// `[1, tokens, hidden_size]` → the same.
    pub fn forward(&self, x: &Tensor, rope: &Rope) -> Tensor {
        let x = x + self.attention(&x.rms_norm(Some(&self.input_layernorm), self.eps), rope);
        let y = self.feed_forward(&x.rms_norm(Some(&self.post_attention_layernorm), self.eps));
        x + y
    }

    fn attention(&self, x: &Tensor, rope: &Rope) -> Tensor {
        let queries = self.turned(self.split("self_attn.q_proj", x, self.heads, rope), &self.q_norm, rope);
        let keys = self.turned(self.split("self_attn.k_proj", x, self.kv_heads, rope), &self.k_norm, rope);
        let values = self.split("self_attn.v_proj", x, self.kv_heads, rope).transpose(&[0, 2, 1, 3]);
        let scale = (self.head_dim as f32).sqrt().recip();
        let mixed = queries.causal_attention(&keys, &values, scale).transpose(&[0, 2, 1, 3]);
        self.weights.linear("self_attn.o_proj", &mixed.reshape(&[1, rope.tokens, self.heads * self.head_dim]))
    }

    /// Projected and cut into heads: `[1, tokens, heads, head_dim]`.
    fn split(&self, name: &str, x: &Tensor, heads: i32, rope: &Rope) -> Tensor {
        self.weights.linear(name, x).reshape(&[1, rope.tokens, heads, self.head_dim])
    }

    /// Normed and turned by position: `[1, heads, tokens, head_dim]`.
    ///
    /// Qwen3 turns the first half of a head with the second. Here the halves are interleaved first and neighbours
    /// turned, for which there are exact tables: queries and keys are reordered alike, so their products are the same.
    fn turned(&self, x: Tensor, norm: &Tensor, rope: &Rope) -> Tensor {
        let (tokens, half) = (rope.tokens, self.head_dim / 2);
        let pairs = x.rms_norm(Some(norm), self.eps).reshape(&[1, tokens, -1, 2, half]).swap_axes(3, 4);
        pairs.reshape(&[1, tokens, -1, self.head_dim]).rotate_pairs(&rope.cos, &rope.sin).transpose(&[0, 2, 1, 3])
    }

    fn feed_forward(&self, x: &Tensor) -> Tensor {
        let hidden = self.weights.linear("mlp.gate_proj", x).silu_multiply(&self.weights.linear("mlp.up_proj", x));
        self.weights.linear("mlp.down_proj", &hidden)
    }
}

fn need_attention(checkpoint: &Checkpoint, config: &Config) {
    let (hidden, queries) = (config.hidden_size, config.num_attention_heads * config.head_dim);
    let keys = config.kv_heads() * config.head_dim;
    let parts =
        [("q_proj", hidden, queries), ("k_proj", hidden, keys), ("v_proj", hidden, keys), ("o_proj", queries, hidden)];
    for (name, inputs, outputs) in parts {
        checkpoint.linear(name, inputs, outputs);
        if config.attention_bias {
            checkpoint.need(&format!("{name}.bias"), &[&[outputs]]);
        }
    }
}
