//! Where the parts of a model lie.

use std::path::{Path, PathBuf};

use plugin_api::{Error, Result, Role};

use crate::component::{folder_name, title};
use crate::looks_like;

pub const SUPPORTED: &str = "give a diffusers folder: model_index.json with transformer/, text_encoder/, vae/ and \
    tokenizer/ beside it";

/// The folder of one part: inside a diffusers folder, or the path itself.
pub fn component(path: &Path, role: Role) -> Result<PathBuf> {
    if path.is_file() {
        return Err(looks_like::single_file(path));
    }
    let inside = path.join(folder_name(role));
    if is_whole_model(path) { checked(inside, path, role) } else { checked(path.to_owned(), path, role) }
}

/// Fails where `path` is no folder with every part of a model in it, and names all that are missing.
pub fn check_whole_model(path: &Path) -> Result<()> {
    if path.is_file() {
        return Err(looks_like::single_file(path));
    }
    if !is_whole_model(path) {
        let error = Error::file(format!("{} is no model folder: it has no model_index.json", path.display()));
        return Err(error.help(format!("{SUPPORTED}. For a single part there are nodes of their own, such as LoadVae")));
    }
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
    let found =
        places.into_iter().find(|place| ["tokenizer.json", "vocab.json"].iter().any(|f| place.join(f).is_file()));
    found.ok_or_else(|| {
        Error::file(format!(
            "the text encoder has no tokenizer: no tokenizer.json or vocab.json in {}",
            beside.display()
        ))
        .help("put the model's `tokenizer` folder beside its `text_encoder` folder")
    })
}

fn is_whole_model(path: &Path) -> bool {
    path.join("model_index.json").is_file() || path.join(folder_name(Role::Model)).is_dir()
}

/// The folder, with the two files in it that every part has.
fn checked(folder: PathBuf, given: &Path, role: Role) -> Result<PathBuf> {
    if !folder.is_dir() {
        return Err(incomplete(given, &format!("{}/", folder_name(role))));
    }
    if !folder.join("config.json").is_file() {
        let part = title(role);
        let error = Error::file(format!("{} is no {part} folder: it has no config.json", folder.display()));
        return Err(error.help(SUPPORTED));
    }
    Ok(folder)
}

fn incomplete(folder: &Path, missing: &str) -> Error {
    Error::file(format!("the model folder {} lacks {missing}", folder.display()))
        .help("download the whole repository of the model, with all its folders")
}
