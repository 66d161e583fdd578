//! Named tensors, left in their files until they are used.

mod about;
mod coding;
mod dtype;
mod entry;
mod file;
mod gguf;
mod matrix;
mod open;
mod patch;
mod pth;
mod quantized;
mod safetensors;
#[cfg(test)]
mod tests;
mod wide;
mod wrong_file;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use mlx_rs::Array;
use plugin_api::{Dtype, Error, Result, View};
use weft_formats::lora::Metadata;

use crate::table::{self, Value, cpu, mlx};
use coding::{Affine, Coding};
use matrix::Matrix;

pub use entry::Entry;
pub use matrix::quantize;
pub use open::open;
pub use patch::{Change, Patch};

/// Named tensors of one model part, in order of their names. Immutable and cheap to clone.
#[derive(Debug, Clone)]
pub struct Weights {
    entries: Rc<Vec<Entry>>,
    /// What tensors are converted to when they are read.
    dtype: Option<Dtype>,
    /// To how many bits matrices are rounded when they are read.
    pub bits: Option<i32>,
    /// The tensors that [`Weights::linear`] read so far, as the files have them; shared by the clones, and by weights that
    /// differ in their patches alone.
    loaded: Loaded,
    /// Changes by tensor, in order.
    patches: Rc<BTreeMap<String, Vec<Rc<Patch>>>>,
    /// What [`Weights::linear`] made of tensors that are changed; shared by the clones.
    changed: Loaded,
    /// What was told of the changes, in order, for those who save the tensors.
    history: Rc<Vec<Value>>,
}

type Loaded = Rc<RefCell<HashMap<String, Matrix>>>;

