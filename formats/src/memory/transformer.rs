//! A pass through Z-Image's transformer.

use super::FLOAT32;

/// The sizes that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transformer {
    /// Width of the network.
    pub dim: u64,
    pub heads: u64,
}

/// Numbers of a token that are there at once in a feed-forward network, in widths of the network: three of the width (what came
/// in, normed, scaled) and three of 8/3 of it (gate, values, their product).
const FEED_FORWARD: u64 = 11;
/// The same in attention: what came in, normed, queries, keys, values.
const ATTENTION: u64 = 5;
/// Bytes of scores that are there at once on a CPU, which makes them piece by piece. A GPU makes none.
const SCORES: u64 = 64 << 20;
/// Scores, and their softmax.
const COPIES: u64 = 2;

/// Tokens of a picture and a prompt are each filled up to a multiple of it.
const MULTIPLE: u64 = 32;
/// Pixels of a token, along each side.
const TOKEN: u64 = 16;

impl Transformer {
    /// Bytes besides the weights, for `batch` sequences of so many tokens.
    pub fn pass(&self, batch: u64, tokens: u64) -> u64 {
        let sequence = batch.saturating_mul(tokens);
        let width = sequence.saturating_mul(self.dim).saturating_mul(FLOAT32);
        let scores = sequence.saturating_mul(tokens).saturating_mul(self.heads).saturating_mul(FLOAT32);
        let scores = scores.min(SCORES) * COPIES;
        width.saturating_mul(FEED_FORWARD).max(width.saturating_mul(ATTENTION).saturating_add(scores))
    }
}

/// Tokens of a sequence: those of a picture of `size` pixels, and so many of a prompt.
pub fn tokens([height, width]: [u64; 2], prompt: u64) -> u64 {
    let padded = |tokens: u64| tokens.div_ceil(MULTIPLE).saturating_mul(MULTIPLE);
    padded((height / TOKEN).saturating_mul(width / TOKEN)).saturating_add(padded(prompt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_tokens_and_pictures() {
        let network = Transformer { dim: 3840, heads: 30 };
        assert_eq!(network.pass(1, 0), 0);
        // 128 × 128 pixels: the scores are less than the feed-forward network.
        assert_eq!(network.pass(1, 96), 96 * 11 * 3840 * 4);
        // 1024 × 1024 pixels and 128 tokens of a prompt.
        assert_eq!(network.pass(1, 4096 + 128) >> 20, 680);
        // Few numbers and many scores.
        let narrow = Transformer { dim: 192, heads: 3 };
        assert_eq!(narrow.pass(1, 1088), 1088 * 5 * 192 * 4 + 2 * 3 * 1088 * 1088 * 4);
        assert_eq!(network.pass(3, 4096), 3 * network.pass(1, 4096));
        assert_eq!(network.pass(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(Transformer { dim: u64::MAX, heads: u64::MAX }.pass(1, 96), u64::MAX);
    }

    #[test]
    fn both_parts_are_filled_up() {
        assert_eq!((tokens([128, 128], 33), tokens([16, 48], 1), tokens([1024, 1024], 128)), (128, 64, 4224));
        assert_eq!(tokens([u64::MAX; 2], u64::MAX), u64::MAX);
    }
}
