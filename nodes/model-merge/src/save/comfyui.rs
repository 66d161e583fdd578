//! ComfyUI's layout: all parts in one file below prefixes, or one part alone under its bare names.

use plugin_api::{NewFolder, Record, Result, TensorInfo};
use serde_json::{Map, Value};
use weft_formats::layout;

use super::joined::{Joined, join};
use super::part::Part;
use super::progress::Progress;
use super::shards;
use crate::source::headers;

/// Writes `file` with these parts. Its metadata also have their configurations, which Weft reads back.
///
/// # Errors
/// As [`Part::write`].
pub fn write(folder: &NewFolder, file: &str, parts: &[Part], metadata: &Record, progress: &Progress<'_>) -> Result<()> {
    let config: Map<String, Value> =
        parts.iter().map(|part| (part.folder.to_owned(), Value::Object(part.config()))).collect();
    let metadata = metadata.with("config", Value::Object(config).to_string());
    let of_part = |part| tensors(part, parts.len() > 1);
    let joined: Vec<Joined<'_>> = parts.iter().flat_map(of_part).collect();
    let infos: Vec<TensorInfo> = joined.iter().map(|joined| joined.info.clone()).collect();
    folder.write_tensors(file, &metadata, &infos, |index| {
        progress.add(shards::bytes(&infos[index]))?;
        joined[index].tensor()
    })
}

fn tensors(part: &Part, is_one_of_several: bool) -> Vec<Joined<'_>> {
    let prefix = if is_one_of_several { part.kind().prefix() } else { "" };
    join(part, layout::write(part.kind(), &headers(&part.tensors)), prefix)
}