impl Weights {
    fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            entries: Rc::new(entries),
            dtype: None,
            bits: None,
            loaded: Rc::default(),
            patches: Rc::default(),
            changed: Rc::default(),
            history: Rc::default(),
        }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok().map(|index| &self.entries[index])
    }

    /// What the file says of itself; of several files, the first.
    pub fn metadata(&self) -> Metadata {
        self.entries.first().map(|entry| entry.file.metadata.clone()).unwrap_or_default()
    }

    /// The type that a tensor has once it is read.
    pub fn dtype_of(&self, entry: &Entry) -> Option<Dtype> {
        let is_float = matches!(entry.dtype, Some(Dtype::Float32 | Dtype::Float16 | Dtype::Bfloat16));
        if is_float { self.dtype.or(entry.dtype) } else { entry.dtype }
    }

    /// Only the tensors whose names begin with `from`, and that beginning replaced by `to`.
    pub fn select(&self, from: &str, to: &str) -> Self {
        let renamed = |name: &str| Some(format!("{to}{}", name.strip_prefix(from)?));
        let entries =
            self.entries.iter().filter_map(|entry| Some(Entry { name: renamed(&entry.name)?, ..entry.clone() }));
        let patches = self.patches.iter().filter_map(|(name, patches)| Some((renamed(name)?, patches.clone())));
        let patches = Rc::new(patches.collect());
        let history = Rc::clone(&self.history);
        Self { dtype: self.dtype, bits: self.bits, patches, history, ..Self::new(entries.collect()) }
    }

    /// The tensors of `views` and no others.
    ///
    /// # Errors
    /// A view whose rows or shape do not fit its tensor, or one of a tensor that is changed.
    pub fn views(&self, views: impl Iterator<Item = View>) -> Result<Self> {
        let entry = |view: View| {
            let whole = self.find(&view.of).ok_or_else(|| self.missing(&view.of))?;
            match self.patches.contains_key(&view.of) {
                true => Err(Error::invalid(format!("`{}` is changed, and a changed tensor has no parts", view.of))),
                false => whole.rows(view),
            }
        };
        let entries = views.map(entry).collect::<Result<_>>()?;
        let history = Rc::clone(&self.history);
        Ok(Self { dtype: self.dtype, bits: self.bits, history, ..Self::new(entries) })
    }

    /// The same tensors, one with its axes in another order.
    ///
    /// # Errors
    /// There is no such tensor, other axes than it has, or one that is changed or packed.
    pub fn transpose(&self, name: &str, axes: &[i32]) -> Result<Self> {
        let entry = self.find(name).ok_or_else(|| self.missing(name))?;
        if self.patches.contains_key(name) {
            return Err(Error::invalid(format!("`{name}` is changed, and the axes of a changed tensor stay")));
        }
        let turned = entry.transpose(axes)?;
        let entries = self.entries.iter().map(|entry| if entry.name == name { &turned } else { entry }.clone());
        Ok(Self { entries: Rc::new(entries.collect()), ..self.unread() })
    }

    /// The same tensors, floating-point ones converted to `dtype` when they are read.
    pub fn cast(&self, dtype: Dtype) -> Self {
        Self { dtype: Some(dtype), ..self.unread() }
    }

    /// The same tensors, matrices (`….weight` of two axes) rounded to `bits` when they are read, and kept packed where only
    /// [`Weights::linear`] uses them.
    pub fn quantize(&self, bits: i32) -> Self {
        Self { bits: Some(bits), ..self.unread() }
    }

    /// The same tensors with one changed, after its other changes.
    ///
    /// # Errors
    /// There is no such tensor.
    pub fn with_patch(&self, name: &str, patch: Patch) -> Result<Self> {
        let entry = self.find(name).ok_or_else(|| self.missing(name))?;
        patch.check(entry)?;
        let mut patches = BTreeMap::clone(&self.patches);
        patches.entry(name.to_owned()).or_default().push(Rc::new(patch));
        Ok(Self { patches: Rc::new(patches), changed: Rc::default(), ..self.clone() })
    }

    fn unread(&self) -> Self {
        Self { loaded: Rc::default(), changed: Rc::default(), ..self.clone() }
    }

    /// A tensor with its changes, read now. Whoever asks keeps it; a second call reads it again.
    ///
    /// # Errors
    /// No such name, a type that cannot be read, a file that changed or went away, a change that fails, cancellation.
    pub fn tensor(&self, name: &str) -> Result<Array> {
        let array = match self.patches.get(name) {
            None => self.matrix(name)?.unpack(),
            Some(patches) => self.as_read(name, &patch::changed(name, self.wide(name)?, patches)?),
        };
        cpu::widened(array?)
    }

    /// A tensor with its changes in float32, rounded neither to the type of the model nor between its changes.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn exact(&self, name: &str) -> Result<Array> {
        let patches = self.patches.get(name).map_or(&[][..], Vec::as_slice);
        patch::changed(name, self.wide(name)?, patches)
    }

    /// A tensor without its changes in float32: the file's own numbers, or what is left of them where they are packed.
    fn wide(&self, name: &str) -> Result<Array> {
        let as_stored = |entry: &Entry| [entry.dtype, Some(Dtype::Float32)].contains(&self.dtype_of(entry));
        let matrix = if self.bits.is_some() || self.find(name).is_none_or(as_stored) {
            self.matrix(name)?
        } else {
            Self { dtype: None, loaded: Rc::default(), ..self.clone() }.matrix(name)?
        };
        let wide = matrix.unpack()?.as_dtype(mlx::mlx_dtype(Dtype::Float32)).map_err(mlx::mlx_error)?;
        wide.eval().map_err(mlx::mlx_error)?;
        Ok(wide)
    }

    /// `x · Wᵀ + b`.
    ///
    /// # Errors
    /// As [`Weights::tensor`], and shapes that do not fit.
    pub fn linear(&self, name: &str, x: &Array) -> Result<Array> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let matrix = self.kept(&weight)?;
        let bias = self.find(&bias).map(|_| self.kept(&bias)?.unpack()).transpose()?;
        matrix.linear(x, bias.as_ref()).map_err(|error| {
            let shape = self.find(&weight).map(|entry| entry.shape.clone()).unwrap_or_default();
            let what = format!("`{name}` {shape:?} does not fit an input of the shape {:?}", x.shape());
            Error::file(what).help(error.message)
        })
    }

    /// A tensor that stays in memory as long as the weights, with its changes: low-rank ones that come last beside it, all
    /// others in it.
    fn kept(&self, name: &str) -> Result<Matrix> {
        let Some(patches) = self.patches.get(name) else { return self.base(name) };
        if let Some(matrix) = self.changed.borrow().get(name) {
            return Ok(matrix.clone());
        }
        let (inside, beside) = patch::split(patches);
        let matrix = match inside {
            [] => self.base(name)?,
            // The tensor itself is needed no longer, so it is not kept.
            _ => self.as_read(name, &patch::changed(name, self.wide(name)?, inside)?)?.into(),
        };
        let matrix = matrix.for_products()?.beside(beside)?;
        self.changed.borrow_mut().insert(name.to_owned(), matrix.clone());
        Ok(matrix)
    }

    /// A tensor as the file has it, which stays in memory.
    fn base(&self, name: &str) -> Result<Matrix> {
        if let Some(matrix) = self.loaded.borrow().get(name) {
            return Ok(matrix.clone());
        }
        let matrix = self.matrix(name)?.for_products()?;
        self.loaded.borrow_mut().insert(name.to_owned(), matrix.clone());
        Ok(matrix)
    }

    /// A tensor as the file has it: one that is in memory, or read now.
    fn matrix(&self, name: &str) -> Result<Matrix> {
        if let Some(matrix) = self.loaded.borrow().get(name) {
            return Ok(matrix.clone());
        }
        let entry = self.find(name).ok_or_else(|| self.missing(name))?;
        table::run::loading(entry.bytes)?;
        if let Coding::Affine(affine) = &entry.coding {
            return self.packed(entry, affine);
        }
        let array = self.read(entry)?;
        match self.bits {
            Some(bits) if name.ends_with(".weight") => Matrix::quantized(array, bits),
            _ => Ok(array.into()),
        }
    }

    /// Changed numbers in the type that the tensor has without its changes.
    fn as_read(&self, name: &str, array: &Array) -> Result<Array> {
        let dtype = self.find(name).and_then(|entry| self.dtype_of(entry)).unwrap_or(Dtype::Float32);
        let array = array.as_dtype(mlx::mlx_dtype(dtype)).map_err(mlx::mlx_error)?;
        array.eval().map_err(mlx::mlx_error)?;
        Ok(array)
    }

    /// Gives back what [`Weights::linear`] read; a further use reads it again.
    pub fn forget(&self) {
        self.loaded.borrow_mut().clear();
        self.forget_changes();
    }

    /// Gives back what [`Weights::linear`] made of tensors that are changed.
    pub fn forget_changes(&self) {
        self.changed.borrow_mut().clear();
    }

    /// Whether what one reads of the files serves the other.
    pub fn shares_with(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.loaded, &other.loaded)
    }

    /// Whether any tensor is another than in the files.
    pub fn is_changed(&self) -> bool {
        !self.patches.is_empty()
    }

    /// The files that the tensors lie in.
    pub fn files(&self) -> BTreeSet<String> {
        self.entries.iter().map(|entry| entry.file.to_string()).collect()
    }

    /// What was told of the changes, in order.
    pub fn history(&self) -> &[Value] {
        &self.history
    }

    /// The same tensors, and `entry` at the end of their history.
    pub fn with_history(&self, entry: Value) -> Self {
        let history = self.history.iter().cloned().chain([entry]).collect();
        Self { history: Rc::new(history), ..self.clone() }
    }

    /// Bytes of all tensors in the files.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    /// A tensor's bytes as they stand in the file, row-major, little-endian.
    ///
    /// # Errors
    /// No such name, a file that changed or went away.
    pub fn bytes_of(&self, name: &str) -> Result<Vec<u8>> {
        let entry = self.find(name).ok_or_else(|| self.missing(name))?;
        entry.numbers()
    }

    fn read(&self, entry: &Entry) -> Result<Array> {
        let (dtype, data) = entry.decoded()?;
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

    /// A matrix that the file has packed.
    fn packed(&self, entry: &Entry, affine: &Affine) -> Result<Matrix> {
        let (dtype, data) = entry.decoded()?;
        let words = (data.len() / dtype.size() / entry.shape[0].max(1) as usize) as i32;
        let packed = mlx::from_bytes(dtype, &[entry.shape[0], words], &data)?;
        Ok(Matrix::packed([packed, self.read(&affine.scales)?, self.read(&affine.biases)?], affine.bits, affine.group))
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
