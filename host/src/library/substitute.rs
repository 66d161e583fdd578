//! Model files under other names: what a graph says of their content, kept and made use of.

use std::collections::HashMap;
use std::path::Path;

use plugin_api::Folder;

use super::hashes::{Hashes, Told, bytes};
use super::{Entry, Library};
use crate::graph::{Graph, Identities, Identity, Roots};
use crate::plugins::Catalog;

/// Writes into the graph what `identity` tells of the model files that it names. What the graph says of a file that is not
/// here, or of which nothing is told, stays; what it says of names that it has no longer goes.
pub fn write_identities(
    graph: &mut Graph,
    catalog: &Catalog,
    roots: &Roots,
    mut identity: impl FnMut(&Path) -> Option<Identity>,
) {
    let before = graph.identities();
    // What nodes name that no plugin brings is not known.
    let is_whole = graph.nodes.values().all(|node| catalog.node(&node.kind).is_some());
    let mut now = if is_whole { Identities::default() } else { before.clone() };
    graph.rename_files(catalog, |folder, extensions, name| {
        let known = roots.find(folder, extensions, name).ok().and_then(|path| identity(&path));
        if *folder != Folder::Input
            && let Some(identity) = known.as_ref().or(before.get(folder, name))
        {
            now.insert(folder, name, identity.clone());
        }
        None
    });
    graph.set_identities(&now);
}

/// Whether the graph names model files that are not here, and says what they are.
pub fn lacks_files(graph: &Graph, catalog: &Catalog, roots: &Roots) -> bool {
    let identities = graph.identities();
    if identities.is_empty() {
        return false;
    }
    let mut lacks = false;
    // Nothing is renamed, but the names are asked for.
    graph.clone().rename_files(catalog, |folder, extensions, name| {
        lacks |= identities.get(folder, name).is_some() && roots.find(folder, extensions, name).is_err();
        None
    });
    lacks
}

/// Gives model files that are not here the names of files with the same content, where the graph says what they are. Files
/// of another size are not read. Gives a sentence for each name that it replaced.
pub fn substitute(graph: &mut Graph, catalog: &Catalog, roots: &Roots, hashes: &Hashes, told: Told<'_>) -> Vec<String> {
    if !lacks_files(graph, catalog, roots) {
        return Vec::new();
    }
    let (before, mut notes) = (graph.identities(), Vec::new());
    let mut now = before.clone();
    let mut search = Search { library: Library::new(roots.clone()), hashes, told, found: HashMap::new() };
    graph.rename_files(catalog, |folder, extensions, name| {
        let identity = before.get(folder, name)?;
        roots.find(folder, extensions, name).err()?;
        let entry = search.find(folder, extensions, identity)?;
        let note = format!("`{name}` is not there; using `{}`, which has the same SHA-256", entry.name);
        if !notes.contains(&note) {
            notes.push(note);
        }
        now.rename(folder, name, &entry.name);
        Some(entry.name)
    });
    graph.set_identities(&now);
    hashes.save();
    notes
}

struct Search<'a> {
    library: Library,
    hashes: &'a Hashes,
    told: Told<'a>,
    /// What was looked for already.
    found: HashMap<String, Option<Entry>>,
}

impl Search<'_> {
    fn find(&mut self, folder: &Folder, extensions: &[String], identity: &Identity) -> Option<Entry> {
        let key = format!("{folder:?} {}", identity.sha256);
        if let Some(known) = self.found.get(&key) {
            return known.clone();
        }
        let files = self.library.files(folder, extensions);
        let found = files.iter().find(|entry| self.is_it(&entry.path, identity)).cloned();
        self.found.insert(key, found.clone());
        found
    }

    fn is_it(&mut self, path: &Path, identity: &Identity) -> bool {
        bytes(path) == identity.bytes
            && matches!(self.hashes.compute(path, self.told), Ok(Some(found)) if found == *identity)
    }
}
