//! Models as files: a folder in the layout of diffusers, or one with a file for ComfyUI.

mod comfyui;
mod copied;
mod joined;
mod mlx;
mod packed;
mod part;
mod progress;
mod provenance;
mod shards;

use plugin_api::{Error, NewFolder, Record, Result, Run, text};

use crate::source::rounding;
pub use part::{Part, Precision};
use progress::Progress;
use provenance::Provenance;

/// What a file of weights says of itself, besides where it comes from. Transformers reads none that does not say so.
const FORMAT: (&str, &str) = ("format", "pt");

/// How a model is saved.
pub struct Form {
    /// `diffusers`, `comfyui` or `mlx`.
    pub layout: String,
    pub precision: Precision,
    /// What a file of weights has at most, where no tensor alone has more and the layout has several.
    pub shard_bytes: u64,
}

/// Writes a folder of these parts, the diffusion model first, and gives its path.
///
/// # Errors
/// A name that no folder can have, a source that went away, numbers that the precision does not have, a full disk.
pub fn save(run: &Run, name: &str, form: &Form, parts: &[Part]) -> Result<String> {
    if name.trim().is_empty() {
        return Err(Error::invalid("the model has no name").help("give `name`: the new folder is called so"));
    }
    tell(run, parts)?;
    let progress = Progress::new(run, parts);
    let info = Provenance::new(&progress).info(parts, form)?;
    let metadata = Record::new().with(FORMAT.0, FORMAT.1).with("merge_info", info.to_string());
    let bytes = form.shard_bytes;
    run.write_folder(name, |folder| {
        match form.layout.as_str() {
            "mlx" => {
                parts.iter().try_for_each(|part| mlx::write(folder, part, form, &metadata, &progress))?;
                write_all(folder, copied::tokenizer(parts)?)?;
            }
            "comfyui" => {
                let file = format!("{}.safetensors", name.rsplit('/').next().unwrap_or(name));
                comfyui::write(folder, &file, parts, &metadata, &progress)?;
                write_all(folder, copied::tokenizer(parts)?)?;
            }
            _ => {
                parts.iter().try_for_each(|part| part.write(folder, bytes, &metadata, &progress))?;
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
    let row = |part: &Part| {
        let (count, bytes) = part.size();
        vec![part.folder.to_owned(), count.to_string(), text::bytes(bytes)]
    };
    run.report("saved parts", &["part", "tensors", "size"], &parts.iter().map(row).collect::<Vec<_>>())?;
    parts.iter().filter_map(rounded).for_each(|what| run.note(&what));
    // A tensor in float32 with its change, what it is mixed with, and the result.
    let at_once = parts.iter().map(Part::largest).max().unwrap_or(0) * 16;
    let free: i64 = run.info().get("free_memory")?;
    run.note(&format!("up to about {} of memory are used, {} are free", text::bytes(at_once), text::bytes(free)));
    Ok(())
}

/// What to say of a part whose numbers were rounded to a few bits before.
fn rounded(part: &Part) -> Option<String> {
    let (how, name) = (rounding(&part.weights)?, part.folder);
    let then = part.bits.map_or_else(String::new, |bits| format!(" and rounded again, to {bits} bits"));
    Some(format!("the {name} was {how} before: what that left of it is saved{then}"))
}

/// JSON as people read it.
fn pretty(value: &serde_json::Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
