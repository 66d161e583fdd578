//! A pass through a VAE.
//!
//! The peak is in the residual blocks of the widest level, as `nodes/z-image` computes them: a block's input, what the norm with
//! silu makes of it, and the result of a convolution are there at once.

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
const FIRST: [u64; 2] = [2, 1];
/// Those of a later block.
const LATER: [u64; 2] = [0, 3];
/// A 3×3 kernel on a CPU: laid out, and as the 36 points of Winograd's F(4×4, 3×3). In numbers of one channel to one other.
const KERNEL: u64 = 9 + 36;
/// Winograd's convolution on a GPU, not measured: for 3×3 kernels it takes 8×8 numbers for every 6×6 pixels of its input and of
/// its result, besides both and a padded copy. In widths of the input.
const GPU: u64 = 8;
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
        let levels = (0..self.channels.len()).map(|level| {
            let arrays = at(level, pixels).saturating_mul(self.level(level, half, with));
            arrays.saturating_add(if with.gpu { 0 } else { self.kernels(level, half) })
        });
        let widest = levels.max().unwrap_or_default();
        widest.max(self.attention(pixels, with))
    }

    /// Channels that come to this level, and that leave it. The decoder comes with those of the level below.
    fn widths(&self, level: usize, half: Half) -> [u64; 2] {
        let from = match half {
            Half::Decoder => level + 1,
            Half::Encoder => level.saturating_sub(1),
        };
        let outputs = self.channels[level];
        [self.channels.get(from).copied().unwrap_or(outputs), outputs]
    }

    /// Bytes a pixel of this level. A CPU computes in float32 whatever the weights are.
    fn level(&self, level: usize, half: Half, with: With) -> u64 {
        let [inputs, outputs] = self.widths(level, half);
        if with.gpu {
            let number = if with.float32 { FLOAT32 } else { FLOAT32 / 2 };
            return inputs.max(outputs).saturating_mul(GPU * number);
        }
        let arrays = |[from, to]: [u64; 2]| inputs.saturating_mul(from).saturating_add(outputs.saturating_mul(to));
        arrays(FIRST).max(arrays(LATER)).saturating_mul(FLOAT32)
    }

    /// Bytes of the kernels of one convolution as a CPU uses them.
    fn kernels(&self, level: usize, half: Half) -> u64 {
        let [inputs, outputs] = self.widths(level, half);
        inputs.max(outputs).saturating_mul(outputs).saturating_mul(KERNEL * FLOAT32)
    }

    /// Bytes of the attention at the last level, with the arrays around it. A CPU never has all scores at once.
    fn attention(&self, pixels: u64, with: With) -> u64 {
        if !self.has_attention {
            return 0;
        }
        let tokens = at(self.channels.len().saturating_sub(1), pixels);
        let around =
            self.channels.last().copied().unwrap_or_default().saturating_mul(5 * FLOAT32).saturating_mul(tokens);
        let scores = if with.gpu { tokens.saturating_mul(tokens).min(SCORES_AT_ONCE) } else { 0 };
        around.saturating_add(scores * SCORES * FLOAT32)
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
        let kernels = |inputs: u64, outputs: u64| inputs * outputs * 45 * 4;
        let decoded = flux().pass(Half::Decoder, CPU, [1024, 1024]);
        assert_eq!(decoded, (((2 * 256 + 128) * 4) << 20) + kernels(256, 128));
        assert_eq!(flux().pass(Half::Encoder, CPU, [1024, 1024]), ((3 * 128 * 4) << 20) + kernels(128, 128));
        let narrow = Vae { channels: vec![32, 32, 64, 64], has_attention: false };
        assert_eq!(narrow.pass(Half::Decoder, CPU, [256, 256]), 3 * 32 * 4 * 65536 + kernels(32, 32));
    }

    #[test]
    fn it_grows_with_the_pixels() {
        let pass = |with, side| flux().pass(Half::Decoder, with, [side, side]);
        assert!(pass(CPU, 1024).abs_diff(4 * pass(CPU, 512)) < pass(CPU, 1024) / 64);
        assert_eq!(pass(With { float32: false, ..CPU }, 512), pass(CPU, 512));
        assert_eq!(pass(CPU, u64::MAX), u64::MAX);
        for with in [CPU, With { float32: false, gpu: false }, With { float32: true, gpu: true }] {
            let odd = Vae { channels: vec![u64::MAX; 99], has_attention: true };
            assert_eq!(odd.pass(Half::Decoder, with, [u64::MAX; 2]), u64::MAX);
        }
        assert_eq!(Half::of("decode").zip(Half::of("encode")), Some((Half::Decoder, Half::Encoder)));
    }
}
