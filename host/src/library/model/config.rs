//! What configurations say.

use std::path::Path;

use serde_json::{Map, Value};
use weft_formats::layout::Part;

/// Bytes of a configuration that is read.
const LARGEST: u64 = 1 << 20;

/// The JSON object in a file; an empty one where there is none.
pub fn read(path: &Path) -> Map<String, Value> {
    let small = || path.metadata().ok().filter(|metadata| metadata.len() <= LARGEST);
    let text = small().and_then(|_| std::fs::read_to_string(path).ok()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The `config.json` in a part's folder or beside its file, where it is one of this part.
pub fn beside(place: &Path, part: Part) -> Map<String, Value> {
    let folder = if place.is_dir() { place } else { place.parent().unwrap_or(place) };
    let config = read(&folder.join("config.json"));
    let says = |key: &str, value: &str| config.get(key).is_some_and(|found| found == value);
    let is_its = match part {
        Part::Diffusion => says("_class_name", "ZImageTransformer2DModel"),
        Part::TextEncoder => says("model_type", "qwen3"),
        Part::Vae => says("_class_name", "AutoencoderKL"),
    };
    if is_its { config } else { Map::new() }
}

/// What people look for in a configuration, by the names that it has there.
const TOLD: [&str; 19] = [
    "_class_name",
    "model_type",
    "dim",
    "n_layers",
    "n_refiner_layers",
    "n_heads",
    "cap_feat_dim",
    "in_channels",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "latent_channels",
    "block_out_channels",
    "layers_per_block",
    "scaling_factor",
    "shift_factor",
];

/// The most telling values, in one order for all files.
pub fn told(config: &Map<String, Value>) -> Vec<(&'static str, &Value)> {
    TOLD.into_iter().filter_map(|name| Some((name, config.get(name)?))).collect()
}
