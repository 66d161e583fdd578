//! The line that a prompt stands in: Qwen3's chat template for one user turn.

use plugin_api::{Error, ErrorKind, Result};

/// Bytes of the longest prompt.
const LONGEST: usize = 64 * 1024;

/// The template is fixed here, because a tokenizer's own may be another model's.
///
/// # Errors
/// A prompt that is too long to be meant.
pub fn user_turn(prompt: &str) -> Result<String> {
    if prompt.len() > LONGEST {
        let message = format!("the prompt has {} bytes, but {LONGEST} is the most that is read", prompt.len());
        return Err(Error::new(ErrorKind::Limit, message).help("shorten the prompt: the model reads 512 tokens of it"));
    }
    Ok(format!("<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_not_trimmed() {
        assert_eq!(user_turn(" a ").unwrap(), "<|im_start|>user\n a <|im_end|>\n<|im_start|>assistant\n");
        assert!(user_turn("").is_ok());
    }

    #[test]
    fn a_prompt_has_a_limit() {
        assert!(user_turn(&"a".repeat(LONGEST)).is_ok());
        assert_eq!(user_turn(&"a".repeat(LONGEST + 1)).unwrap_err().kind, ErrorKind::Limit);
    }
}
