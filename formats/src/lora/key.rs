//! What became of each key of a file.

/// A key of the file and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub state: State,
    /// The model's tensor that it changes, or the first of several.
    pub target: Option<String>,
    /// Why it is not applied.
    pub why: Option<String>,
}

/// The fate of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Applied,
    AppliedToTextEncoder,
    /// No tensor of the model has this name, or another key of the file changes it already.
    Unknown,
    ShapeMismatch,
    /// Its other half is missing.
    IncompletePair,
    /// It belongs to a text encoder, and none is there.
    NoTextEncoder,
}

impl State {
    /// As scripts read it: `applied`, `applied_text_encoder`, `unknown`, `shape_mismatch`, `incomplete_pair`, `no_text_encoder`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AppliedToTextEncoder => "applied_text_encoder",
            Self::Unknown => "unknown",
            Self::ShapeMismatch => "shape_mismatch",
            Self::IncompletePair => "incomplete_pair",
            Self::NoTextEncoder => "no_text_encoder",
        }
    }

    pub const fn is_applied(self) -> bool {
        matches!(self, Self::Applied | Self::AppliedToTextEncoder)
    }
}
