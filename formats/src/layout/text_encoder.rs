//! Qwen3 as the text encoder: every layout has transformers' names but llama.cpp's, which GGUF files have.

use super::phrases::{Phrase, To, translate};
use super::{Joined, View};
use crate::Tensor;

const LLAMA_CPP: [Phrase; 15] = [
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
    ("output", "lm_head"),
    ("blk.#", "model.layers.#"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("attn_norm", "input_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

pub fn read<'a>(tensors: impl Iterator<Item = (Tensor, &'a str)>) -> Vec<View> {
    tensors
        .map(|(tensor, of)| {
            let name = translate(&tensor.name, &LLAMA_CPP, To::Diffusers, 0);
            View { name, of: of.to_owned(), first_row: 0, shape: tensor.shape, channels_last: false }
        })
        .collect()
}

/// The names stand below `model.`, as transformers writes them for whole language models.
pub fn write(tensors: &[Tensor]) -> Vec<Joined> {
    let is_bare = !tensors.iter().any(|tensor| tensor.name.starts_with("model."));
    let full = |name: &str| if is_bare { format!("model.{name}") } else { name.to_owned() };
    let joined = |tensor: &Tensor| Joined {
        name: full(&tensor.name),
        of: vec![tensor.name.clone()],
        shape: tensor.shape.clone(),
        channels_last: false,
    };
    tensors.iter().map(joined).collect()
}
