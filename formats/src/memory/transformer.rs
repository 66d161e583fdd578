//! A pass through Z-Image's transformer.

use super::FLOAT32;

/// The sizes that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transformer {
    /// Width of the network.
    pub dim: u64,
    pub heads: u64,
}

/// Numbers of a token that are there at once, in widths of the network. In the feed-forward network these are two of the
/// width and three of 8/3 of it, in attention eight; the rest is for copies and for numbers on their way.
const WIDTHS: u64 = 16;
/// Bytes that the scores of attention take at most, and their softmax: they are made piece by piece.
const SCORES: u64 = 256 << 20;
/// How often the scores of a short sequence may be there at once, with what they are copied to.
const COPIES: u64 = 8;

/// Tokens of a picture and a prompt are each filled up to a multiple of it.
const MULTIPLE: u64 = 32;
/// Pixels of a token, along each side.
const TOKEN: u64 = 16;

impl Transformer {
    /// Bytes besides the weights, for `batch` sequences of so many tokens.
    pub fn pass(&self, batch: u64, tokens: u64) -> u64 {
        let sequence = batch.saturating_mul(tokens);
        let numbers = sequence.saturating_mul(WIDTHS * self.dim * FLOAT32);
        let scores = sequence.saturating_mul(tokens).saturating_mul(self.heads * FLOAT32 * COPIES);
        numbers.saturating_add(scores.min(SCORES))
    }
}

/// Tokens of a sequence: those of a picture of `size` pixels, and so many of a prompt.
pub fn tokens([height, width]: [u64; 2], prompt: u64) -> u64 {
    let padded = |tokens: u64| tokens.div_ceil(MULTIPLE) * MULTIPLE;
    padded((height / TOKEN).saturating_mul(width / TOKEN)) + padded(prompt)
}
