//! A part of a model: what people call it, and how it is loaded.

use std::path::Path;

use plugin_api::{Error, Model, Record, Result, Role, Run};
use serde_json::{Map, Value};

use crate::place::{self, Place};
use crate::single::{File, Single};
use crate::{folder, looks_like, precision};

/// What people call it.
pub const fn title(role: Role) -> &'static str {
    match role {
        Role::Model => "diffusion model",
        Role::TextEncoder => "text encoder",
        Role::Vae => "VAE",
        _ => "upscaler",
    }
}

/// The part of `role` at `path`: a diffusers folder, of which it is taken, its own folder, a file, or a folder of files.
pub fn load(run: &Run, inputs: &Record, role: Role) -> Result<Model> {
    let path: String = inputs.get("path")?;
    let Single { weights, architecture, config } = match place::find(Path::new(&path), role)? {
        Place::Folder(folder) => of_folder(folder, role)?,
        Place::File(file) => file.load(run, role)?,
    };
    let weights = weights.cast(precision::dtype(run, inputs, role)?);
    Model::new(&architecture, &config, &precision::quantized(run, weights, inputs, role)?)
}

fn of_folder(folder: File, role: Role) -> Result<Single> {
    let File { path, weights, .. } = folder;
    let architecture = looks_like::architecture(role, &weights, &path)?;
    Ok(Single { architecture, config: config(&path, role)?, weights })
}

/// The text of `config.json`; a text encoder's also says where its tokenizer lies.
fn config(folder: &Path, role: Role) -> Result<String> {
    let mut config = read_config(folder)?;
    if role == Role::TextEncoder {
        let tokenizer = folder::tokenizer(folder)?;
        config.insert("tokenizer".to_owned(), tokenizer.to_string_lossy().into_owned().into());
    }
    Ok(Value::Object(config).to_string())
}

fn read_config(folder: &Path) -> Result<Map<String, Value>> {
    let path = folder.join("config.json");
    let shown = path.display();
    let again = "take the file from the model's repository again";
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Error::file(format!("{shown} cannot be read: {error}")).help(again))?;
    serde_json::from_str(&text).map_err(|error| Error::file(format!("{shown} is broken: {error}")).help(again))
}
