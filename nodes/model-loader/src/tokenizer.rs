//! The tokenizer of a text encoder that is a single file: such a file has none, so one that fits is looked for.

use std::path::{Path, PathBuf};

use plugin_api::{Error, FromValue, Result, Run, Value};
use serde_json::Value as Json;

use crate::folder::is_tokenizer;

/// Rows of the embeddings that may be there without a token: sizes are rounded up. Of few rows, at most an eighth.
const SPARE: u64 = 512;
/// Bytes of the largest file that is read.
const LARGEST: u64 = 64 << 20;
/// Folders of models in which diffusers folders lie.
const FOLDERS: [&str; 4] = ["", "checkpoints", "diffusion_models", "text_encoders"];

/// The folder of a tokenizer with as many tokens as the embeddings have rows: beside the file, below `models/tokenizers`, or
/// in a diffusers folder.
pub fn find(run: &Run, file: &Path, rows: u64) -> Result<PathBuf> {
    let roots = run.info().find::<Vec<Value>>("models")?.unwrap_or_default();
    let roots: Vec<PathBuf> = roots.iter().filter_map(String::from_value).map(PathBuf::from).collect();
    let fits = |folder: &PathBuf| {
        is_tokenizer(folder)
            && tokens(folder).is_some_and(|tokens| tokens <= rows && rows - tokens < SPARE.min(rows / 8))
    };
    places(file, &roots).into_iter().find(fits).ok_or_else(|| {
        let root = roots.first().map_or_else(|| "models".to_owned(), |root| root.display().to_string());
        let what = format!("no tokenizer fits the text encoder {}, whose vocabulary has {rows} rows", file.display());
        Error::file(what).help(format!(
            "put the files of the model's `tokenizer` folder (tokenizer.json, or vocab.json, merges.txt and \
             tokenizer_config.json; for Z-Image those of Qwen3-4B) into {root}/tokenizers/qwen3"
        ))
    })
}

fn places(file: &Path, roots: &[PathBuf]) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(file);
    let above = folder.parent().unwrap_or(folder);
    let mut places = vec![folder.join("tokenizer"), folder.to_owned(), above.join("tokenizer")];
    for root in roots {
        places.push(root.join("tokenizers"));
        places.extend(folders(&root.join("tokenizers")));
    }
    let models = roots.iter().flat_map(|root| FOLDERS.iter().flat_map(|name| folders(&root.join(name))));
    places.extend(models.map(|model| model.join("tokenizer")));
    places
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// How many tokens a tokenizer has: one more than the highest number of any.
fn tokens(folder: &Path) -> Option<u64> {
    let highest = |numbers: &mut dyn Iterator<Item = Option<u64>>| numbers.flatten().max();
    let values = |words: Option<&Json>| {
        words.and_then(Json::as_object).and_then(|words| highest(&mut words.values().map(Json::as_u64)))
    };
    let (words, added) = match read(&folder.join("tokenizer.json")) {
        Some(whole) => {
            let added = whole["added_tokens"]
                .as_array()
                .and_then(|all| highest(&mut all.iter().map(|token| token["id"].as_u64())));
            (values(whole["model"].get("vocab")), added)
        }
        None if !folder.join("merges.txt").is_file() => return None,
        None => {
            let settings = read(&folder.join("tokenizer_config.json")).unwrap_or_default();
            let added = settings["added_tokens_decoder"].as_object();
            let added = added.and_then(|added| highest(&mut added.keys().map(|id| id.parse().ok())));
            (values(read(&folder.join("vocab.json")).as_ref()), added)
        }
    };
    words.max(added).map(|last| last + 1)
}

fn read(path: &Path) -> Option<Json> {
    let size = path.metadata().ok()?.len();
    let text = (size <= LARGEST).then(|| std::fs::read_to_string(path).ok())?;
    serde_json::from_str(&text?).ok()
}
