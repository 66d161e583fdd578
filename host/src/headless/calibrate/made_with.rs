//! What a calibration is of: the files of the model, by name and content.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result, io_cause};
use crate::graph::{Param, Plan, Roots, Source};

/// The SHA-256 of every file that the plan names, by the name that a graph would give it; of a model's folder, of the weights
/// of its transformer.
pub fn files(plan: &Plan, roots: &Roots) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (_, source) in plan.steps().iter().flat_map(|step| &step.inputs) {
        if let Source::Param(param) = source {
            collect(param, roots, &mut found)?;
        }
    }
    Ok(found)
}

fn collect(param: &Param, roots: &Roots, found: &mut BTreeMap<String, String>) -> Result<()> {
    match param {
        Param::File(path) => {
            found.insert(name(path, roots), hash(path)?);
            Ok(())
        }
        Param::Rows(rows) => rows.iter().flatten().try_for_each(|(_, cell)| collect(cell, roots, found)),
        Param::Record(entries) => entries.iter().try_for_each(|(_, entry)| collect(entry, roots, found)),
        _ => Ok(()),
    }
}

/// Without the folder of the models: it tells of this machine alone.
fn name(path: &Path, roots: &Roots) -> String {
    let below = roots.models.iter().find_map(|root| path.strip_prefix(root).ok());
    below.or(path.file_name().map(Path::new)).unwrap_or(path).to_string_lossy().into_owned()
}

fn hash(path: &Path) -> Result<String> {
    let failed = |path: &Path, error: &std::io::Error| {
        Error::new(Code::File, format!("{} cannot be read", path.display()))
            .cause(io_cause(error))
            .help("check that the file is there and may be read")
    };
    let mut hash = Sha256::new();
    for path in weights(path).map_err(|error| failed(path, &error))? {
        let mut file = std::fs::File::open(&path).map_err(|error| failed(&path, &error))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut buffer).map_err(|error| failed(&path, &error))?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A file itself; of a folder its weights, one after the other.
fn weights(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let inside = path.join("transformer");
    let folder = if inside.is_dir() { inside } else { path.to_owned() };
    let files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> =
        files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect();
    files.sort();
    Ok(files)
}
