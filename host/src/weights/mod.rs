//! Named tensors, left in their files until they are used.

mod open;
mod safetensors;
mod wrong_file;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use mlx_rs::Array;
use plugin_api::{Dtype, Error, Result};

use crate::table::{self, mlx};
use safetensors::Tensors;

pub use open::open;

/// Named tensors of one model part, in order of their names. Immutable and cheap to clone.
#[derive(Debug, Clone)]
pub struct Weights {
    entries: Rc<Vec<Entry>>,
    /// What tensors are converted to when they are read.
    dtype: Option<Dtype>,
    /// The matrices that [`Weights::linear`] read so far; shared by the clones.
    loaded: Rc<RefCell<HashMap<String, Array>>>,
}

/// One tensor and where its numbers lie.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub shape: Vec<i32>,
    /// None for a type that tensors cannot have (float8, say).
    pub dtype: Option<Dtype>,
    file: Rc<Tensors>,
    start: u64,
    bytes: usize,
}

impl Weights {
    fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Self { entries: Rc::new(entries), dtype: None, loaded: Rc::default() }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok().map(|index| &self.entries[index])
    }

    /// The type that a tensor has once it is read.
    pub fn dtype_of(&self, entry: &Entry) -> Option<Dtype> {
        let is_float = matches!(entry.dtype, Some(Dtype::Float32 | Dtype::Float16 | Dtype::Bfloat16));
        if is_float { self.dtype.or(entry.dtype) } else { entry.dtype }
    }

    /// Only the tensors whose names begin with `from`, and that beginning replaced by `to`.
    pub fn select(&self, from: &str, to: &str) -> Self {
        let renamed = |entry: &Entry| {
            let rest = entry.name.strip_prefix(from)?;
            Some(Entry { name: format!("{to}{rest}"), ..entry.clone() })
        };
        Self { dtype: self.dtype, ..Self::new(self.entries.iter().filter_map(renamed).collect()) }
    }

    /// The same tensors, floating-point ones converted to `dtype` when they are read.
    pub fn cast(&self, dtype: Dtype) -> Self {
        Self { entries: Rc::clone(&self.entries), dtype: Some(dtype), loaded: Rc::default() }
    }

    /// A tensor, read now. Whoever asks keeps it; a second call reads it again.
    ///
    /// # Errors
    /// No such name, a type that cannot be read, a file that changed or went away, cancellation.
    pub fn tensor(&self, name: &str) -> Result<Array> {
        let entry = self.find(name).ok_or_else(|| self.missing(name))?;
        table::run::loading(entry.bytes)?;
        self.read(entry)
    }

    /// A tensor that stays in memory as long as the weights.
    fn kept(&self, name: &str) -> Result<Array> {
        if let Some(array) = self.loaded.borrow().get(name) {
            return Ok(array.clone());
        }
        let array = self.tensor(name)?;
        self.loaded.borrow_mut().insert(name.to_owned(), array.clone());
        Ok(array)
    }

    /// `x · Wᵀ + b`.
    ///
    /// # Errors
    /// As [`Weights::tensor`], and shapes that do not fit.
    pub fn linear(&self, name: &str, x: &Array) -> Result<Array> {
        let weight = self.kept(&format!("{name}.weight"))?;
        let transposed = mlx_rs::ops::transpose(&weight).map_err(mlx::mlx_error)?;
        let bias = format!("{name}.bias");
        let product = match self.find(&bias) {
            Some(_) => mlx_rs::ops::addmm(self.kept(&bias)?, x, &transposed, None, None),
            None => mlx_rs::ops::matmul(x, &transposed),
        };
        product.map_err(|error| {
            let what = format!("`{name}` {:?} does not fit an input of the shape {:?}", weight.shape(), x.shape());
            Error::file(what).help(mlx::mlx_error(error).message)
        })
    }

    /// Gives back what [`Weights::linear`] read; a further use reads it again.
    pub fn forget(&self) {
        self.loaded.borrow_mut().clear();
    }

    /// Bytes of all tensors in the files.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    fn read(&self, entry: &Entry) -> Result<Array> {
        let dtype = entry.dtype.ok_or_else(|| {
            let what =
                format!("the tensor `{}` of {} has a number type that Weft does not read", entry.name, entry.file);
            Error::file(what).help("use a file with float32, bfloat16 or float16 weights")
        })?;
        let data = entry.file.read(entry.start, entry.bytes)?;
        let array = mlx::from_bytes(dtype, &entry.shape, &data)?;
        drop(data);
        match self.dtype_of(entry) {
            Some(wanted) if wanted != dtype => {
                let converted = array.as_dtype(mlx::mlx_dtype(wanted)).map_err(mlx::mlx_error)?;
                // Now, so that never more than one tensor is there twice.
                converted.eval().map_err(mlx::mlx_error)?;
                Ok(converted)
            }
            _ => Ok(array),
        }
    }

    fn missing(&self, name: &str) -> Error {
        let names = self.entries.iter().map(|entry| entry.name.as_str());
        let file = self.entries.first().map_or_else(|| "the weights".to_owned(), |entry| entry.file.to_string());
        let error = Error::file(format!("the tensor `{name}` is missing in {file}"));
        match crate::text::nearest(name, names) {
            Some(near) => error.help(format!("it has `{near}`; the file may be of another model or incomplete")),
            None => error.help("the file may be of another model or incomplete"),
        }
    }
}
