//! Diffusers folders.

use std::path::{Path, PathBuf};

use plugin_api::{Error, Result, Role};

use crate::component::title;

pub const SUPPORTED: &str = "give a diffusers folder (model_index.json with transformer/, text_encoder/, vae/ and \
    tokenizer/ beside it), or a single file of the model";

/// A part's folder in a diffusers folder.
pub const fn folder_name(role: Role) -> &'static str {
    match role {
        Role::Model => "transformer",
        Role::TextEncoder => "text_encoder",
        Role::Vae => "vae",
        _ => "upscaler",
    }
}

/// The folder of one part: inside a diffusers folder, or the path itself.
pub fn component(path: &Path, role: Role) -> Result<PathBuf> {
    let folder = if is_whole_model(path) { path.join(folder_name(role)) } else { path.to_owned() };
    if folder.is_dir() { Ok(folder) } else { Err(incomplete(path, &format!("{}/", folder_name(role)))) }
}

/// Fails where a part is missing, and names all that are.
pub fn check_whole_model(path: &Path) -> Result<()> {
    let parts = [Role::Model, Role::TextEncoder, Role::Vae].map(folder_name);
    let missing: Vec<_> = parts.into_iter().chain(["tokenizer"]).filter(|part| !path.join(part).is_dir()).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(incomplete(path, &format!("{}/", missing.join("/, ")))),
    }
}

/// The tokenizer of a text encoder's folder: beside it in a diffusers folder, else in it.
pub fn tokenizer(text_encoder: &Path) -> Result<PathBuf> {
    let beside = text_encoder.parent().unwrap_or(text_encoder).join("tokenizer");
    let places = [beside.clone(), text_encoder.to_owned()];
    let found = places.into_iter().find(|place| is_tokenizer(place));
    found.ok_or_else(|| {
        Error::file(format!(
            "the text encoder has no tokenizer: no tokenizer.json or vocab.json in {}",
            beside.display()
        ))
        .help("put the model's `tokenizer` folder beside its `text_encoder` folder")
    })
}

/// Whether it is the folder of one part: one with an index, or with a `config.json` and not the files of several parts.
pub fn is_part(path: &Path) -> bool {
    let names =
        path.read_dir().into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.collect();
    let count = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
    count(".safetensors.index.json") > 0 || path.join("config.json").is_file() && count(".safetensors") <= 1
}

pub fn is_tokenizer(folder: &Path) -> bool {
    ["tokenizer.json", "vocab.json"].iter().any(|file| folder.join(file).is_file())
}

pub fn is_whole_model(path: &Path) -> bool {
    path.join("model_index.json").is_file() || path.join(folder_name(Role::Model)).is_dir()
}

/// What to say of a folder that cannot be read without one.
pub fn without_config(folder: &Path, role: Role) -> Error {
    Error::file(format!("{} is no {} folder: it has no config.json", folder.display(), title(role))).help(SUPPORTED)
}

/// The folder that a path in the cache of Hugging Face's downloads means: `models--…/snapshots/…`, the one that `refs/main`
/// names, or the only one.
pub fn in_cache(path: &Path) -> PathBuf {
    let snapshots = path.join("snapshots");
    let Ok(entries) = snapshots.read_dir() else { return path.to_owned() };
    let main = std::fs::read_to_string(path.join("refs/main")).unwrap_or_default();
    let named = snapshots.join(main.trim());
    let mut all = entries.flatten().map(|entry| entry.path());
    match (all.next(), all.next()) {
        _ if !main.trim().is_empty() && named.is_dir() => named,
        (Some(only), None) => only,
        _ => path.to_owned(),
    }
}

fn incomplete(folder: &Path, missing: &str) -> Error {
    Error::file(format!("the model folder {} lacks {missing}", folder.display()))
        .help("download the whole repository of the model, with all its folders")
}
