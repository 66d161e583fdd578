//! The small files of a diffusers folder: model_index.json, scheduler and tokenizer. Taken from beside the model where they
//! are there, else made.

use std::path::{Path, PathBuf};

use plugin_api::{Error, Record, Result};
use serde_json::{Map, Value, json};

use super::part::Part;
use super::pretty;

const INDEX: &str = "model_index.json";
const SCHEDULER: &str = "scheduler/scheduler_config.json";
/// What a tokenizer may consist of. Its folder can be the text encoder's, so not everything in it belongs to it.
const TOKENIZER: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
];

/// A file of the new folder: its path in it, and what it will hold.
type File = (String, Vec<u8>);

/// What says how the parts work together: model_index.json and the scheduler's configuration.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn pipeline(parts: &[Part]) -> Result<Vec<File>> {
    let source = source(parts);
    let index = pretty(&model_index(parts, source.as_deref()));
    let scheduler = source.map(|folder| folder.join(SCHEDULER)).filter(|path| path.is_file());
    let scheduler = scheduler.map_or_else(|| Ok(pretty(&default_scheduler())), |path| read(&path))?;
    Ok(vec![(INDEX.to_owned(), index), (SCHEDULER.to_owned(), scheduler)])
}

/// The tokenizer of the text encoder, where there is one.
///
/// # Errors
/// As [`pipeline`].
pub fn tokenizer(parts: &[Part]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for folder in parts.iter().filter_map(Part::tokenizer).map(Path::new) {
        for name in TOKENIZER.into_iter().filter(|name| folder.join(name).is_file()) {
            files.push((format!("tokenizer/{name}"), read(&folder.join(name))?));
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::file(format!("{} cannot be read: {error}", path.display())))
}

/// The diffusers folder that the diffusion model was loaded from.
fn source(parts: &[Part]) -> Option<PathBuf> {
    let first = parts.first()?.weights.history().into_iter().next()?;
    let file: String = Record::new().with("entry", first).get::<Record>("entry").ok()?.get("file").ok()?;
    let folder = Path::new(&file).parent()?.parent()?;
    folder.join(INDEX).is_file().then(|| folder.to_owned())
}

/// What the source says of these parts; a part that is not saved is none there.
fn model_index(parts: &[Part], source: Option<&Path>) -> Value {
    let known = source.and_then(|folder| serde_json::from_slice(&std::fs::read(folder.join(INDEX)).ok()?).ok());
    let mut index: Map<String, Value> = known.unwrap_or_else(|| {
        let made = json!({
            "_class_name": "ZImagePipeline",
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "tokenizer": ["transformers", "Qwen2Tokenizer"],
        });
        made.as_object().cloned().unwrap_or_default()
    });
    let mut say = |name: &str, is_there: bool, class: [&str; 2]| {
        let entry = index.entry(name).or_insert(json!(null));
        let is_told = matches!(entry.as_array().map(Vec::as_slice), Some([Value::String(_), Value::String(_)]));
        match (is_there, is_told) {
            (true, false) => *entry = json!(class),
            (false, _) => *entry = json!([null, null]),
            (true, true) => {}
        }
    };
    for name in ["transformer", "text_encoder", "vae"] {
        let part = parts.iter().find(|part| part.folder == name);
        say(name, part.is_some(), part.map_or(["", ""], Part::class));
    }
    say("tokenizer", parts.iter().any(|part| part.tokenizer().is_some()), ["transformers", "Qwen2Tokenizer"]);
    Value::Object(index)
}

/// Z-Image's.
fn default_scheduler() -> Value {
    json!({
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": 1000,
        "shift": 3.0,
        "use_dynamic_shifting": false,
    })
}
