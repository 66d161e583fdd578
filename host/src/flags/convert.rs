//! Flags of `weft convert`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Common;

#[derive(Debug, Subcommand)]
pub enum ConvertCommand {
    /// Write a LoRA with the names of another layout; nothing else of it changes
    Lora(ConvertLoraFlags),
    /// Write a model in another layout or precision
    Model(ConvertModelFlags),
}

impl ConvertCommand {
    /// Whether it was asked for JSON.
    pub fn json(&self) -> bool {
        match self {
            Self::Lora(flags) => flags.json,
            Self::Model(flags) => flags.common.json,
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

/// Flags of `weft convert model`.
#[derive(Debug, Args)]
pub struct ConvertModelFlags {
    /// A model in any layout: a path, or a name below models/
    #[arg(value_name = "IN")]
    pub from: PathBuf,
    /// The new folder
    #[arg(value_name = "OUT")]
    pub to: PathBuf,
    /// diffusers: a folder for each part; comfyui: one file; mlx: a folder as mflux writes it
    #[arg(long, value_parser = ["diffusers", "comfyui", "mlx"])]
    pub layout: String,
    /// The type of the numbers; with mlx also how many bits matrices are packed to
    #[arg(long, default_value = "float16", value_parser = ["float16", "bfloat16", "float32", "8", "6", "4"])]
    pub precision: String,
    /// The diffusion model alone, without text encoder and VAE
    #[arg(long)]
    pub only_model: bool,
    #[command(flatten)]
    pub common: Common,
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
