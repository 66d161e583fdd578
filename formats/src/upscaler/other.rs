//! Names of tensors that give away what a file is that holds no RRDB network.

use crate::Tensor;

/// Parts of names that must all occur, and what has them. The first that fits counts, so that a network stands before
/// the one that it was made from.
const SIGNS: &[(&[&str], &str)] = &[
    (&["lora_"], "a LoRA"),
    (&[".lora."], "a LoRA"),
    (&["lokr_"], "a LoRA (LoKr)"),
    (&["hada_"], "a LoRA (LoHa)"),
    (&["de_net.", "am_list."], "an MM-RealSR upscaler"),
    (&["residual_group.overlap_attn."], "a HAT upscaler"),
    (&[".attn_atd."], "an ATD upscaler"),
    (&["layers.0.swin1."], "a DRCT upscaler"),
    (&[".stripe_attn."], "a GRL upscaler"),
    (&[".hf_blocks."], "a CRAFT upscaler"),
    (&["before_RG.", "layers.0.blocks.0.gamma"], "an RGT upscaler"),
    (&["before_RG."], "a DAT upscaler"),
    (&["patch_embed.proj.", "layers.0.residual_group.blocks.0.norm1."], "a Swin2SR upscaler"),
    (&["layers.0.residual_group.blocks.0.norm1."], "a SwinIR upscaler"),
    (&["block_1.c1_r."], "a SPAN upscaler"),
    (&[".local_block.block.moe_layer."], "a SeemoRe upscaler"),
    (&["residual_layer.0.residual_layer.0.layer."], "an OmniSR upscaler"),
    (&["feats.1.channel_mixer."], "a RealPLKSR upscaler"),
    (&["feats.1.channe_mixer."], "a PLKSR upscaler"),
    (&[".safm.mfr."], "a SAFMN upscaler"),
    (&["unet1.conv_bottom."], "a Real-CUGAN upscaler"),
    (&["gblocks.0."], "a MoSR upscaler"),
    (&["upscale.MetaUpsample"], "a MoESR upscaler"),
    (&["upsampler.MetaUpsample"], "an FDAT upscaler"),
    (&[".body.3.conv_du."], "an RCAN upscaler"),
    (&["UFONE.0."], "a DITN upscaler"),
    (&["B1.body.0.transformer_body."], "a DCTLSA upscaler"),
    (&["final_conv.pointwise."], "a Swift-SRGAN upscaler"),
    (&["mid_block2.block1.proj."], "an AuraSR upscaler"),
    (&["stylegan_decoder."], "a GFPGAN face restorer"),
    (&["m_head.0.weight", "m_tail.0.weight"], "a SCUNet denoiser"),
    (&["qf_pred."], "an FBCNN network"),
    (&["m_down1.0.res."], "a DRUNet denoiser"),
    (&["middle_blks."], "a NAFNet network"),
    (&["model.1.bn_l.running_mean"], "a LaMa inpainting network"),
    (&["head.0.weight", "body.0.body.0.weight", "tail.0.0.weight"], "an EDSR upscaler"),
    (&["double_blocks."], "a FLUX model"),
    (&["cap_embedder."], "a diffusion model"),
    (&["model.diffusion_model."], "a diffusion model"),
    (&["input_blocks."], "a diffusion model"),
    (&["down_blocks.0.attentions."], "a diffusion model"),
    (&["decoder.conv_in."], "a VAE"),
    (&["text_model.encoder."], "a CLIP text encoder"),
    (&["encoder.block."], "a T5 text encoder"),
    (&["layers.0.self_attn."], "a language model"),
];

/// What the tensors are, where that is known.
pub fn name(tensors: &[Tensor]) -> Option<&'static str> {
    let occurs = |part: &&str| tensors.iter().any(|tensor| tensor.name.contains(part));
    let sign = SIGNS.iter().find(|(parts, _)| parts.iter().all(occurs)).map(|(_, what)| *what);
    sign.or_else(|| is_compact(tensors).then_some("a Compact (SRVGGNet) upscaler"))
}

/// A plain row of convolutions with a number for each channel, the activation's slope, behind each.
fn is_compact(tensors: &[Tensor]) -> bool {
    let axes = |name: &str| tensors.iter().find(|tensor| tensor.name.ends_with(name)).map(|tensor| tensor.shape.len());
    axes("body.0.weight") == Some(4) && axes("body.1.weight") == Some(1)
}
