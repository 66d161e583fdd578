//! The layouts that files can be written in: names of keys.

use std::fmt;
use std::str::FromStr;

use super::super::suffix::Role;
use super::super::{Part, names};

/// How a file names its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `transformer.<diffusers>.lora_A.weight`, alpha in the metadata: what diffusers and PEFT write.
    Diffusers,
    /// `diffusion_model.<diffusers>.lora_A.weight` and `.alpha`: what ai-toolkit writes and ComfyUI reads.
    Comfyui,
    /// `lora_unet_<diffusers with underscores>.lora_down.weight` and `.alpha`: what kohya's trainers write.
    Kohya,
    /// `diffusion_model.<native>.lora_A.weight` and `.alpha`, with one matrix for q, k and v.
    Native,
}

impl Layout {
    pub const ALL: [Self; 4] = [Self::Diffusers, Self::Comfyui, Self::Kohya, Self::Native];

    /// The name that [`FromStr`] reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diffusers => "diffusers",
            Self::Comfyui => "comfyui",
            Self::Kohya => "kohya",
            Self::Native => "native",
        }
    }

    /// Whether q, k and v are one matrix.
    pub(super) fn fuses(self) -> bool {
        self == Self::Native
    }

    /// A key: the module by its diffusers name, and what it holds.
    pub(super) fn key(self, part: Part, module: &str, role: Role, by_rows: bool) -> String {
        format!("{}{}", self.module(part, module), self.suffix(role, by_rows))
    }

    fn module(self, part: Part, module: &str) -> String {
        let flat = || module.replace('.', "_");
        match (self, part) {
            (Self::Diffusers, Part::Model) => format!("transformer.{module}"),
            (Self::Diffusers, Part::TextEncoder) => format!("text_encoder.{module}"),
            (Self::Kohya, Part::Model) => format!("lora_unet_{}", flat()),
            (Self::Kohya, Part::TextEncoder) => format!("lora_te_{}", flat()),
            (Self::Comfyui, Part::Model) => format!("diffusion_model.{module}"),
            (Self::Native, Part::Model) => format!("diffusion_model.{}", names::native(module)),
            (Self::Comfyui | Self::Native, Part::TextEncoder) => format!("text_encoders.qwen3_4b.transformer.{module}"),
        }
    }

    /// `by_rows`: whether a magnitude is one of rows, the only sort that PEFT has a name for.
    fn suffix(self, role: Role, by_rows: bool) -> &'static str {
        match role {
            Role::Down if self == Self::Kohya => ".lora_down.weight",
            Role::Up if self == Self::Kohya => ".lora_up.weight",
            Role::Down => ".lora_A.weight",
            Role::Up => ".lora_B.weight",
            Role::Mid => ".lora_mid.weight",
            Role::Magnitude if self == Self::Diffusers && by_rows => ".lora_magnitude_vector",
            Role::Magnitude => ".dora_scale",
            Role::Alpha => ".alpha",
            Role::KronW1 => ".lokr_w1",
            Role::KronW1A => ".lokr_w1_a",
            Role::KronW1B => ".lokr_w1_b",
            Role::KronW2 => ".lokr_w2",
            Role::KronW2A => ".lokr_w2_a",
            Role::KronW2B => ".lokr_w2_b",
            Role::KronT2 => ".lokr_t2",
            Role::HadaW1A => ".hada_w1_a",
            Role::HadaW1B => ".hada_w1_b",
            Role::HadaW2A => ".hada_w2_a",
            Role::HadaW2B => ".hada_w2_b",
            Role::HadaT1 => ".hada_t1",
            Role::HadaT2 => ".hada_t2",
            Role::Diff => ".diff",
            Role::DiffBias => ".diff_b",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|layout| layout.name() == name);
        found.ok_or_else(|| format!("No layout is called \"{name}\": diffusers, comfyui, kohya and native are."))
    }
}
