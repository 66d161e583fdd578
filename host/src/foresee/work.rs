//! What kinds of work take memory.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// A prompt through a text encoder.
    Prompt,
    Sample,
    Encode,
    Decode,
    Upscale,
}

impl Work {
    /// As in "when sampling".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "encoding the prompt",
            Self::Sample => "sampling",
            Self::Encode => "encoding",
            Self::Decode => "decoding",
            Self::Upscale => "upscaling",
        }
    }

    /// What a person can do about it.
    pub const fn help(self, tiled: bool, can_be_smaller: bool) -> &'static str {
        match (self, tiled, can_be_smaller) {
            (Self::Prompt, ..) => "load the text encoder with `quantize`, or close other programs",
            (Self::Sample, _, false) => {
                "make a smaller picture or fewer at once, load the model with `quantize`, or close other programs"
            }
            (Self::Upscale, ..) => "lower `scale`, give a smaller picture, or close other programs",
            (_, _, false) => "make a smaller picture, or close other programs",
            (_, false, true) => "set `tile` to auto or to a number",
            (_, true, true) => "set `tile` to auto or to a smaller number",
        }
    }
}
