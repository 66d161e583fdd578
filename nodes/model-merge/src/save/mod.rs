//! Models as files: a folder in the layout of diffusers, or one with a file for ComfyUI.

mod comfyui;
mod copied;
mod part;
mod progress;
mod provenance;
mod shards;

use plugin_api::{Error, NewFolder, Record, Result, Run};

use crate::merge::gigabytes;
pub use part::{Part, Precision};
use progress::Progress;
use provenance::Provenance;

/// What a file of weights says of itself, besides where it comes from. Transformers reads none that does not say so.
const FORMAT: (&str, &str) = ("format", "pt");

/// Writes a folder of these parts, the diffusion model first, and gives its path. `layout` is `diffusers` or `comfyui`.
///
/// # Errors
/// A name that no folder can have, a source that went away, numbers that the precision does not have, a full disk.
pub fn save(run: &Run, name: &str, layout: &str, parts: &[Part], precision: &Precision) -> Result<String> {
    if name.trim().is_empty() {
        return Err(Error::invalid("the model has no name").help("give `name`: the new folder is called so"));
    }
    tell(run, parts)?;
    let progress = Progress::new(run, parts);
    let info = Provenance::new(&progress).info(parts, layout, precision)?;
    let metadata = Record::new().with(FORMAT.0, FORMAT.1).with("merge_info", info.to_string());
    run.write_folder(name, |folder| {
        match layout {
            "comfyui" => {
                let file = format!("{}.safetensors", name.rsplit('/').next().unwrap_or(name));
                comfyui::write(folder, &file, parts, &metadata, &progress)?;
                write_all(folder, copied::tokenizer(parts)?)?;
            }
            _ => {
                parts.iter().try_for_each(|part| part.write(folder, &metadata, &progress))?;
                write_all(folder, copied::pipeline(parts)?)?;
                write_all(folder, copied::tokenizer(parts)?)?;
            }
        }
        folder.write("merge_info.json", &pretty(&info))
    })
}

fn write_all(folder: &NewFolder, files: Vec<(String, Vec<u8>)>) -> Result<()> {
    files.iter().try_for_each(|(path, bytes)| folder.write(path, bytes))
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
