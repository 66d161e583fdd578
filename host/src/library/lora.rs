//! LoRA files: what their header says, and what they would change in a Z-Image.

use std::path::Path;

use crate::error::Result;
use crate::weights;

/// What the metadata of a file say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    pub title: Option<String>,
    pub trigger_words: Vec<String>,
    /// The weight that its author recommends.
    pub weight: Option<f64>,
    pub base_model: Option<String>,
}

/// What lists and rows show of a LoRA.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraFacts {
    pub about: About,
    /// One sentence where something in it fits no Z-Image.
    pub problem: Option<String>,
}

impl LoraFacts {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// A file that is missing or bad; the message says what it is instead.
    pub fn read(path: &Path) -> Result<Self> {
        weights::open(path)?;
        Ok(Self { about: About::default(), problem: None })
    }
}
