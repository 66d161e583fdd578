//! What the files of a plan hold, for fingerprints that are the same on every machine.

use std::path::Path;

use plugin_api::Folder;

use super::hashes::{Hashes, Told};
use super::tokenizers;
use crate::engine::fingerprint::stamp;
use crate::engine::protocol::{Content, Contents};
use crate::graph::{Graph, Plan, Roots};
use crate::plugins::Catalog;

/// The files that the steps of `plan` name, by their paths; those whose hash nobody knows yet are read. A file that cannot
/// be read, or for which `told` gave up, is left out.
pub fn contents(
    graph: &Graph,
    plan: &Plan,
    catalog: &Catalog,
    roots: &Roots,
    hashes: &Hashes,
    told: Told<'_>,
) -> Contents {
    let mut graph = graph.clone();
    graph.nodes.retain(|id, _| plan.steps().iter().any(|step| step.node == *id));
    let mut contents = Contents::new();
    // Nothing is renamed, but the names are asked for.
    graph.rename_files(catalog, |folder, extensions, name| {
        let path = roots.find(folder, extensions, name).ok()?;
        if !contents.contains_key(&path)
            && let Some(content) = content(&path, folder, roots, hashes, told)
        {
            contents.insert(path, content);
        }
        None
    });
    contents
}

fn content(path: &Path, folder: &Folder, roots: &Roots, hashes: &Hashes, told: Told<'_>) -> Option<Content> {
    let stamp = stamp(path);
    let mut sha256 = hashes.compute(path, told).ok()??.sha256;
    if *folder == Folder::AnyModel {
        for tokenizer in tokenizers::around(path, &roots.models, hashes, told)? {
            sha256 += &tokenizer;
        }
    }
    Some(Content { name: roots.named(folder, path), sha256, stamp })
}
