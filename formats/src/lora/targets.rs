//! What the keys of a file may mean: the tensors of a model and of its text encoder.

use super::index::Index;
use super::prefix;
use crate::Tensor;

/// The names that a file's modules may mean.
#[derive(Debug, Clone)]
pub struct Targets {
    pub(super) model: Index,
    pub(super) text_encoder: Option<Index>,
}

impl Targets {
    /// The tensors of loaded weights, with the shapes that they have unpacked. Where there is no text encoder, keys for
    /// one are told apart from unknown ones.
    pub fn of(model: &[Tensor], text_encoder: Option<&[Tensor]>) -> Self {
        Self { model: sized(model), text_encoder: text_encoder.map(sized) }
    }

    /// Those of a Z-Image with as many layers as the file speaks of, split q, k and v; its sizes are not known.
    pub fn of_any_z_image(file: &[Tensor]) -> Self {
        let layers = layers(file, "layers");
        let refiners = layers_of_refiners(file);
        Self { model: named(model_names(layers, refiners)), text_encoder: Some(named(encoder_names(layers))) }
    }
}

fn sized(tensors: &[Tensor]) -> Index {
    Index::new(tensors.iter().map(|tensor| (tensor.name.clone(), Some(tensor.shape.clone()))))
}

fn named(names: Vec<String>) -> Index {
    Index::new(names.into_iter().map(|name| (name, None)))
}

/// A file cannot ask for more layers than this.
const MOST_LAYERS: usize = 1000;

fn layers_of_refiners(file: &[Tensor]) -> usize {
    layers(file, "noise_refiner").max(layers(file, "context_refiner"))
}

/// One more than the highest number behind the word, dotted or underscored.
fn layers(file: &[Tensor], word: &str) -> usize {
    let numbers = file.iter().flat_map(|tensor| {
        tensor.name.match_indices(word).filter_map(|(at, _)| number(&tensor.name[at + word.len()..]))
    });
    numbers.max().map_or(0, |highest| highest + 1)
}

/// The number behind a separator.
fn number(rest: &str) -> Option<usize> {
    let rest = rest.strip_prefix(['.', '_'])?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok().filter(|number| *number < MOST_LAYERS)
}

const OF_MODEL: [&str; 16] = [
    "x_pad_token",
    "cap_pad_token",
    "all_x_embedder.2-1.weight",
    "all_x_embedder.2-1.bias",
    "all_final_layer.2-1.linear.weight",
    "all_final_layer.2-1.linear.bias",
    "all_final_layer.2-1.adaLN_modulation.1.weight",
    "all_final_layer.2-1.adaLN_modulation.1.bias",
    "t_embedder.mlp.0.weight",
    "t_embedder.mlp.0.bias",
    "t_embedder.mlp.2.weight",
    "t_embedder.mlp.2.bias",
    "cap_embedder.0.weight",
    "cap_embedder.1.weight",
    "cap_embedder.1.bias",
    "norm_final.weight",
];

const OF_BLOCK: [&str; 13] = [
    "attention.to_q.weight",
    "attention.to_k.weight",
    "attention.to_v.weight",
    "attention.to_out.0.weight",
    "attention.norm_q.weight",
    "attention.norm_k.weight",
    "attention_norm1.weight",
    "attention_norm2.weight",
    "ffn_norm1.weight",
    "ffn_norm2.weight",
    "feed_forward.w1.weight",
    "feed_forward.w2.weight",
    "feed_forward.w3.weight",
];

/// Blocks that know the time step.
const OF_MODULATED_BLOCK: [&str; 2] = ["adaLN_modulation.0.weight", "adaLN_modulation.0.bias"];

const OF_ENCODER_BLOCK: [&str; 11] = [
    "self_attn.q_proj.weight",
    "self_attn.k_proj.weight",
    "self_attn.v_proj.weight",
    "self_attn.o_proj.weight",
    "self_attn.q_norm.weight",
    "self_attn.k_norm.weight",
    "mlp.gate_proj.weight",
    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
    "input_layernorm.weight",
    "post_attention_layernorm.weight",
];

fn model_names(layers: usize, refiners: usize) -> Vec<String> {
    let blocks = |stem: &'static str, count, tensors: &'static [&'static str]| {
        (0..count).flat_map(move |block| tensors.iter().map(move |tensor| format!("{stem}.{block}.{tensor}")))
    };
    let mut names: Vec<String> = OF_MODEL.iter().map(|&name| name.to_owned()).collect();
    for (stem, count) in [("layers", layers), ("noise_refiner", refiners)] {
        names.extend(blocks(stem, count, &OF_BLOCK).chain(blocks(stem, count, &OF_MODULATED_BLOCK)));
    }
    names.extend(blocks("context_refiner", refiners, &OF_BLOCK));
    names
}

fn encoder_names(layers: usize) -> Vec<String> {
    let mut names = vec!["model.embed_tokens.weight".to_owned(), "model.norm.weight".to_owned()];
    for layer in 0..layers {
        names.extend(OF_ENCODER_BLOCK.iter().map(|tensor| format!("model.layers.{layer}.{tensor}")));
    }
    names
}

/// Whether a name without a telling prefix is one of a language model's.
pub(super) fn of_text_encoder(module: &str) -> bool {
    prefix::candidates(module).iter().any(|(_, body)| {
        let flat = body.replace('.', "_");
        flat.starts_with("layers_") && (flat.contains("_self_attn_") || flat.contains("_mlp_"))
    })
}
