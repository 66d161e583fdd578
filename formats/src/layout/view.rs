//! Tensors as parts of others: what reading a file cuts, and writing one joins.

use super::{Part, diffusion, text_encoder, vae};
use crate::Tensor;

/// A tensor in diffusers' layout: rows of one in the file, from `first_row` on, in a shape of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub name: String,
    /// The full name in the file.
    pub of: String,
    pub first_row: usize,
    pub shape: Vec<usize>,
    /// Whether it is a convolution that has its channels last in the file, `[out, h, w, in]`; `shape` is `[out, in, h, w]`.
    pub channels_last: bool,
}

/// A tensor of another layout: the rows of some in diffusers', one below the other, in a shape of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Without the prefix of its part.
    pub name: String,
    pub of: Vec<String>,
    pub shape: Vec<usize>,
    /// Whether it is a convolution whose channels move from the second place to the last.
    pub channels_last: bool,
}

/// A part of a model, given in diffusers' layout, as ComfyUI's files have it. What belongs before the names is
/// [`Part::prefix`] in a file with all parts, and nothing in one with this part alone.
pub fn write(part: Part, tensors: &[Tensor]) -> Vec<Joined> {
    match part {
        Part::Diffusion => diffusion::write(tensors),
        Part::TextEncoder => text_encoder::write(tensors),
        Part::Vae => vae::write(tensors),
    }
}
