//! Models: whole ones, which are folders or single files, and the files of one folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use plugin_api::Folder;

use super::model::{WEIGHTS, is_one_thing};
use crate::graph::{MODEL_FOLDERS, PART_FOLDERS, Roots};
use crate::limits;
use crate::walk::{self, Entry, Meets, has_extension, walk};

/// Folders of a models root in which no model lies.
const OTHER_FOLDERS: [&str; 4] = ["loras", "upscale_models", "schedules", "tokenizers"];
/// The folder of calibrations, the only models that are JSON.
const SCHEDULES: &str = "schedules/";

/// The files below each of `folders`; a name that an earlier one has is left out.
pub fn files(folders: &[PathBuf], extensions: &[String]) -> Vec<Entry> {
    unique(folders.iter().flat_map(|folder| walk::files(folder, extensions)))
}

/// Everything that could be named where a whole model or one of its parts is taken.
pub fn list(roots: &Roots, extensions: &[String]) -> Vec<Entry> {
    let is_model = |name: &str| is_weights(name) && has_extension(name, extensions);
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

/// All that lies below the models roots and the further folders, whatever takes it, by names relative to the root, as in
/// `loras/ink.safetensors`. What several roots lead to is there once.
pub fn everything(roots: &Roots) -> Vec<Entry> {
    let takes = |name: &str| is_weights(name) || name.starts_with(SCHEDULES) && name.ends_with(".json");
    // What is no model has no folders that are one.
    let meets = |name: &str, path: &Path| {
        let is_other = OTHER_FOLDERS.contains(&name.split('/').next().unwrap_or(name));
        if is_other { Meets::Enter } else { meets(path) }
    };
    let own = roots.models.iter().flat_map(|root| walk(root, limits::FOLDER_DEPTH, meets, takes));
    let extra = roots.extra.iter().flat_map(|folder| {
        let full = |name: &str| format!("{}/{name}", folder.kind);
        let meets = |name: &str, path: &Path| meets(&full(name), path);
        let entries = walk(&folder.path, limits::FOLDER_DEPTH, meets, |name| takes(&full(name)));
        entries.into_iter().map(|entry| Entry { name: format!("{}/{}", folder.kind, entry.name), ..entry })
    });
    let mut seen = HashSet::new();
    let is_new = |entry: &Entry| {
        let path = entry.path.canonicalize().unwrap_or_else(|_| entry.path.clone());
        // Where roots lie in each other, one takes for a model what holds the other's files.
        let is_known = entry.is_folder && seen.iter().any(|known: &PathBuf| known.starts_with(&path));
        !is_known && seen.insert(path)
    };
    let mut all: Vec<Entry> = own.chain(extra).filter(is_new).collect();
    all.sort_by(|a, b| super::natural(&a.name, &b.name));
    all
}

fn is_weights(name: &str) -> bool {
    has_extension(name, &WEIGHTS.map(str::to_owned))
}

fn is_listed_elsewhere(name: &str) -> bool {
    [&MODEL_FOLDERS[..], &PART_FOLDERS, &OTHER_FOLDERS].concat().contains(&name)
}

/// A whole model is one thing, and so is a part: its shards are not models.
fn meets(folder: &Path) -> Meets {
    if is_one_thing(folder) { Meets::Take } else { Meets::Enter }
}

fn unique(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut names = HashSet::new();
    entries.filter(|entry| names.insert(entry.name.clone())).collect()
}
