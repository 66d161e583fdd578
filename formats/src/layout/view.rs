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
}

/// A tensor of a ComfyUI file: the rows of some in diffusers' layout, one below the other, in a shape of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Without the prefix of its part.
    pub name: String,
    pub of: Vec<String>,
    pub shape: Vec<usize>,
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
