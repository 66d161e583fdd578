//! A folder as mflux writes it: a folder for each part, files named by numbers with an index, matrices packed where that is
//! asked. `config.json`, which mflux does not need, is there for Weft.

use std::collections::BTreeMap;

use plugin_api::{NewFolder, Record, Result, Tensor, TensorInfo};
use serde_json::{Value, json};
use weft_formats::layout;

use super::joined::{Joined, join};
use super::packed::{self, GROUP, Packer};
use super::part::Part;
use super::progress::Progress;
use super::{Form, pretty, shards};
use crate::source::headers;

/// What mflux looks for to tell its own files, in their metadata and in the index.
const LEVEL: &str = "quantization_level";

/// The tensors of a part's files.
struct Tensors<'a> {
    /// As they are once they are not packed, each with what it is in the files.
    joined: Vec<(Joined<'a>, Vec<TensorInfo>)>,
    /// Where in `joined` a tensor of the files is made.
    places: BTreeMap<String, usize>,
    packer: Option<Packer>,
}

/// Writes the folder of a part.
///
/// # Errors
/// As [`Part::write`].
pub fn write(folder: &NewFolder, part: &Part, form: &Form, metadata: &Record, progress: &Progress<'_>) -> Result<()> {
    // mflux asks the first file for the bits of all parts, so a part that is not packed says them too.
    let level = form.precision.bits.map_or_else(|| "None".to_owned(), |bits| bits.to_string());
    let metadata = metadata.with("format", "mlx").with(LEVEL, level.as_str());
    let tensors = Tensors::of(part);
    let shards = shards::cut(tensors.infos(), form.shard_bytes);
    let place = |file: &str| format!("{}/{file}", part.folder);
    folder.write(&place("config.json"), &pretty(&config(part)))?;
    let files: Vec<String> = (0..shards.len()).map(|number| format!("{number}.safetensors")).collect();
    for (file, shard) in files.iter().zip(&shards) {
        tensors.write(folder, &place(file), shard, &metadata, progress)?;
    }
    let mut index = shards::index(&files, &shards);
    index["metadata"][LEVEL] = level.into();
    folder.write(&place("model.safetensors.index.json"), &pretty(&index))
}

/// What MLX's programs expect to be told of packed matrices stands with the rest.
fn config(part: &Part) -> Value {
    let mut config = Value::Object(part.config());
    if let Some(bits) = part.bits {
        config["quantization"] = json!({ "group_size": GROUP, "bits": bits });
    }
    config
}

impl<'a> Tensors<'a> {
    fn of(part: &'a Part) -> Self {
        let joined = join(part, layout::write_mlx(part.kind(), &headers(&part.tensors)), "");
        let planned = |joined: Joined<'a>| {
            let planned = packed::planned(&joined.info, part.bits);
            (joined, planned)
        };
        let joined: Vec<_> = joined.into_iter().map(planned).collect();
        let places = joined.iter().enumerate();
        let places =
            places.flat_map(|(place, (_, planned))| planned.iter().map(move |info| (info.name.clone(), place)));
        Self { places: places.collect(), joined, packer: part.bits.map(Packer::new) }
    }

    fn infos(&self) -> Vec<TensorInfo> {
        self.joined.iter().flat_map(|(_, planned)| planned.clone()).collect()
    }

    fn write(
        &self,
        folder: &NewFolder,
        file: &str,
        shard: &[TensorInfo],
        metadata: &Record,
        progress: &Progress<'_>,
    ) -> Result<()> {
        folder.write_tensors(file, metadata, shard, |index| {
            progress.add(shards::bytes(&shard[index]))?;
            self.tensor(&shard[index].name)
        })
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        let (joined, planned) = &self.joined[self.places[name]];
        match &self.packer {
            Some(packer) if planned.len() > 1 => packer.tensor(name, joined),
            _ => joined.tensor(),
        }
    }
}
