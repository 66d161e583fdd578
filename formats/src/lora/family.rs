//! What a file is for that fits no Z-Image, by its names.

use super::suffix;

/// Words of each family's names, with `_` for dots. The first family of which any name has a word is it, so that those
/// that share words with others stand before them.
const FAMILIES: [(&str, &[&str]); 14] = [
    (
        "a LoRA for HunyuanVideo",
        &["_individual_token_refiner_", "_img_mlp_fc1", "_double_blocks_19_", "_single_blocks_39_"],
    ),
    ("a LoRA for HiDream", &["_double_stream_blocks_", "_single_stream_blocks_"]),
    ("a LoRA for FLUX", &["_double_blocks_", "_single_blocks_", "_single_transformer_blocks_"]),
    ("a LoRA for Stable Diffusion 3", &["_joint_blocks_"]),
    ("a LoRA for Qwen-Image", &["_img_mlp_", "_txt_mlp_", "_attn_add_q_proj", "_attn_add_k_proj", "_attn_add_v_proj"]),
    (
        "a LoRA for Stable Diffusion XL",
        &[
            "_te1_text_model_",
            "_te2_text_model_",
            "_input_blocks_",
            "_output_blocks_",
            "_middle_block_",
            "s_1_transformer_blocks_1_",
        ],
    ),
    ("a LoRA for Stable Diffusion 1 or 2", &["_down_blocks_", "_mid_block_", "_up_blocks_", "_te_text_model_"]),
    ("a LoRA for Cosmos", &["_adaln_modulation_cross_attn", "_cross_attn_q_proj"]),
    (
        "a LoRA for Wan",
        &["_cross_attn_", "_self_attn_q_lora", "_self_attn_k_lora", "_self_attn_v_lora", "_self_attn_o_lora"],
    ),
    ("a LoRA for Lumina", &["_feed_forward_linear_", "_attn_to_q_lora", "_time_caption_embed"]),
    ("a LoRA for PixArt", &["_adaln_single_", "_caption_projection_"]),
    ("a LoRA for a text encoder", &["_text_model_encoder_", "_self_attn_q_proj", "_mlp_gate_proj", "_mlp_down_proj"]),
    ("a LoRA for a Z-Image or Lumina", &["_attention_to_q", "_attention_qkv", "_feed_forward_w1"]),
    ("a LoRA for another model", &["_transformer_blocks_", "_blocks_"]),
];

/// What a file is by its names, to end a sentence with: "a LoRA for FLUX", "a whole model, not a LoRA". None where they
/// tell nothing.
pub fn family<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let (mut empty, mut adapter, mut seen) = (true, false, [false; FAMILIES.len()]);
    for name in names {
        empty = false;
        adapter |= suffix::split(name).is_some();
        let flat = format!("_{}", name.replace('.', "_"));
        for (seen, (_, words)) in seen.iter_mut().zip(FAMILIES) {
            *seen |= words.iter().any(|word| flat.contains(word));
        }
    }
    match (empty, adapter) {
        (true, _) => None,
        (_, false) => Some("a whole model, not a LoRA"),
        _ => seen.iter().position(|seen| *seen).map(|first| FAMILIES[first].0),
    }
}
