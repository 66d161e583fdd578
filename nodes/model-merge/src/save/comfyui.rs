//! ComfyUI's layout: all parts in one file below prefixes, or one part alone under its bare names.

use plugin_api::{NewFolder, Record, Result, Role, Tensor, TensorInfo};
use serde_json::{Map, Value};
use weft_formats::layout;

use super::part::Part;
use super::progress::Progress;
use super::shards;
use crate::source::headers;

/// A tensor of the file, and the rows that it is made of.
struct Joined<'a> {
    part: &'a Part,
    info: TensorInfo,
    of: Vec<String>,
}

/// Writes `file` with these parts. Its metadata also have their configurations, which Weft reads back.
///
/// # Errors
/// As [`Part::write`].
pub fn write(folder: &NewFolder, file: &str, parts: &[Part], metadata: &Record, progress: &Progress<'_>) -> Result<()> {
    let config: Map<String, Value> =
        parts.iter().map(|part| (part.folder.to_owned(), Value::Object(part.config()))).collect();
    let metadata = metadata.with("config", Value::Object(config).to_string());
    let joined: Vec<Joined<'_>> = parts.iter().flat_map(|part| join(part, parts.len() > 1)).collect();
    let infos: Vec<TensorInfo> = joined.iter().map(|joined| joined.info.clone()).collect();
    folder.write_tensors(file, &metadata, &infos, |index| {
        progress.add(shards::bytes(&infos[index]))?;
        joined[index].tensor()
    })
}

fn join(part: &Part, is_one_of_several: bool) -> impl Iterator<Item = Joined<'_>> {
    let kind = match part.role {
        Role::TextEncoder => layout::Part::TextEncoder,
        Role::Vae => layout::Part::Vae,
        _ => layout::Part::Diffusion,
    };
    let prefix = if is_one_of_several { kind.prefix() } else { "" };
    layout::write(kind, &headers(&part.tensors)).into_iter().map(move |joined| {
        let dtype = part.tensors.iter().find(|info| Some(&info.name) == joined.of.first()).and_then(|info| info.dtype);
        let shape = joined.shape.iter().map(|&side| side as i32).collect();
        let info = TensorInfo { name: format!("{prefix}{}", joined.name), dtype, shape, stored: String::new() };
        Joined { part, info, of: joined.of }
    })
}

impl Joined<'_> {
    fn tensor(&self) -> Result<Tensor> {
        let rows: Vec<Tensor> =
            self.of.iter().map(|name| self.part.tensor(name, self.info.dtype)).collect::<Result<_>>()?;
        let whole = if rows.len() == 1 { rows[0].clone() } else { Tensor::concatenate(&rows, 0) };
        Ok(whole.reshape(&self.info.shape))
    }
}
