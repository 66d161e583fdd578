//! Configurations out of shapes. What shapes cannot say has the known values of Z-Image and its parts.

use serde_json::{Map, Value, json};

use super::{Part, View};

type Config = Map<String, Value>;

/// What the `config.json` of a part would say that has these tensors, in diffusers' layout.
///
/// # Errors
/// The sentence that says what cannot be told.
pub fn config(part: Part, views: &[View]) -> Result<Config, String> {
    let shapes = Shapes(views);
    let config = match part {
        Part::Diffusion => diffusion(&shapes)?,
        Part::TextEncoder => text_encoder(&shapes)?,
        Part::Vae => vae(&shapes)?,
    };
    match config {
        Value::Object(config) => Ok(config),
        _ => Ok(Config::new()),
    }
}

struct Shapes<'a>(&'a [View]);

impl Shapes<'_> {
    /// A side of a tensor that must be there.
    fn side(&self, name: &str, axis: usize) -> Result<usize, String> {
        let found = self.0.iter().find(|view| view.name == name);
        let side = found.and_then(|view| view.shape.get(axis).copied()).filter(|side| *side > 0);
        side.ok_or_else(|| format!("`{name}` is missing or has no such shape, so its sizes cannot be told"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|view| view.name == name)
    }

    /// How many numbers follow `list` in the names.
    fn count(&self, list: &str) -> usize {
        let number = |view: &View| view.name.strip_prefix(list)?.split('.').next()?.parse::<usize>().ok();
        self.0.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1))
    }
}

/// Angles, their reach, and the epsilon are Z-Image's. The three axes of a head have 2, 3 and 3 of 8 parts of its numbers.
fn diffusion(shapes: &Shapes<'_>) -> Result<Value, String> {
    let dim = shapes.side("cap_embedder.1.weight", 0)?;
    let head = shapes.side("layers.0.attention.norm_q.weight", 0)?;
    let eighth = head / 8;
    Ok(json!({
        "_class_name": "ZImageTransformer2DModel",
        "all_patch_size": [2],
        "all_f_patch_size": [1],
        "in_channels": shapes.side("all_x_embedder.2-1.weight", 1)? / 4,
        "dim": dim,
        "n_layers": shapes.count("layers."),
        "n_refiner_layers": shapes.count("noise_refiner."),
        "n_heads": dim / head,
        "n_kv_heads": dim / head,
        "norm_eps": 1e-5,
        "qk_norm": true,
        "cap_feat_dim": shapes.side("cap_embedder.1.weight", 1)?,
        "rope_theta": 256.0,
        "t_scale": 1000.0,
        "axes_dims": [eighth * 2, eighth * 3, eighth * 3],
        "axes_lens": [1536, 512, 512],
    }))
}

/// Layers of Qwen3-4B, the last of which is never needed and left out of some files.
const QWEN3_4B: (usize, usize) = (2560, 36);

fn text_encoder(shapes: &Shapes<'_>) -> Result<Value, String> {
    let root = if shapes.has("model.embed_tokens.weight") { "model." } else { "" };
    let embeddings = format!("{root}embed_tokens.weight");
    let attention = |name: &str| format!("{root}layers.0.self_attn.{name}.weight");
    let hidden = shapes.side(&embeddings, 1)?;
    let head = shapes.side(&attention("q_norm"), 0)?;
    let mut layers = shapes.count(&format!("{root}layers."));
    if (hidden, layers + 1) == QWEN3_4B {
        layers += 1;
    }
    Ok(json!({
        "model_type": "qwen3",
        "architectures": ["Qwen3Model"],
        "vocab_size": shapes.side(&embeddings, 0)?,
        "hidden_size": hidden,
        "intermediate_size": shapes.side(&format!("{root}layers.0.mlp.gate_proj.weight"), 0)?,
        "num_hidden_layers": layers,
        "num_attention_heads": shapes.side(&attention("q_proj"), 0)? / head,
        "num_key_value_heads": shapes.side(&attention("k_proj"), 0)? / head,
        "head_dim": head,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "attention_bias": shapes.has(&format!("{root}layers.0.self_attn.q_proj.bias")),
        "tie_word_embeddings": true,
    }))
}

/// Channels of Flux's latents, whose scale and shift are known. Those of others are left out.
const FLUX_CHANNELS: usize = 16;

fn vae(shapes: &Shapes<'_>) -> Result<Value, String> {
    let latent = shapes.side("decoder.conv_in.weight", 1)?;
    let levels = shapes.count("decoder.up_blocks.");
    let channels = |level| shapes.side(&format!("decoder.up_blocks.{level}.resnets.0.conv1.weight"), 0);
    let channels = (0..levels).rev().map(channels).collect::<Result<Vec<_>, _>>()?;
    let kinds = |kind: &str| vec![kind.to_owned(); levels];
    let mut config = json!({
        "_class_name": "AutoencoderKL",
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": latent,
        "block_out_channels": channels,
        "layers_per_block": shapes.count("decoder.up_blocks.0.resnets.").saturating_sub(1),
        "norm_num_groups": 32,
        "act_fn": "silu",
        "down_block_types": kinds("DownEncoderBlock2D"),
        "up_block_types": kinds("UpDecoderBlock2D"),
        "mid_block_add_attention": shapes.has("decoder.mid_block.attentions.0.to_q.weight"),
        "use_quant_conv": shapes.has("quant_conv.weight"),
        "use_post_quant_conv": shapes.has("post_quant_conv.weight"),
    });
    if latent == FLUX_CHANNELS {
        config["scaling_factor"] = 0.3611.into();
        config["shift_factor"] = 0.1159.into();
    }
    Ok(config)
}
