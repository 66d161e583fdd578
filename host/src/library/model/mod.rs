//! What a model is: its parts by the names and shapes of their tensors, their numbers, what is missing, the memory that it needs.
//! Headers alone are read.

mod config;
mod kind;
mod memory;
mod part;
mod place;

use std::path::{Path, PathBuf};

use weft_formats::layout::Part;

use crate::error::Result;

pub use config::told;
pub use kind::Kind;
pub use memory::{BITS, Memory};
pub use part::{PartFacts, dtype};
pub use place::{WEIGHTS, is_one_thing};

pub use crate::walk::in_cache;

/// What lists and panels show of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFacts {
    pub kind: Kind,
    /// How its files lie: "diffusers folder", "one file, GGUF".
    pub layout: String,
    /// How its numbers are stored: "bf16", "Q4_K + f32", "mixed: …".
    pub dtype: String,
    pub parts: Vec<PartFacts>,
    /// What a model of this kind has and this one lacks.
    pub missing: Vec<String>,
    /// Why it cannot be used, or not as one might think: one sentence.
    pub problem: Option<String>,
    pub memory: Memory,
}

impl ModelFacts {
    /// Reads the headers of a file, or of all files of a folder that is one thing.
    ///
    /// # Errors
    /// A file that is missing or bad; the message says what it is instead.
    pub fn read(path: &Path) -> Result<Self> {
        kind::read(&in_cache(path))
    }

    fn of(kind: Kind, layout: String, parts: Vec<PartFacts>) -> Self {
        let dtypes = parts.iter().flat_map(|part| part.dtypes.iter().cloned());
        let memory = parts.iter().fold(Memory::default(), |all, part| all + part.memory);
        let (missing, problem) = (Vec::new(), parts.iter().find_map(|part| part.problem.clone()));
        Self { kind, layout, dtype: part::dtype(dtypes), parts, missing, problem, memory }
    }

    pub fn tensors(&self) -> usize {
        self.parts.iter().map(|part| part.tensors).sum()
    }

    /// Numbers of all tensors, unpacked.
    pub fn parameters(&self) -> u64 {
        self.parts.iter().map(|part| part.parameters).sum()
    }

    fn has(&self, role: Part) -> bool {
        self.parts.iter().any(|part| part.role == Some(role))
    }

    /// The files of weights, each once.
    pub fn files(&self) -> Vec<&PathBuf> {
        let mut files: Vec<&PathBuf> = self.parts.iter().flat_map(|part| &part.files).collect();
        files.sort();
        files.dedup();
        files
    }
}
