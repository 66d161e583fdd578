//! Models: whole ones, which are folders or single files, and the files of one folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use plugin_api::Folder;

use crate::graph::{MODEL_FOLDERS, PART_FOLDERS, Roots};
use crate::limits;
use crate::walk::{self, Entry, Meets, has_extension, holds, walk};

/// Folders of a models root in which no model lies.
const OTHER_FOLDERS: [&str; 2] = ["loras", "upscale_models"];
const MODEL_FILES: [&str; 2] = ["safetensors", "gguf"];

/// The files below each of `folders`; a name that an earlier one has is left out.
pub fn files(folders: &[PathBuf], extensions: &[String]) -> Vec<Entry> {
    unique(folders.iter().flat_map(|folder| walk::files(folder, extensions)))
}

/// Everything that could be named where a whole model or one of its parts is taken.
pub fn list(roots: &Roots, extensions: &[String]) -> Vec<Entry> {
    let kinds = MODEL_FILES.map(str::to_owned);
    let is_model = |name: &str| has_extension(name, &kinds) && has_extension(name, extensions);
    let below = |folder: &PathBuf| {
        if !roots.models.contains(folder) {
            return walk(folder, limits::FOLDER_DEPTH, |_, path| meets(path), is_model);
        }
        // The root itself holds models, and folders of other things: a file in one of those is no model.
        let meets = |name: &str, path: &Path| if is_listed_elsewhere(name) { Meets::Skip } else { meets(path) };
        walk(folder, limits::FOLDER_DEPTH, meets, |name| !name.contains('/') && is_model(name))
    };
    unique(roots.below(&Folder::AnyModel).iter().flat_map(below))
}

fn is_listed_elsewhere(name: &str) -> bool {
    [&MODEL_FOLDERS[..], &PART_FOLDERS, &OTHER_FOLDERS].concat().contains(&name)
}

/// A whole model is one thing, and so is a part: its shards are not models.
fn meets(folder: &Path) -> Meets {
    let has = |name: &str| folder.join(name).exists();
    let is_whole = has("model_index.json") || has("transformer");
    let is_part = has("config.json") && holds(folder, ".safetensors") || holds(folder, ".safetensors.index.json");
    if is_whole || is_part { Meets::Take } else { Meets::Enter }
}

fn unique(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut names = HashSet::new();
    entries.filter(|entry| names.insert(entry.name.clone())).collect()
}
