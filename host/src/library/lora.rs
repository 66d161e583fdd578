//! LoRA files: what their header says, and what they would change in a Z-Image.

use std::path::{Path, PathBuf};

use weft_formats::lora::{self, Fit, Metadata, Targets};
use weft_formats::{Dtype, Tensor, float};

use crate::error::{Code, Error, Result};
use crate::weights::{self, Weights};

pub use weft_formats::lora::{About, Summary};

/// An open LoRA. Its header is known, its numbers stay in the file.
#[derive(Debug)]
pub struct LoraFile {
    pub path: PathBuf,
    /// In the order of their names.
    pub tensors: Vec<Tensor>,
    pub metadata: Metadata,
    weights: Weights,
}

impl LoraFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// A file that is missing or bad; the message says what it is instead.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let error = Error::new(Code::File, format!("{} is a folder, not a LoRA", path.display()));
            return Err(error.help("give a .safetensors file"));
        }
        let weights = weights::open(path)?;
        Ok(Self { path: path.to_owned(), tensors: tensors(&weights), metadata: weights.metadata(), weights })
    }

    /// The fate of its keys in a Z-Image of any size.
    pub fn fit(&self) -> Fit {
        self.fit_to(&Targets::of_any_z_image(&self.tensors))
    }

    pub fn fit_to(&self, targets: &Targets) -> Fit {
        lora::fit(&self.tensors, &self.metadata, targets)
    }

    /// A tensor's bytes as they stand in the file.
    ///
    /// # Errors
    /// The file changed or went away.
    pub fn bytes_of(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.weights.bytes_of(name)?)
    }

    /// Every alpha, those of the metadata and those of tensors.
    fn alphas(&self, summary: &Summary) -> Result<Vec<f64>> {
        let mut alphas = summary.alphas.clone();
        for name in &summary.alpha_tensors {
            let found = self.tensors.binary_search_by(|tensor| tensor.name.cmp(name));
            let dtype = found.map_or(Dtype::Other, |index| self.tensors[index].dtype);
            alphas.push(float::read(dtype, &self.bytes_of(name)?));
        }
        alphas.sort_by(f64::total_cmp);
        alphas.dedup();
        Ok(alphas)
    }
}

/// What lists and rows show of a LoRA.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraFacts {
    /// What its metadata say: title, trigger words, recommended weight, base model.
    pub about: About,
    /// What its tensors say: kinds, layout, ranks, what they change.
    pub summary: Summary,
    /// Every alpha that it has, once, in order.
    pub alphas: Vec<f64>,
    /// One sentence where something in it fits no Z-Image.
    pub problem: Option<String>,
}

impl LoraFacts {
    /// Reads the header of a file, and its alphas.
    ///
    /// # Errors
    /// A file that is missing or bad; the message says what it is instead.
    pub fn read(path: &Path) -> Result<Self> {
        let file = LoraFile::open(path)?;
        Self::of(&file, &file.fit())
    }

    /// Those of an open file.
    ///
    /// # Errors
    /// The file changed or went away.
    pub fn of(file: &LoraFile, fit: &Fit) -> Result<Self> {
        let summary = lora::summary(&file.tensors, fit);
        let (about, alphas) = (lora::about(&file.metadata), file.alphas(&summary)?);
        Ok(Self { about, summary, alphas, problem: fit.problem() })
    }
}

/// What a header says of the tensors of weights.
pub fn tensors(weights: &Weights) -> Vec<Tensor> {
    let tensor = |entry: &weights::Entry| Tensor {
        name: entry.name.clone(),
        dtype: Dtype::named(&entry.stored),
        shape: entry.shape.iter().map(|&side| side as usize).collect(),
    };
    weights.entries().iter().map(tensor).collect()
}
