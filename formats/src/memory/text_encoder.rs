//! A pass through a text encoder.

use super::FLOAT32;

/// Tokens of a template around the prompt, and of the longest prompt.
const TEMPLATE: u64 = 24;
const MOST: u64 = 512;
/// Bytes of a prompt that make a token, at least.
const TOKEN: u64 = 3;

/// Numbers of a token that are there at once, in widths of the network: its feed-forward network is three of them wide.
const WIDTHS: u64 = 16;

/// Tokens of a prompt, as many as there may be: which ones there are, only the tokenizer knows.
pub fn tokens(prompt: &str) -> u64 {
    (TEMPLATE + prompt.len() as u64 / TOKEN).min(MOST)
}

/// Bytes besides the weights, for one prompt through a network `hidden` wide.
pub fn pass(hidden: u64, heads: u64, tokens: u64) -> u64 {
    tokens * FLOAT32 * (WIDTHS * hidden + 3 * heads * tokens)
}
