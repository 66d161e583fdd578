//! Which parts of a model a file has, and below which names.

use crate::Tensor;

/// A part of a model that a file can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Diffusion,
    TextEncoder,
    Vae,
}

/// A part in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub part: Part,
    /// What stands before each of its names.
    pub prefix: String,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Diffusion, Self::TextEncoder, Self::Vae];

    /// What stands before its names in a ComfyUI file with all parts.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Diffusion => "model.diffusion_model.",
            Self::TextEncoder => "text_encoders.qwen3_4b.transformer.",
            Self::Vae => "vae.",
        }
    }

    /// What its configuration is called in the metadata `config`, and its folder in diffusers' layout.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Diffusion => "transformer",
            Self::TextEncoder => "text_encoder",
            Self::Vae => "vae",
        }
    }

    /// Names that give it away, in any of its layouts: the first with the prefix before it, and the beginning of another.
    const fn signs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Diffusion => &[("cap_embedder.1.weight", "noise_refiner.0.attention.")],
            Self::TextEncoder => &[
                ("model.embed_tokens.weight", "model.layers.0.self_attn.q_norm."),
                ("embed_tokens.weight", "layers.0.self_attn.q_norm."),
                ("token_embd.weight", "blk.0.attn_q_norm."),
            ],
            Self::Vae => &[
                ("decoder.conv_in.weight", "decoder.mid_block."),
                ("decoder.conv_in.weight", "decoder.mid.block_1."),
                ("decoder.conv_in.conv.weight", "decoder.mid_block."),
            ],
        }
    }
}

/// The part in a file. Of several, such as those of an average beside the weights proper, the one with the usual prefix or
/// the shortest.
pub fn find(part: Part, tensors: &[Tensor]) -> Option<Found> {
    let prefixes = part.signs().iter().flat_map(|(first, second)| {
        tensors.iter().filter_map(move |tensor| {
            let prefix = tensor.name.strip_suffix(first)?;
            let whole = prefix.is_empty() || prefix.ends_with('.');
            let other = format!("{prefix}{second}");
            (whole && tensors.iter().any(|tensor| tensor.name.starts_with(&other))).then_some(prefix)
        })
    });
    // `model.` belongs to the text encoder's names.
    let prefixes = prefixes.filter(|prefix| part != Part::TextEncoder || !prefix.ends_with("model."));
    let best = prefixes.min_by_key(|prefix| (*prefix != part.prefix(), prefix.len(), *prefix))?;
    Some(Found { part, prefix: best.to_owned() })
}
