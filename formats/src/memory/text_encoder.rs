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
    let scores = heads.saturating_mul(3 * tokens);
    WIDTHS.saturating_mul(hidden).saturating_add(scores).saturating_mul(tokens * FLOAT32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_the_prompt_up_to_a_limit() {
        assert_eq!((tokens(""), tokens("a red fox"), tokens(&"fox ".repeat(1000))), (24, 27, 512));
        assert_eq!(pass(512, 4, 27), 27 * 4 * (16 * 512 + 3 * 4 * 27));
        assert_eq!((pass(u64::MAX, 1, 512), pass(1, u64::MAX, 512)), (u64::MAX, u64::MAX));
    }
}
