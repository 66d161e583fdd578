//! A pass through a VAE.
//!
//! The peak is in a residual block at the widest level: its input, what the norm and silu make of it, and the result of its first
//! convolution are there at once.

use super::FLOAT32;

/// The sizes that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vae {
    /// Channels of each level, the pixels' first; each level has half the side of the one before it.
    pub channels: Vec<u64>,
    /// Whether there is attention over all pixels of the last level.
    pub has_attention: bool,
}

/// The half of the VAE that a pass goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Encoder,
    Decoder,
}

/// What a pass computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct With {
    pub float32: bool,
    pub gpu: bool,
}

/// How often a block's input is there in the width that it came in: itself, normed, and after silu.
const INPUTS: u64 = 3;
/// And in the width that it leaves in: what its first convolution gives.
const OUTPUTS: u64 = 1;
/// Winograd's convolution on a GPU, not measured: for 3×3 kernels it takes 8×8 numbers for every 6×6 pixels of its input and of
/// its result, besides both and a padded copy. In widths of the input.
const GPU: u64 = 8;
/// bfloat16 on a CPU: MLX lays out the patches of 3×3 kernels, nine numbers for one, and computes in float32.
const PATCHES: u64 = 9;
/// Scores of the attention that are there at a time; more pixels are done in several runs of queries.
pub const SCORES_AT_ONCE: u64 = 1 << 25;
/// Arrays of scores that are there at a time, in float32.
const SCORES: u64 = 3;

impl Half {
    /// Of the method with this name.
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "encode" => Some(Self::Encoder),
            "decode" => Some(Self::Decoder),
            _ => None,
        }
    }
}

impl Vae {
    /// Bytes that a picture of so many pixels takes on its way through `half`, besides its weights.
    pub fn pass(&self, half: Half, with: With, [height, width]: [u64; 2]) -> u64 {
        let pixels = height.saturating_mul(width);
        let levels =
            (0..self.channels.len()).map(|level| (pixels >> (2 * level)).saturating_mul(self.level(level, half, with)));
        let widest = levels.max().unwrap_or_default();
        widest.max(self.attention(pixels, with))
    }

    /// Bytes a pixel of this level. The decoder comes to a level with the channels of the one below.
    fn level(&self, level: usize, half: Half, with: With) -> u64 {
        let comes = |from: usize| self.channels.get(from).copied().unwrap_or(self.channels[level]);
        let outputs = self.channels[level];
        let inputs = match half {
            Half::Decoder => comes(level + 1),
            Half::Encoder => comes(level.saturating_sub(1)),
        };
        match with {
            With { gpu: true, float32 } => GPU * inputs.max(outputs) * if float32 { FLOAT32 } else { FLOAT32 / 2 },
            With { float32: false, .. } => (PATCHES + INPUTS) * inputs * FLOAT32 / 2 + OUTPUTS * outputs * FLOAT32,
            With { float32: true, .. } => (INPUTS * inputs + OUTPUTS * outputs) * FLOAT32,
        }
    }

    /// Bytes of the attention at the last level, with the arrays around it.
    fn attention(&self, pixels: u64, _: With) -> u64 {
        if !self.has_attention {
            return 0;
        }
        let tokens = pixels >> (2 * self.channels.len().saturating_sub(1));
        let around = tokens.saturating_mul(5 * self.channels.last().copied().unwrap_or_default() * FLOAT32);
        around.saturating_add(tokens.saturating_mul(tokens).min(SCORES_AT_ONCE) * SCORES * FLOAT32)
    }
}
