//! Where the numbers of a saved model come from: files with their hashes, LoRAs and merges with their weights.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use plugin_api::{Error, FromValue, Record, Result, Tag, Value};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::Form;
use super::part::Part;
use super::progress::Progress;
use crate::source::rounding;

/// Folders and file of a path that are told: the rest is nobody's business.
const TOLD: usize = 3;
const BLOCK: usize = 1 << 20;

/// Tells of models, and hashes each of their files once.
pub struct Provenance<'a> {
    progress: &'a Progress<'a>,
    hashes: RefCell<BTreeMap<String, (u64, String)>>,
}

impl<'a> Provenance<'a> {
    pub fn new(progress: &'a Progress<'a>) -> Self {
        Self { progress, hashes: RefCell::default() }
    }

    /// What merge_info.json says.
    ///
    /// # Errors
    /// A source that cannot be read any more, cancellation.
    pub fn info(&self, parts: &[Part], form: &Form) -> Result<Json> {
        let mut told = Map::new();
        for part in parts {
            let mut of_part = Map::new();
            let history = part.weights.history().iter().map(|entry| self.told(entry)).collect::<Result<Vec<_>>>()?;
            of_part.insert("history".to_owned(), history.into());
            if let Some(how) = rounding(&part.weights) {
                of_part.insert("source_rounding".to_owned(), how.into());
            }
            told.insert(part.folder.to_owned(), of_part.into());
        }
        let version = env!("CARGO_PKG_VERSION");
        Ok(json!({ "weft": version, "layout": form.layout, "precision": form.precision.name, "parts": told }))
    }

    fn told(&self, value: &Value) -> Result<Json> {
        Ok(match value.tag() {
            Tag::Bool => bool::from_value(value).into(),
            Tag::Int => i64::from_value(value).into(),
            Tag::Float => f64::from_value(value).into(),
            Tag::Text => String::from_value(value).into(),
            Tag::List => {
                let items = Vec::<Value>::from_value(value).unwrap_or_default();
                items.iter().map(|item| self.told(item)).collect::<Result<Vec<_>>>()?.into()
            }
            Tag::Record => self.entry(&Record::from_value(value).unwrap_or_default())?,
            _ => Json::Null,
        })
    }

    fn entry(&self, record: &Record) -> Result<Json> {
        let mut entry = Map::new();
        for key in record.keys() {
            entry.insert(key.clone(), self.told(&record.get::<Value>(&key)?)?);
        }
        if let Ok(Some(path)) = record.find::<String>("file") {
            let (bytes, hash) = self.hash(&path)?;
            entry.insert("file".to_owned(), short(&path).into());
            entry.insert("bytes".to_owned(), bytes.into());
            entry.insert("sha256".to_owned(), hash.into());
        }
        Ok(entry.into())
    }

    fn hash(&self, path: &str) -> Result<(u64, String)> {
        if let Some(known) = self.hashes.borrow().get(path) {
            return Ok(known.clone());
        }
        let unreadable = |error: std::io::Error| Error::file(format!("{path} cannot be read again: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        let (mut hash, mut block, mut bytes) = (Sha256::new(), vec![0; BLOCK], 0);
        loop {
            let count = file.read(&mut block).map_err(unreadable)?;
            if count == 0 {
                break;
            }
            hash.update(&block[..count]);
            bytes += count as u64;
            self.progress.add(count as u64)?;
        }
        let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.hashes.borrow_mut().insert(path.to_owned(), (bytes, hash));
        Ok(self.hashes.borrow()[path].clone())
    }
}

/// The end of a path.
fn short(path: &str) -> String {
    let parts: Vec<_> = Path::new(path).components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts[parts.len().saturating_sub(TOLD)..].join("/")
}

/// Bytes of all files that will be hashed.
pub fn bytes(parts: &[Part]) -> u64 {
    let mut files = BTreeMap::new();
    parts.iter().flat_map(|part| part.weights.history()).for_each(|entry| collect(&entry, &mut files));
    files.into_values().sum()
}

fn collect(value: &Value, files: &mut BTreeMap<String, u64>) {
    if let Some(items) = Vec::<Value>::from_value(value) {
        items.iter().for_each(|item| collect(item, files));
    }
    let Some(record) = Record::from_value(value) else { return };
    if let Ok(Some(path)) = record.find::<String>("file") {
        let bytes = Path::new(&path).metadata().map_or(0, |metadata| metadata.len());
        files.insert(path, bytes);
    }
    record.keys().iter().filter_map(|key| record.find::<Value>(key).ok()?).for_each(|item| collect(&item, files));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_end_alone() {
        assert_eq!(short("/home/me/models/fox/transformer/x.safetensors"), "fox/transformer/x.safetensors");
        assert_eq!(short("x.safetensors"), "x.safetensors");
    }
}
