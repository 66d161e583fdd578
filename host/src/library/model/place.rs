//! Folders that are one thing: a whole model, or one part with its shards.

use std::path::{Path, PathBuf};

use weft_formats::layout::{self, Part};

use crate::library::lora::tensors;
use crate::walk::{has_extension, holds, in_cache};
use crate::weights;

/// What files of weights end in.
pub const WEIGHTS: [&str; 6] = ["safetensors", "gguf", "pth", "pt", "ckpt", "bin"];
/// Folders of split files by part, by both of their names.
const SPLIT: [[&str; 2]; 3] = [["diffusion_models", "unet"], ["text_encoders", "clip"], ["vae", "vae"]];
/// Files of a folder that are looked into, to see whether they make a model together.
const FEW: std::ops::RangeInclusive<usize> = 2..=4;

/// Whether a folder is named as a whole where a model is taken: a model in diffusers' layout, in a download cache, or of split
/// files, or a part with its configuration or its index.
pub fn is_one_thing(folder: &Path) -> bool {
    let real = in_cache(folder);
    if real != folder {
        return is_one_thing(&real) || !files(&real).is_empty();
    }
    is_whole(folder) || is_part(folder) || is_split(folder) || are_parts(folder)
}

/// As diffusers has it, and MLX's converters.
pub fn is_whole(folder: &Path) -> bool {
    folder.join("model_index.json").is_file() || folder.join("transformer").is_dir()
}

/// With a configuration, or several shards.
pub fn is_part(folder: &Path) -> bool {
    folder.join("config.json").is_file() && holds(folder, ".safetensors") || holds(folder, ".safetensors.index.json")
}

/// With a folder for each part, as ComfyUI calls them, and one file in each.
fn is_split(folder: &Path) -> bool {
    let one = |names: &[&str; 2]| {
        names
            .iter()
            .map(|name| folder.join(name))
            .filter(|folder| folder.is_dir())
            .any(|folder| files(&folder).len() == 1)
    };
    SPLIT.iter().all(one)
}

/// With a file for each part, whatever they are called, as some programs for MLX write them.
fn are_parts(folder: &Path) -> bool {
    let files = files(folder);
    if !FEW.contains(&files.len()) {
        return false;
    }
    let headers: Vec<_> = files.iter().filter_map(|file| Some(tensors(&weights::open(file).ok()?))).collect();
    let holders = |part: Part| headers.iter().filter(|tensors| layout::find(part, tensors).is_some()).count();
    Part::ALL.into_iter().all(|part| holders(part) == 1)
}

/// The files of weights in a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let endings = WEIGHTS.map(str::to_owned);
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let is_visible = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        !name.starts_with('.') && has_extension(&name, &endings) && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.filter(is_visible).collect();
    files.sort();
    files
}

/// The files of split parts: in the folder itself, and in its folders for parts.
pub fn split_files(folder: &Path) -> Vec<PathBuf> {
    let mut names = SPLIT.concat();
    names.dedup();
    std::iter::once(folder.to_owned())
        .chain(names.iter().map(|name| folder.join(name)))
        .flat_map(|at| files(&at))
        .collect()
}
