//! Where a part of a model lies: in a folder of its own with a `config.json`, or in a file that may hold others as well.

use std::path::{Path, PathBuf};

use plugin_api::{Error, Result, Role};

use crate::component::title;
use crate::folder::{self, SUPPORTED};
use crate::looks_like;
use crate::single::File;

pub enum Place {
    /// As diffusers has it.
    Folder(File),
    File(File),
}

/// Folders in a folder of split files, by ComfyUI's names, old ones included.
const SPLIT_FOLDERS: [&str; 6] = ["diffusion_models", "unet", "text_encoders", "clip", "vae", "checkpoints"];
const ENDINGS: [&str; 6] = ["safetensors", "gguf", "pth", "pt", "ckpt", "bin"];

/// The place of one part: of a diffusers folder, of its own folder, of a file, or of a folder with a file of it.
pub fn find(path: &Path, role: Role) -> Result<Place> {
    let path = &folder::in_cache(path);
    if path.is_file() {
        let file = File::open(path)?;
        return if file.has(role) { Ok(Place::File(file)) } else { Err(looks_like::without(&file, role)) };
    }
    if folder::is_whole_model(path) || folder::is_part(path) {
        return of_folder(&folder::component(path, role)?, role);
    }
    let (mut found, others): (Vec<File>, Vec<File>) = files(path)?.into_iter().partition(|file| file.has(role));
    match (found.pop(), found.pop()) {
        (Some(file), None) => Ok(Place::File(file)),
        (Some(one), Some(other)) => Err(several(path, role, [&one, &other])),
        (None, _) if others.is_empty() => of_folder(&folder::component(path, role)?, role),
        (None, _) => Err(Error::file(format!("no file in {} holds a {}", path.display(), title(role)))
            .help("put its file there, or give the path of the file itself")),
    }
}

/// A part's own folder. Where it has other names than diffusers', it is read as a file; so is one of mflux's, which has no
/// configuration.
fn of_folder(folder: &Path, role: Role) -> Result<Place> {
    let has_config = folder.join("config.json").is_file();
    let file = match File::open(folder) {
        Ok(file) => file,
        Err(error) => return Err(if has_config { error } else { folder::without_config(folder, role) }),
    };
    if file.is_translated(role) || !has_config && file.is_mflux_s() && file.has(role) {
        return Ok(Place::File(file));
    }
    if has_config { Ok(Place::Folder(file)) } else { Err(folder::without_config(folder, role)) }
}

/// The files of weights in a folder and its folders for parts.
fn files(folder: &Path) -> Result<Vec<File>> {
    let folders = SPLIT_FOLDERS.iter().map(|name| folder.join(name));
    let entries = std::iter::once(folder.to_owned()).chain(folders).filter_map(|folder| folder.read_dir().ok());
    let is_weights = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        path.is_file() && ENDINGS.contains(&ending.to_lowercase().as_str())
    };
    let mut paths: Vec<PathBuf> = entries.flatten().flatten().map(|entry| entry.path()).filter(is_weights).collect();
    paths.sort();
    paths.iter().map(|path| File::open(path)).collect()
}

fn several(folder: &Path, role: Role, files: [&File; 2]) -> Error {
    let [one, other] = files.map(|file| file.path.display());
    Error::file(format!("{} has several files with a {}: {one} and {other}", folder.display(), title(role)))
        .help("give the path of the one that you want")
}

/// Fails where a path does not give every part of a model, and names all that are missing.
pub fn check_whole_model(path: &Path) -> Result<()> {
    let path = &folder::in_cache(path);
    let roles = [Role::Model, Role::TextEncoder, Role::Vae];
    let files = match path {
        path if folder::is_whole_model(path) => return folder::check_whole_model(path),
        path if path.is_file() => vec![File::open(path)?],
        path => files(path)?,
    };
    let missing: Vec<_> = roles.into_iter().filter(|role| !files.iter().any(|file| file.has(*role))).collect();
    match missing.as_slice() {
        [] => Ok(()),
        [_, _, _] if path.is_file() => Err(looks_like::without(&files[0], Role::Model)),
        [_, _, _] => {
            let what = format!("{} is no model folder: it has no model_index.json", path.display());
            Err(Error::file(what)
                .help(format!("{SUPPORTED}. For a single part there are nodes of their own, such as LoadVae")))
        }
        missing => {
            let missing: Vec<_> = missing.iter().map(|role| title(*role)).collect();
            let folder = if path.is_dir() { "; it is no model folder: it has no model_index.json" } else { "" };
            let what = format!("{} holds no {}{folder}", path.display(), missing.join(" and no "));
            Err(Error::file(what).help(
                "load each part by a node of its own (LoadDiffusionModel, LoadTextEncoder, LoadVae), or give a folder with all: \
                 diffusion_models/, text_encoders/ and vae/",
            ))
        }
    }
}
