//! The autoencoder: the names of the original latent-diffusion code, which ComfyUI's files have, and diffusers'.

use super::mlx;
use super::phrases::{Phrase, To, translate};
use super::{Joined, View};
use crate::Tensor;

const PHRASES: [Phrase; 14] = [
    ("mid.block_1", "mid_block.resnets.0"),
    ("mid.block_2", "mid_block.resnets.1"),
    ("mid.attn_1.norm", "mid_block.attentions.0.group_norm"),
    ("mid.attn_1.q", "mid_block.attentions.0.to_q"),
    ("mid.attn_1.k", "mid_block.attentions.0.to_k"),
    ("mid.attn_1.v", "mid_block.attentions.0.to_v"),
    ("mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0"),
    ("down.#", "down_blocks.#"),
    // One counts from the latent, the other from the picture.
    ("up.#", "up_blocks.~"),
    ("block.#", "resnets.#"),
    ("nin_shortcut", "conv_shortcut"),
    ("downsample", "downsamplers.0"),
    ("upsample", "upsamplers.0"),
    ("norm_out", "conv_norm_out"),
];
const PARTS: [&str; 4] = ["encoder.", "decoder.", "quant_conv.", "post_quant_conv."];
/// Linear layers in diffusers' layout, convolutions of 1 × 1 in the original one.
const ATTENTION: [&str; 4] = ["to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight"];

pub fn read(tensors: Vec<(Tensor, &str)>) -> Vec<View> {
    let is_turned = mlx::has_channels_last(tensors.iter().map(|(tensor, _)| tensor.shape.as_slice()));
    let phrases = [&mlx::VAE[..], &PHRASES].concat();
    let levels = levels(tensors.iter().map(|(tensor, _)| tensor.name.as_str()), "decoder.up.");
    let inside = tensors.into_iter().filter(|(tensor, _)| PARTS.iter().any(|part| tensor.name.starts_with(part)));
    let view = |(tensor, of): (Tensor, &str)| {
        let name = translate(&tensor.name, &phrases, To::Diffusers, levels);
        let (shape, channels_last) = match tensor.shape[..] {
            [rows, columns, 1, 1] | [rows, 1, 1, columns] if is_attention(&name) => (vec![rows, columns], false),
            [outputs, height, width, inputs] if is_turned => (vec![outputs, inputs, height, width], true),
            _ => (tensor.shape, false),
        };
        View { name, of: of.to_owned(), first_row: 0, shape, channels_last }
    };
    inside.map(view).collect()
}

pub fn write(tensors: &[Tensor]) -> Vec<Joined> {
    let levels = levels(tensors.iter().map(|tensor| tensor.name.as_str()), "decoder.up_blocks.");
    tensors
        .iter()
        .map(|tensor| {
            let shape = match tensor.shape.as_slice() {
                [rows, columns] if is_attention(&tensor.name) => vec![*rows, *columns, 1, 1],
                shape => shape.to_vec(),
            };
            let name = translate(&tensor.name, &PHRASES, To::Other, levels);
            Joined { name, of: vec![tensor.name.clone()], shape, channels_last: false }
        })
        .collect()
}

fn is_attention(name: &str) -> bool {
    name.contains(".attentions.") && ATTENTION.iter().any(|end| name.ends_with(end))
}

/// How many levels of a list the names have.
fn levels<'a>(names: impl Iterator<Item = &'a str>, list: &str) -> usize {
    let number = |name: &str| name.strip_prefix(list)?.split('.').next()?.parse::<usize>().ok();
    names.filter_map(number).max().map_or(0, |last| last.saturating_add(1))
}
