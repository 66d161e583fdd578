//! Z-Image's transformer: the original names, which ComfyUI and GGUF files have, and diffusers'.

use super::mlx;
use super::phrases::{Phrase, To, translate};
use super::{Joined, View};
use crate::Tensor;

const PHRASES: [Phrase; 5] = [
    ("attention.out", "attention.to_out.0"),
    ("attention.q_norm", "attention.norm_q"),
    ("attention.k_norm", "attention.norm_k"),
    ("x_embedder", "all_x_embedder.2-1"),
    ("final_layer", "all_final_layer.2-1"),
];
/// What files for MLX leave out: the place of the one layer in a list of layers. They are read, not written.
const WITHOUT_INDEX: [Phrase; 8] = [
    ("attention.to_out.weight", "attention.to_out.0.weight"),
    ("attention.to_out.bias", "attention.to_out.0.bias"),
    ("final_layer.adaLN_modulation.weight", "all_final_layer.2-1.adaLN_modulation.1.weight"),
    ("final_layer.adaLN_modulation.bias", "all_final_layer.2-1.adaLN_modulation.1.bias"),
    ("2-1.adaLN_modulation.weight", "2-1.adaLN_modulation.1.weight"),
    ("2-1.adaLN_modulation.bias", "2-1.adaLN_modulation.1.bias"),
    ("adaLN_modulation.weight", "adaLN_modulation.0.weight"),
    ("adaLN_modulation.bias", "adaLN_modulation.0.bias"),
];
/// One matrix for the three of attention, rows of the queries first.
const FUSED: &str = "attention.qkv.";
const SPLIT: [&str; 3] = ["attention.to_q.", "attention.to_k.", "attention.to_v."];
/// A tensor of the original files that the network does not use.
const UNUSED: &str = "norm_final.weight";
/// One row each; some files leave the axis out.
const PAD_TOKENS: [&str; 2] = ["x_pad_token", "cap_pad_token"];

pub fn read<'a>(tensors: impl Iterator<Item = (Tensor, &'a str)>) -> Result<Vec<View>, String> {
    let mut views = Vec::new();
    for (tensor, of) in tensors.filter(|(tensor, _)| tensor.name != UNUSED) {
        if tensor.name.contains(FUSED) {
            views.extend(split(&tensor, of)?);
            continue;
        }
        let phrases = [&WITHOUT_INDEX[..], &mlx::DIFFUSION, &PHRASES].concat();
        let name = translate(&tensor.name, &phrases, To::Diffusers, 0);
        let is_row = PAD_TOKENS.contains(&name.as_str()) && tensor.shape.len() == 1;
        let shape = if is_row { [&[1], tensor.shape.as_slice()].concat() } else { tensor.shape };
        views.push(View { name, of: of.to_owned(), first_row: 0, shape, channels_last: false });
    }
    Ok(views)
}

/// The three thirds of the rows. In another model of this family keys and values have fewer.
fn split(tensor: &Tensor, of: &str) -> Result<[View; 3], String> {
    let rows = tensor.shape.first().copied().unwrap_or(0);
    let square = tensor.shape.get(1).is_none_or(|columns| columns * 3 == rows);
    if rows % 3 != 0 || !square {
        return Err(format!(
            "`{of}` {:?} is not three square matrices: this is another model of the family, such as Lumina",
            tensor.shape
        ));
    }
    Ok([0, 1, 2].map(|third| View {
        name: tensor.name.replace(FUSED, SPLIT[third]),
        of: of.to_owned(),
        first_row: third * rows / 3,
        shape: [&[rows / 3], &tensor.shape[1..]].concat(),
        channels_last: false,
    }))
}

pub fn write(tensors: &[Tensor]) -> Vec<Joined> {
    let [query, others @ ..] = SPLIT;
    let kept = tensors.iter().filter(|tensor| !others.iter().any(|other| tensor.name.contains(other)));
    kept.map(|tensor| {
        if !tensor.name.contains(query) {
            let name = translate(&tensor.name, &PHRASES, To::Other, 0);
            return Joined { name, of: vec![tensor.name.clone()], shape: tensor.shape.clone(), channels_last: false };
        }
        let mut shape = tensor.shape.clone();
        if let Some(rows) = shape.first_mut() {
            *rows *= 3;
        }
        let of = SPLIT.iter().map(|part| tensor.name.replace(query, part)).collect();
        Joined { name: tensor.name.replace(query, FUSED), of, shape, channels_last: false }
    })
    .collect()
}
