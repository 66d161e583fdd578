//! A pass through a VAE.
//!
//! The peak is in the residual blocks of the widest level, as `nodes/z-image` computes them. In the first one its input, what the
//! norm and silu make of it, and the result of its first convolution are there at once. In a later one these are what came
//! into the level, its own input, the result of the first convolution, that normed, that after silu, and the result of the second.

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

/// Arrays of a level's first block, in the width that comes in and in the width that leaves.
const FIRST: [u64; 2] = [3, 1];
/// Those of a later block.
const LATER: [u64; 2] = [1, 5];
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
            (0..self.channels.len()).map(|level| at(level, pixels).saturating_mul(self.level(level, half, with)));
        let widest = levels.max().unwrap_or_default();
        widest.max(self.attention(pixels))
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
            With { gpu: true, float32 } => {
                inputs.max(outputs).saturating_mul(GPU * if float32 { FLOAT32 } else { FLOAT32 / 2 })
            }
            With { float32, .. } => {
                let arrays =
                    |[from, to]: [u64; 2]| inputs.saturating_mul(from).saturating_add(outputs.saturating_mul(to));
                let patches = if float32 { 0 } else { inputs.max(outputs).saturating_mul(PATCHES) };
                arrays(FIRST).max(arrays(LATER)).saturating_add(patches).saturating_mul(FLOAT32)
            }
        }
    }

    /// Bytes of the attention at the last level, with the arrays around it.
    fn attention(&self, pixels: u64) -> u64 {
        if !self.has_attention {
            return 0;
        }
        let tokens = at(self.channels.len().saturating_sub(1), pixels);
        let around =
            self.channels.last().copied().unwrap_or_default().saturating_mul(5 * FLOAT32).saturating_mul(tokens);
        around.saturating_add(tokens.saturating_mul(tokens).min(SCORES_AT_ONCE) * SCORES * FLOAT32)
    }
}

/// So many pixels at this level. A file may say more levels than there are sizes.
fn at(level: usize, pixels: u64) -> u64 {
    u32::try_from(2 * level).ok().and_then(|halvings| pixels.checked_shr(halvings)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: With = With { float32: true, gpu: false };

    fn flux() -> Vae {
        Vae { channels: vec![128, 256, 512, 512], has_attention: true }
    }

    #[test]
    fn the_decoder_is_widest_at_full_size() {
        assert_eq!(flux().pass(Half::Decoder, CPU, [1024, 1024]), ((3 * 256 + 128) * 4) << 20);
        assert_eq!(flux().pass(Half::Encoder, CPU, [1024, 1024]), (6 * 128 * 4) << 20);
        let narrow = Vae { channels: vec![32, 32, 64, 64], has_attention: false };
        assert_eq!(narrow.pass(Half::Decoder, CPU, [64, 64]), 6 * 32 * 4 * 4096);
        let steep = Vae { channels: vec![32, 512], has_attention: false };
        assert_eq!(steep.pass(Half::Decoder, CPU, [2, 2]), (3 * 512 + 32) * 4 * 4);
    }

    #[test]
    fn it_grows_with_the_pixels() {
        let pass = |with, side| flux().pass(Half::Decoder, with, [side, side]);
        assert_eq!(4 * pass(CPU, 512), pass(CPU, 1024));
        assert!(pass(With { float32: false, ..CPU }, 512) > pass(CPU, 512));
        assert_eq!(pass(CPU, u64::MAX), u64::MAX);
        for with in [CPU, With { float32: false, gpu: false }, With { float32: true, gpu: true }] {
            let odd = Vae { channels: vec![u64::MAX; 99], has_attention: true };
            assert_eq!(odd.pass(Half::Decoder, with, [u64::MAX; 2]), u64::MAX);
        }
        assert_eq!(Half::of("decode").zip(Half::of("encode")), Some((Half::Decoder, Half::Encoder)));
    }
}
