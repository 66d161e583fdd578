//! Folders for MLX as mflux writes them: diffusers' names but where a module is built in another way, and convolutions with
//! their channels last.

use super::phrases::{Phrase, To, translate};
use super::{Joined, Part};
use crate::Tensor;

pub const DIFFUSION: [Phrase; 3] = [
    ("t_embedder.linear1", "t_embedder.mlp.0"),
    ("t_embedder.linear2", "t_embedder.mlp.2"),
    ("all_final_layer.2-1.adaLN_modulation.0", "all_final_layer.2-1.adaLN_modulation.1"),
];
pub const VAE: [Phrase; 6] = [
    ("encoder.conv_in.conv2d", "encoder.conv_in"),
    ("encoder.conv_norm_out.norm", "encoder.conv_norm_out"),
    ("encoder.conv_out.conv2d", "encoder.conv_out"),
    ("decoder.conv_in.conv", "decoder.conv_in"),
    ("decoder.conv_norm_out.norm", "decoder.conv_norm_out"),
    ("decoder.conv_out.conv", "decoder.conv_out"),
];

/// A part of a model, given in diffusers' layout, as mflux's folders have it.
pub fn write(part: Part, tensors: &[Tensor]) -> Vec<Joined> {
    let name = |name: &str| match part {
        Part::Diffusion => translate(name, &DIFFUSION, To::Other, 0),
        Part::TextEncoder => name.strip_prefix("model.").unwrap_or(name).to_owned(),
        Part::Vae => translate(name, &VAE, To::Other, 0),
    };
    let joined = |tensor: &Tensor| {
        let (shape, channels_last) = match tensor.shape[..] {
            [outputs, inputs, height, width] => (vec![outputs, height, width, inputs], true),
            _ => (tensor.shape.clone(), false),
        };
        Joined { name: name(&tensor.name), of: vec![tensor.name.clone()], shape, channels_last }
    };
    tensors.iter().map(joined).collect()
}

/// Whether the convolutions of a VAE have their channels last. Three channels beside a window of three tell nothing.
pub fn has_channels_last<'a>(mut shapes: impl Iterator<Item = &'a [usize]>) -> bool {
    shapes.any(|shape| matches!(shape, [_, 3, 3, inputs] if *inputs != 3))
}
