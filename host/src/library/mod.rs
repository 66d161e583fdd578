//! What lies below the models and input folders, and the templates: lists for the editor's browsers. No window here.

mod inputs;
mod models;
mod order;
mod template;
#[cfg(test)]
mod tests;
mod walk;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::Folder;

use crate::graph::Roots;

pub use template::{Template, graphs_folder, templates, templates_in};

/// Lists of files, read once and kept until [`Library::refresh`].
#[derive(Debug)]
pub struct Library {
    roots: Roots,
    /// The lists with what was asked for. They are few.
    lists: Mutex<Vec<List>>,
}

#[derive(Debug)]
struct List {
    folder: Folder,
    extensions: Vec<String>,
    entries: Arc<[Entry]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As a graph names it: relative to its folder, with `/`.
    pub name: String,
    pub path: PathBuf,
    /// A folder that is one thing, such as a whole model.
    pub is_folder: bool,
    pub bytes: u64,
}

impl Library {
    pub fn new(roots: Roots) -> Self {
        Self { roots, lists: Mutex::default() }
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

    /// Forgets what was read.
    pub fn refresh(&self) {
        self.lists().clear();
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

/// Whether a file's name ends in one of the extensions, or in any where there are none.
fn has_extension(name: &str, extensions: &[String]) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    extensions.is_empty() || extensions.iter().any(|extension| extension.eq_ignore_ascii_case(ending))
}
