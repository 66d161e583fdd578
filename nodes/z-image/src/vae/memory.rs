//! What one pass through the VAE needs of memory, foreseen from shapes.

use plugin_api::Dtype;
use weft_formats::memory::slack;
use weft_formats::memory::vae::{Half, Vae, With};

use super::config::Config;

/// Bytes that a picture of so many pixels takes on its way through `half`, besides its weights.
pub fn bytes(config: &Config, half: Half, dtype: Dtype, gpu: bool, size: [i64; 2]) -> i64 {
    let vae = Vae {
        channels: config.block_out_channels.iter().map(|&channels| u64::from(channels.unsigned_abs())).collect(),
        has_attention: config.mid_block_add_attention,
    };
    let with = With { float32: dtype == Dtype::Float32, gpu };
    let pass = vae.pass(half, with, size.map(i64::unsigned_abs));
    pass.saturating_add(slack(pass)).try_into().unwrap_or(i64::MAX)
}
