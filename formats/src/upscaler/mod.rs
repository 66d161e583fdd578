//! Upscaler files: RRDB networks (ESRGAN, Real-ESRGAN, BSRGAN and what was trained from them) in three ways of naming, and
//! what a file of another network is called. All by names and shapes; the numbers do not matter here.

mod names;
mod other;
mod rrdb;

pub use names::{Layer, Layout};
pub use rrdb::{Conv, Rrdb};

use crate::Tensor;

/// Why a file is no RRDB network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Something else that is known: "a SwinIR upscaler", "a LoRA".
    Other(&'static str),
    Unknown,
    /// An RRDB network by its names, but something in it is missing or wrong.
    Broken(String),
}

impl std::fmt::Display for Refusal {
    /// What the file is, to be put behind "the file is".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Other(what) => f.write_str(what),
            Self::Unknown => f.write_str("no upscaler that Weft knows"),
            Self::Broken(why) => write!(f, "a damaged or unusual RRDB upscaler: {why}"),
        }
    }
}

/// Reads a file's tensors as an RRDB network.
///
/// # Errors
/// What the file is instead.
pub fn read(tensors: &[Tensor]) -> Result<Rrdb, Refusal> {
    match (other::name(tensors), names::find(tensors)) {
        (Some(what), _) => Err(Refusal::Other(what)),
        (None, None) => Err(Refusal::Unknown),
        (None, Some((prefix, layout))) => Rrdb::read(tensors, prefix, layout).map_err(Refusal::Broken),
    }
}
