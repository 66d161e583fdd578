//! What one pass through the network needs.

use super::config::Config;

/// Numbers of a token that are there at once, in widths of the network. In the feed-forward network these are two of the
/// width and three of 8/3 of it, in attention eight; the rest is for copies and for numbers on their way.
const WIDTHS: i64 = 16;
/// Scores of attention, which is done piece by piece, and their softmax.
const SCORES: i64 = 256 << 20;

/// Bytes besides the weights, for a sequence of so many tokens: a bound, in float32. Passes of the demo model on a CPU
/// needed two thirds of it (docs/upscaling.md).
pub fn of_pass(config: &Config, batch: i32, tokens: i32) -> i64 {
    i64::from(batch) * i64::from(tokens) * WIDTHS * i64::from(config.dim) * size_of::<f32>() as i64 + SCORES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_tokens_and_pictures() {
        let config = Config::default();
        assert_eq!(of_pass(&config, 1, 0), SCORES);
        // 1024 × 1024 pixels and 128 tokens of a prompt: one gigabyte and a little.
        assert_eq!(of_pass(&config, 1, 4096 + 128) >> 20, 256 + 990);
        assert_eq!(of_pass(&config, 3, 4096) - SCORES, 3 * (of_pass(&config, 1, 4096) - SCORES));
    }
}
