//! Z-Image: its transformer, its text encoder (Qwen3) and its VAE (the one of Flux).

mod checkpoint;
mod config;
mod text_encoder;
mod transformer;
mod vae;

use text_encoder::TextEncoder;
use transformer::Transformer;
use vae::Vae;

plugin_api::export_plugin! {
    id: "z-image",
    nodes: [],
    architectures: [Transformer, TextEncoder, Vae],
}
