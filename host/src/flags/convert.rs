//! Flags of `weft convert`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum ConvertCommand {
    /// Write a LoRA with the names of another layout; nothing else of it changes
    Lora(ConvertLoraFlags),
}

impl ConvertCommand {
    /// Whether it was asked for JSON.
    pub fn json(&self) -> bool {
        match self {
            Self::Lora(flags) => flags.json,
        }
    }
}

/// Flags of `weft convert lora`.
#[derive(Debug, Args)]
pub struct ConvertLoraFlags {
    /// A LoRA in any layout
    #[arg(value_name = "IN")]
    pub from: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    pub to: PathBuf,
    /// How its tensors are to be named
    #[arg(long, value_enum)]
    pub layout: LayoutFlag,
    /// Overwrite OUT where it exists
    #[arg(long)]
    pub force: bool,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayoutFlag {
    /// transformer.…to_q.lora_A.weight, as diffusers and PEFT write them
    Diffusers,
    /// diffusion_model.…to_q.lora_A.weight, as ComfyUI reads them best
    Comfyui,
    /// lora_unet_…_to_q.lora_down.weight with alpha, as kohya's scripts write them
    Kohya,
    /// diffusion_model.…qkv.lora_A.weight, in the names of the model's first release
    Native,
}
