//! What files of models, LoRAs and upscalers say of themselves, kept for those who draw it in every frame.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::lora::LoraFacts;
use super::model::{Kind, ModelFacts};
use super::upscaler;
use crate::error::Result;

/// The facts of a file, or why it cannot be read.
pub type Facts = Arc<Result<FileFacts>>;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub enum FileFacts {
    Lora(Box<LoraFacts>),
    /// The network in a few words.
    Upscaler(String),
    Model(Box<ModelFacts>),
}

impl FileFacts {
    /// Reads a header. A file below a folder `upscale_models` is to be an upscaler, one below `loras` a LoRA; any other is
    /// what its tensors say.
    fn read(path: &Path) -> Result<Self> {
        let is_below = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        if is_below("upscale_models") {
            return upscaler::about(path).map(Self::Upscaler);
        }
        if is_below("loras") && !path.is_dir() {
            return LoraFacts::read(path).map(|facts| Self::Lora(Box::new(facts)));
        }
        let facts = ModelFacts::read(path)?;
        match facts.kind {
            Kind::Lora => LoraFacts::read(path).map(|facts| Self::Lora(Box::new(facts))),
            Kind::Upscaler => upscaler::about(path).map(Self::Upscaler),
            _ => Ok(Self::Model(Box::new(facts))),
        }
    }

    /// Those of a LoRA.
    pub fn lora(&self) -> Option<&LoraFacts> {
        if let Self::Lora(facts) = self { Some(facts) } else { None }
    }

    /// Those of a model or a part of one.
    pub fn model(&self) -> Option<&ModelFacts> {
        if let Self::Model(facts) = self { Some(facts) } else { None }
    }
}

/// Facts by file. Each is read once, and again where the file has changed since the last [`Cache::forget`].
#[derive(Debug, Default)]
pub struct Cache {
    files: Mutex<HashMap<PathBuf, Known>>,
}

#[derive(Debug)]
struct Known {
    stamp: Option<Stamp>,
    /// Whether the stamp was compared since the last [`Cache::forget`].
    is_fresh: bool,
    facts: Facts,
}

/// Bytes and time of change.
type Stamp = (u64, Option<SystemTime>);

impl Cache {
    pub fn facts(&self, path: &Path) -> Facts {
        if let Some(known) = self.files().get(path).filter(|known| known.is_fresh) {
            return Arc::clone(&known.facts);
        }
        let stamp = path.metadata().ok().map(|metadata| stamp(&metadata));
        if let Some(known) = self.files().get_mut(path).filter(|known| known.stamp == stamp && stamp.is_some()) {
            known.is_fresh = true;
            return Arc::clone(&known.facts);
        }
        let facts = Arc::new(FileFacts::read(path));
        self.files().insert(path.to_owned(), Known { stamp, is_fresh: true, facts: Arc::clone(&facts) });
        facts
    }

    /// Files are looked at again.
    pub fn forget(&self) {
        self.files().values_mut().for_each(|known| known.is_fresh = false);
    }

    /// Whole at any time, also when a thread that held it panicked.
    fn files(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.modified().ok())
}
