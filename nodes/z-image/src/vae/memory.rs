//! What one pass through the VAE needs of memory, foreseen from shapes.
//!
//! A block holds its input, its result and what comes between them, so the peak is where the network is widest: channels × pixels
//! × the bytes of a number × a few such buffers. How few was measured on the CPU (docs/upscaling.md). A GPU's number, not measured, is that of
//! Winograd's convolution for 3×3 kernels, which takes 8×8 numbers for every 6×6 pixels of its input and of its result,
//! besides both and a padded copy.

use plugin_api::Dtype;

use super::config::Config;

/// Scores of the attention, of which three arrays exist at a time, in float32.
const ATTENTION: i64 = 3 * 4 * super::attention::SCORES as i64;

/// The half of the VAE that a pass goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Encoder,
    Decoder,
}

impl Half {
    /// Of the method with this name.
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "encode" => Some(Self::Encoder),
            "decode" => Some(Self::Decoder),
            _ => None,
        }
    }

    /// How many buffers of the widest level exist at a time.
    fn buffers(self, on_gpu: bool) -> i64 {
        match self {
            Self::Decoder if !on_gpu => 4,
            _ => 8,
        }
    }
}

/// Bytes that a picture of so many pixels takes on its way through `half`, besides its weights.
pub fn bytes(config: &Config, half: Half, dtype: Dtype, on_gpu: bool, [height, width]: [i64; 2]) -> i64 {
    let pixels = height.saturating_mul(width);
    let number = if dtype == Dtype::Float32 { 4 } else { 2 };
    let attention = if config.mid_block_add_attention { ATTENTION.min(scores(config, pixels)) } else { 0 };
    let wide = pixels.saturating_mul(widest(config, half) * number * half.buffers(on_gpu));
    wide.saturating_add(attention)
}

/// Channels a pixel of the picture at the widest level. The decoder comes to a level with the channels of the one below.
fn widest(config: &Config, half: Half) -> i64 {
    let channels = &config.block_out_channels;
    let comes_with = |level: usize| match half {
        Half::Encoder => channels[level],
        Half::Decoder => channels[level].max(channels[(level + 1).min(channels.len() - 1)]),
    };
    let a_pixel = |level: usize| i64::from(comes_with(level)) >> (2 * level);
    (0..channels.len()).map(a_pixel).max().unwrap_or_default()
}

/// Bytes of all scores of the attention at once, three times in float32.
fn scores(config: &Config, pixels: i64) -> i64 {
    let tokens = pixels / i64::from(config.scale() * config.scale());
    tokens.saturating_mul(tokens).saturating_mul(3 * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flux() -> Config {
        Config::parse(r#"{"block_out_channels": [128, 256, 512, 512], "latent_channels": 16}"#).unwrap()
    }

    #[test]
    fn the_decoder_is_widest_at_full_size() {
        assert_eq!((widest(&flux(), Half::Decoder), widest(&flux(), Half::Encoder)), (256, 128));
        let narrow = Config::parse(r#"{"block_out_channels": [32, 512], "norm_num_groups": 8}"#).unwrap();
        assert_eq!((widest(&narrow, Half::Decoder), widest(&narrow, Half::Encoder)), (512, 128));
    }

    #[test]
    fn it_grows_with_the_pixels() {
        let bytes = |size, dtype| bytes(&flux(), Half::Decoder, dtype, false, [size, size]);
        let whole = bytes(1024, Dtype::Float32);
        assert_eq!(whole, 4 * 256 * 4 * 1024 * 1024 + ATTENTION);
        assert!(bytes(512, Dtype::Float32) < whole / 3 && bytes(1024, Dtype::Bfloat16) < whole);
        assert_eq!(bytes(i64::MAX, Dtype::Float32), i64::MAX);
    }
}
