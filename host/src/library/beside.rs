//! What is read of other files with a model, see `nodes/model-loader`: beside a single file a `config.json`, and a tokenizer for
//! a text encoder, which takes the first one that fits. So what it encodes depends on all that could be taken.

use std::path::{Path, PathBuf};

use super::hashes::{Hashes, Told};
use crate::walk::in_cache;

/// What a part of a model says of itself. In a folder it belongs to what the folder is.
const CONFIG: &str = "config.json";
/// The files that a tokenizer may consist of.
const FILES: [&str; 4] = ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"];
/// Folders of models in which diffusers folders lie.
const FOLDERS: [&str; 4] = ["", "checkpoints", "diffusion_models", "text_encoders"];

/// The hashes of files that a model at `path` may take, each once, in the order in which they are looked for. None of a
/// folder that brings its own; none at all where `told` gave up.
pub fn hashes(path: &Path, roots: &[PathBuf], hashes: &Hashes, told: Told<'_>) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    if in_cache(path).join("tokenizer").is_dir() {
        return Some(found);
    }
    let tokenizers = places(path, roots).into_iter().flat_map(|folder| FILES.map(|name| folder.join(name)));
    let config = path.is_file().then(|| path.with_file_name(CONFIG));
    for file in config.into_iter().chain(tokenizers) {
        if file.is_file() {
            let hash = hashes.compute(&file, told).ok()??.sha256;
            if !found.contains(&hash) {
                found.push(hash);
            }
        }
    }
    Some(found)
}

fn places(path: &Path, roots: &[PathBuf]) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(path);
    let above = folder.parent().unwrap_or(folder);
    let mut places = vec![path.to_owned(), folder.join("tokenizer"), folder.to_owned(), above.join("tokenizer")];
    for root in roots {
        places.push(root.join("tokenizers"));
        places.extend(folders(&root.join("tokenizers")));
    }
    let models = roots.iter().flat_map(|root| FOLDERS.iter().flat_map(|name| folders(&root.join(name))));
    places.extend(models.map(|model| model.join("tokenizer")));
    places
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
