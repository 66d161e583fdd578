//! Where the files that a graph names are looked for. A graph names them relative to these folders, so that it runs
//! on another machine and tells nothing of this one.

use std::path::{Component, Path, PathBuf};

use plugin_api::Folder;

use super::names;
use crate::text;
use crate::walk::{self, Entry};

/// The folders of one run.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// Folders like `models/`, first one wins.
    pub models: Vec<PathBuf>,
    /// Where pictures and latents come from: beside the graph, then every `--input`.
    pub inputs: Vec<PathBuf>,
}

/// The folders below a models root in which a whole model may lie, after the root itself.
pub(crate) const MODEL_FOLDERS: [&str; 3] = ["", "checkpoints", "diffusion_models"];
/// Those for parts of a model.
pub(crate) const PART_FOLDERS: [&str; 3] = ["text_encoders", "vae", "unet"];

impl Roots {
    /// The file that `name` means, or the sentence that says why there is none. Below a folder of models, where people
    /// sort their files into folders, a name may also lack its extension and its folder, see [`names`].
    pub(crate) fn find(&self, folder: &Folder, extensions: &[String], name: &str) -> Result<PathBuf, String> {
        let path = Path::new(name);
        if name.is_empty() {
            return Err("no file is given".to_owned());
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(format!("`{name}` leaves its folder with `..`"));
        }
        if path.is_absolute() {
            // A path that the user has on this machine; it stays out of what Weft itself writes.
            return if path.exists() { Ok(path.to_owned()) } else { Err(format!("`{name}` does not exist")) };
        }
        let below = self.below(folder);
        let is_sorted = matches!(folder, Folder::Models(_));
        // `ink` may be a folder beside `ink.safetensors`.
        let is_it = |path: &PathBuf| if is_sorted && !extensions.is_empty() { path.is_file() } else { path.exists() };
        if let Some(path) = below.iter().map(|folder| folder.join(path)).find(is_it) {
            return Ok(path);
        }
        let near = if is_sorted {
            let lists: Vec<Vec<Entry>> = below.iter().map(|folder| walk::files(folder, extensions)).collect();
            if let Some(entry) = names::find(&lists, extensions, name)? {
                return Ok(entry.path.clone());
            }
            names::nearest(&lists, extensions, name).map(|entry| entry.name.clone())
        } else {
            None
        };
        Err(absent(name, &below, near))
    }

    /// The folders that a name is joined to, first one wins.
    pub(crate) fn below(&self, folder: &Folder) -> Vec<PathBuf> {
        let each = |names: &[&str]| {
            self.models
                .iter()
                .flat_map(|root| names.iter().map(|name| below_root(root, name)).collect::<Vec<_>>())
                .collect()
        };
        match folder {
            Folder::Input => self.inputs.clone(),
            Folder::Models(name) => each(&[name]),
            Folder::AnyModel => each(&[&MODEL_FOLDERS[..], &PART_FOLDERS[..]].concat()),
        }
    }
}

/// Without the slash that joining nothing would leave.
fn below_root(root: &Path, name: &str) -> PathBuf {
    if name.is_empty() { root.to_owned() } else { root.join(name) }
}

/// Why a name means nothing below these folders, and what may have been meant.
fn absent(name: &str, below: &[PathBuf], near: Option<String>) -> String {
    let shown = |folder: &PathBuf| folder.display().to_string();
    let there: Vec<String> = below.iter().filter(|folder| folder.is_dir()).map(shown).collect();
    if there.is_empty() {
        return format!(
            "`{name}` is not there, and neither is the folder {}",
            text::list(below.iter().map(shown).take(1))
        );
    }
    let near = near.map(|near| format!("; there is `{near}`")).unwrap_or_default();
    format!("`{name}` is in none of {}{near}", text::list(there))
}
