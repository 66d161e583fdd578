//! What the files of a plan hold, for fingerprints that are the same on every machine.

use std::collections::HashSet;
use std::path::Path;

use plugin_api::Folder;

use super::beside;
use super::hashes::{Hashes, Told};
use crate::engine::fingerprint::stamp;
use crate::engine::protocol::{Content, Contents};
use crate::graph::{Graph, Plan, Roots};
use crate::plugins::Catalog;

/// The files that the steps of `plan` name, by their paths, with what `of` tells of each. Those of which it tells nothing are
/// left out.
pub fn contents(
    graph: &Graph,
    plan: &Plan,
    catalog: &Catalog,
    roots: &Roots,
    mut of: impl FnMut(&Folder, &Path) -> Option<Content>,
) -> Contents {
    let steps: HashSet<&str> = plan.steps().iter().map(|step| step.node.as_str()).collect();
    let mut graph = graph.clone();
    graph.nodes.retain(|id, _| steps.contains(id.as_str()));
    let mut contents = Contents::new();
    // Nothing is renamed, but the names are asked for.
    graph.rename_files(catalog, |folder, extensions, name| {
        let path = roots.find(folder, extensions, name).ok()?;
        if !contents.contains_key(&path)
            && let Some(content) = of(folder, &path)
        {
            contents.insert(path, content);
        }
        None
    });
    contents
}

/// What a file or a model's folder is on any machine, with what its loader may read beside it; read where nobody knows it
/// yet. None of what cannot be read, or where `told` gave up.
pub fn content(path: &Path, folder: &Folder, roots: &Roots, hashes: &Hashes, told: Told<'_>) -> Option<Content> {
    let stamp = stamp(path);
    let mut sha256 = hashes.compute(path, told).ok()??.sha256;
    if *folder == Folder::AnyModel {
        for other in beside::hashes(path, &roots.models, hashes, told)? {
            sha256 += &other;
        }
    }
    Some(Content { name: roots.named(folder, path), sha256, stamp })
}
