//! `weft loras`: the LoRAs that are there, or all that one file says and changes.

mod facts;
mod list;
mod report;
mod show;

use std::path::{Path, PathBuf};

use plugin_api::Folder;

use super::{Outcome, print};
use crate::error::{Code, Error, Result};
use crate::flags::LoraFlags;
use crate::graph::Roots;
use crate::text;

pub(super) use facts::size;

pub fn loras(flags: &LoraFlags) -> Outcome {
    let roots = flags.folders.roots(Vec::new())?;
    match &flags.file {
        None => list::list(roots, flags.json),
        Some(file) => show::show(&locate(file, &roots)?, flags, &roots),
    }
}

fn folder() -> Folder {
    Folder::Models("loras".to_owned())
}

fn extensions() -> Vec<String> {
    vec!["safetensors".to_owned()]
}

/// The file at a path, or the one that a name means in a graph.
fn locate(file: &Path, roots: &Roots) -> Result<PathBuf> {
    if file.is_file() {
        return Ok(file.to_owned());
    }
    roots.find(&folder(), &extensions(), &file.to_string_lossy()).map_err(|cause| {
        let error = Error::new(Code::File, format!("there is no LoRA {}", file.display())).cause(cause);
        error.help("give the path of a file, or a name that `weft loras` lists")
    })
}

/// A line of what files say: nothing in it breaks the line or moves the cursor.
pub(super) fn print_line(line: &str) {
    print(text::printable(&line.replace('\n', " ")).trim_end());
}
