//! How the files of a model name, join and shape its tensors: the layouts of single files beside diffusers' folders.
//!
//! Everything is told by names and shapes, never by a file's name. Each part has a table of [`phrases`], read in one
//! direction to load a file and in the other to write one.
//!
//! Sources: the names in the files themselves; diffusers' `single_file_utils.py`, ComfyUI's `model_detection.py` and mflux's
//! tables of weights for what is the same as what.

mod config;
mod detect;
mod diffusion;
mod mlx;
mod phrases;
mod text_encoder;
mod vae;
mod view;

pub use config::config;
pub use detect::{Found, Part, find};
pub use mlx::write as write_mlx;
pub use view::{Joined, View, write};

use crate::Tensor;

/// The tensors of `part` in diffusers' layout, each as rows of one of the file. `tensors` is the whole file.
///
/// # Errors
/// The sentence that says which tensor cannot be what its name says.
pub fn read(found: &Found, tensors: &[Tensor]) -> Result<Vec<View>, String> {
    let inside = tensors.iter().filter_map(|tensor| {
        let name = tensor.name.strip_prefix(&found.prefix)?.to_owned();
        Some((Tensor { name, ..tensor.clone() }, tensor.name.as_str()))
    });
    match found.part {
        Part::Diffusion => diffusion::read(inside),
        Part::TextEncoder => Ok(text_encoder::read(inside)),
        Part::Vae => Ok(vae::read(inside.collect())),
    }
}
