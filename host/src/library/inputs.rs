//! Pictures and latents beside the graph and in the `--input` folders.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::graph::Roots;
use crate::limits;
use crate::walk::{Entry, Meets, has_extension, walk};

const KINDS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "safetensors", "latent"];
/// The file by which programs mark a folder of what can be made again, such as a build's.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// The files; a name that an earlier folder has is left out.
pub fn list(roots: &Roots, extensions: &[String]) -> Vec<Entry> {
    let kinds = KINDS.map(str::to_owned);
    let takes = |name: &str| has_extension(name, &kinds) && has_extension(name, extensions);
    let models: HashSet<PathBuf> = roots.models.iter().filter_map(|root| root.canonicalize().ok()).collect();
    let meets = |_: &str, folder: &Path| {
        let is_models = folder.canonicalize().is_ok_and(|folder| models.contains(&folder));
        if is_models || folder.join(CACHE_MARK).exists() { Meets::Skip } else { Meets::Enter }
    };
    let mut names = HashSet::new();
    let found = roots.inputs.iter().flat_map(|folder| walk(folder, limits::INPUT_DEPTH, meets, takes));
    found.filter(|entry| names.insert(entry.name.clone())).collect()
}
