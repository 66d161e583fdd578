//! `weft models`: the model files that are there, or all that one of them is.

mod list;
mod show;

use std::path::{Path, PathBuf};

use super::Outcome;
use super::hashing::Progress;
use crate::error::{Code, Error, Result};
use crate::flags::ModelFlags;
use crate::graph::{Identity, Roots, names};
use crate::library::model::WEIGHTS;
use crate::library::{self, Entry, Hashes};

/// Bytes of a file, or of a folder, that is hashed without being asked for it.
const SMALL: u64 = 64 << 20;

pub fn models(flags: &ModelFlags) -> Outcome {
    let roots = flags.folders.roots(Vec::new())?;
    let hashes = Hashes::of_user();
    let result = match &flags.model {
        None => list::list(&roots, flags, &hashes),
        Some(model) => show::show(&locate(model, &roots)?, flags, &hashes),
    };
    hashes.save();
    result
}

/// The file or folder at a path, or the one that a name means: as the list has it, as a graph has it, or without its extension.
fn locate(model: &Path, roots: &Roots) -> Result<PathBuf> {
    if model.exists() {
        return Ok(model.to_owned());
    }
    let name = model.to_string_lossy();
    let absent = || Error::new(Code::File, format!("there is no model {name}"));
    let lists: [Vec<Entry>; 1] = [library::everything(roots)];
    if let Some(entry) = lists[0].iter().find(|entry| entry.name == name) {
        return Ok(entry.path.clone());
    }
    let extensions = WEIGHTS.map(str::to_owned);
    let help = "give the path of a file or folder, or a name that `weft models` lists";
    match names::find(&lists, &extensions, &name).map_err(|cause| absent().cause(cause).help(help))? {
        Some(entry) => Ok(entry.path.clone()),
        None => {
            let near = names::nearest(&lists, &extensions, &name);
            Err(absent().cause(near.map_or(String::new(), |near| format!("there is `{}`", near.name))).help(help))
        }
    }
}

/// Whether a hash is computed that is not known.
fn is_hashed(flags: &ModelFlags, bytes: u64) -> bool {
    flags.hash || !flags.no_hash && bytes <= SMALL
}

/// The hash of a model, where it is known or wanted. A file that cannot be read has none.
fn identity(hashes: &Hashes, path: &Path, flags: &ModelFlags, progress: &mut Progress) -> Option<Identity> {
    let known = hashes.known(path);
    if known.is_some() || !is_hashed(flags, library::hashed_bytes(path)) {
        return known;
    }
    hashes.compute(path, &mut |bytes| progress.add(bytes)).ok().flatten()
}
