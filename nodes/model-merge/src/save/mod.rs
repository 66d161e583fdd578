//! Models as files: a folder in the layout of diffusers.

mod copied;
mod part;
mod progress;
mod provenance;
mod shards;

use plugin_api::{Error, Record, Result, Run};

use crate::merge::gigabytes;
pub use part::{Part, Precision};
use progress::Progress;
use provenance::Provenance;

/// What a file of weights says of itself, besides where it comes from. Transformers reads none that does not say so.
const FORMAT: (&str, &str) = ("format", "pt");

/// Writes a diffusers folder of these parts, the diffusion model first, and gives its path.
///
/// # Errors
/// A name that no folder can have, a source that went away, numbers that the precision does not have, a full disk.
pub fn diffusers(run: &Run, name: &str, parts: &[Part], precision: &Precision) -> Result<String> {
    if name.trim().is_empty() {
        return Err(Error::invalid("the model has no name").help("give `name`: the new folder is called so"));
    }
    tell(run, parts)?;
    let progress = Progress::new(run, parts);
    let info = Provenance::new(&progress).info(parts, precision)?;
    let metadata = Record::new().with(FORMAT.0, FORMAT.1).with("merge_info", info.to_string());
    run.write_folder(name, |folder| {
        for part in parts {
            part.write(folder, &metadata, &progress)?;
        }
        for (path, bytes) in copied::files(parts)? {
            folder.write(&path, &bytes)?;
        }
        folder.write("merge_info.json", &pretty(&info))
    })
}

/// How much there is to do, and what it takes.
fn tell(run: &Run, parts: &[Part]) -> Result<()> {
    let rows = parts.iter().map(|part| vec![part.folder.to_owned(), part.count().to_string(), gigabytes(part.bytes())]);
    run.report("saved parts", &["part", "tensors", "size"], &rows.collect::<Vec<_>>())?;
    // A tensor in float32 with its change, what it is mixed with, and the result.
    let at_once = parts.iter().map(Part::largest).max().unwrap_or(0) * 16;
    let free: i64 = run.info().get("free_memory")?;
    run.note(&format!("up to about {} of memory are used, {} are free", gigabytes(at_once), gigabytes(free as u64)));
    Ok(())
}

/// JSON as people read it.
fn pretty(value: &serde_json::Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
