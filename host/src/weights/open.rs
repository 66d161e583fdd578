//! A path to weights: one file, a sharded index, or a folder that holds one of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plugin_api::{Error, Result};

use super::file::File;
use super::{Entry, Weights, pth, safetensors, wrong_file};
use crate::error::io_cause;

const INDEX: &str = ".safetensors.index.json";

/// Opens the weights at `path`; no tensor is read yet.
///
/// # Errors
/// A file that is missing or bad; the message says what it is instead.
pub fn open(path: &Path) -> Result<Weights> {
    if path.is_dir() {
        return open_folder(path);
    }
    if path.to_string_lossy().ends_with(INDEX) {
        return open_index(path);
    }
    file(path).map(Weights::new)
}

/// The tensors of one file, whatever its name says it is.
fn file(path: &Path) -> Result<Vec<Entry>> {
    let file = File::open(path)?;
    let head = file.head(256);
    if weft_formats::pickle::is_torch(&head) {
        return pth::entries(file);
    }
    wrong_file::refuse(&file, &head)?;
    safetensors::entries(file)
}

fn open_folder(folder: &Path) -> Result<Weights> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Error::file(format!("{} cannot be read: {}", folder.display(), io_cause(&error)))
            .help("check that the folder is there and may be read")
    })?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let ending = |ending: &str| -> Vec<&PathBuf> {
        files.iter().filter(|path| path.to_string_lossy().ends_with(ending)).collect()
    };
    let mut weights = ending(".safetensors");
    if weights.is_empty() {
        // What people called them before.
        weights = [".bin", ".pth", ".pt", ".ckpt"].into_iter().flat_map(ending).collect();
    }
    match (ending(INDEX).as_slice(), weights.as_slice()) {
        ([index], _) => open_index(index),
        ([], [file]) => open(file),
        ([], []) => Err(Error::file(format!("{} has no .safetensors file", folder.display()))
            .help("download the model again, with its weights")),
        (indexes, files) => {
            let found = if indexes.is_empty() { files } else { indexes };
            let names = crate::text::list(found.iter().filter_map(|path| path.file_name()?.to_str()));
            Err(Error::file(format!("{} has several weights: {names}", folder.display()))
                .help("leave only the one that you want in the folder"))
        }
    }
}

/// `{"weight_map": {"tensor": "file", …}}`: every file beside the index that it names, each of which must be there.
fn open_index(path: &Path) -> Result<Weights> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let bad = |why: String| {
        Error::file(format!("{} is no valid index of weights: {why}", path.display()))
            .help("download the index and all its parts again")
    };
    let text = std::fs::read(path).map_err(|error| bad(io_cause(&error)))?;
    let index: Index = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let files: std::collections::BTreeSet<&String> = index.weight_map.values().collect();
    let mut entries = Vec::new();
    for name in files {
        if Path::new(name).components().count() != 1 || name.contains('\\') {
            return Err(bad(format!("it names `{name}`, which is not in its folder")));
        }
        let file = folder.join(name);
        if !file.exists() {
            let what = format!("{} is missing, which {} names", file.display(), path.display());
            return Err(Error::file(what).help("download the missing part of the model"));
        }
        let listed = |entry: &Entry| index.weight_map.get(&entry.name) == Some(name);
        entries.extend(self::file(&file)?.into_iter().filter(listed));
    }
    if let Some(lost) = index.weight_map.keys().find(|name| entries.iter().all(|entry| entry.name != **name)) {
        return Err(bad(format!("the tensor `{lost}` is not in the file that it names")));
    }
    Ok(Weights::new(entries))
}
