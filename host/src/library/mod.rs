//! What lies below the models and input folders, and the templates: lists for browsers and `weft loras`. No window here.

mod beside;
mod contents;
pub mod extra_paths;
mod facts;
mod hashes;
mod inputs;
pub mod lora;
pub mod model;
mod models;
mod order;
mod substitute;
mod template;
#[cfg(test)]
mod tests;
mod upscaler;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::Folder;

use crate::graph::{Roots, names};

pub use crate::walk::Entry;
pub use contents::{content, contents};
pub use facts::{Facts, FileFacts};
pub use hashes::{Hashes, Told, bytes as hashed_bytes};
pub use lora::LoraFacts;
pub use model::ModelFacts;
pub use models::everything;
pub use order::natural;
pub use substitute::{lacks_files, substitute, write_identities};
pub use template::{Template, graphs_folder, templates, templates_in};

/// Lists of files, read once and kept until [`Library::refresh`].
#[derive(Debug)]
pub struct Library {
    roots: Roots,
    /// The lists with what was asked for. They are few.
    lists: Mutex<Vec<List>>,
    facts: facts::Cache,
}

#[derive(Debug)]
struct List {
    folder: Folder,
    extensions: Vec<String>,
    entries: Arc<[Entry]>,
}

impl Library {
    pub fn new(roots: Roots) -> Self {
        Self { roots, lists: Mutex::default(), facts: facts::Cache::default() }
    }

    /// Everything that an input of this folder and these extensions (empty: all) could name, sorted, folders walked.
    /// What cannot be read is left out, as is what lies behind [`crate::limits::LISTED_FILES`].
    pub fn files(&self, folder: &Folder, extensions: &[String]) -> Arc<[Entry]> {
        let is_it = |list: &&List| list.folder == *folder && list.extensions == extensions;
        if let Some(list) = self.lists().iter().find(is_it) {
            return Arc::clone(&list.entries);
        }
        let mut entries = self.read(folder, extensions);
        entries.sort_by(|a, b| order::natural(&a.name, &b.name));
        let entries: Arc<[Entry]> = entries.into();
        let list = List { folder: folder.clone(), extensions: extensions.to_vec(), entries: Arc::clone(&entries) };
        self.lists().push(list);
        entries
    }

    /// The file that `name` means in such an input, by the rules of a run but from the list that was read: fit to be asked
    /// in every frame. None where there is none, and where several have that name.
    pub fn find(&self, folder: &Folder, extensions: &[String], name: &str) -> Option<Entry> {
        let files = self.files(folder, extensions);
        if let Some(entry) = files.iter().find(|entry| entry.name == name) {
            return Some(entry.clone());
        }
        let Folder::Models(_) = folder else { return None };
        let of = |root: &PathBuf| files.iter().filter(|entry| entry.path.starts_with(root)).cloned().collect();
        let lists: Vec<Vec<Entry>> = self.roots.below(folder).iter().map(of).collect();
        names::find(&lists, extensions, name).ok()?.cloned()
    }

    /// What a LoRA or an upscaler (an [`Entry::path`]) says of itself, or why it cannot be read. Its header is read once, some
    /// milliseconds; later calls cost a look-up until [`Library::refresh`], and read again only what has changed.
    pub fn facts(&self, path: &Path) -> Facts {
        self.facts.facts(path)
    }

    /// Forgets the lists; files are looked at again.
    pub fn refresh(&self) {
        self.lists().clear();
        self.facts.forget();
    }

    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    fn read(&self, folder: &Folder, extensions: &[String]) -> Vec<Entry> {
        match folder {
            Folder::Input => inputs::list(&self.roots, extensions),
            Folder::AnyModel => models::list(&self.roots, extensions),
            Folder::Models(_) => models::files(&self.roots.below(folder), extensions),
        }
    }

    /// The lists are whole at any time, also when a thread that held them panicked.
    fn lists(&self) -> std::sync::MutexGuard<'_, Vec<List>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
