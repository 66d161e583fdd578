//! What one pass through the network needs.

use super::config::Config;

/// Numbers of a token that are there at once, in widths of the network. In the feed-forward network these are two of the
/// width and three of 8/3 of it, in attention eight; the rest is for copies and for numbers on their way.
const WIDTHS: i64 = 16;
/// Bytes that the scores of attention take at most, and their softmax: they are made piece by piece.
const SCORES: i64 = 256 << 20;
/// How often the scores of a short sequence may be there at once, with what they are copied to.
const COPIES: i64 = 8;

/// Bytes besides the weights, for a sequence of so many tokens: a bound, in float32. Passes of the demo model on a CPU
/// needed up to four fifths of it (docs/upscaling.md).
pub fn of_pass(config: &Config, batch: i32, tokens: i32) -> i64 {
    let (batch, tokens, number) = (i64::from(batch), i64::from(tokens), size_of::<f32>() as i64);
    let scores = batch * i64::from(config.n_heads) * tokens * tokens * number;
    batch * tokens * WIDTHS * i64::from(config.dim) * number + scores.saturating_mul(COPIES).min(SCORES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_tokens_and_pictures() {
        let config = Config::default();
        assert_eq!(of_pass(&config, 1, 0), 0);
        // 128 × 128 pixels: 15 MiB, and scores of all 30 heads.
        assert_eq!(of_pass(&config, 1, 64), 64 * 16 * 3840 * 4 + 8 * 30 * 64 * 64 * 4);
        // 1024 × 1024 pixels and 128 tokens of a prompt: one gigabyte and a little.
        assert_eq!(of_pass(&config, 1, 4096 + 128) >> 20, 256 + 990);
        assert_eq!(of_pass(&config, 3, 4096) - SCORES, 3 * (of_pass(&config, 1, 4096) - SCORES));
    }
}
