//! Named tensors of a model, left in their file until they are used.

use std::ptr::NonNull;

use crate::abi::{RawWeights, Slice, TensorView, Text};
use crate::error::{Error, Result};
use crate::host;
use crate::tensor::{Dtype, Tensor};

/// Weights seen from a place in their tree of names: after `weights.at("layers.0")` the name `norm.weight` means
/// `layers.0.norm.weight`, so that a checkpoint's keys stay visible in the code.
#[derive(Debug)]
pub struct Weights {
    raw: NonNull<RawWeights>,
    prefix: String,
}

/// What is known of a tensor without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    pub name: String,
    /// None for a type that tensors cannot have (float8, say).
    pub dtype: Option<Dtype>,
    pub shape: Vec<i32>,
}

impl Weights {
    /// Opens a `.safetensors` file, an `.index.json`, or a folder that holds one of them.
    ///
    /// # Errors
    /// A file that is missing or bad; the message says what it is instead.
    pub fn open(path: &str) -> Result<Self> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` is set where the status is null.
        unsafe {
            Error::check((host().weights_open)(Text::text(path), &raw mut raw))?;
            Ok(Self::own(raw))
        }
    }

    /// The same weights seen from `path` below this place.
    pub fn at(&self, path: impl std::fmt::Display) -> Self {
        let mut deeper = self.clone();
        deeper.prefix = self.full(&format!("{path}."));
        deeper
    }

    /// Names, types and shapes below this place, in order of the names.
    pub fn list(&self) -> Vec<TensorInfo> {
        // SAFETY: views are copied at once.
        unsafe {
            (0..(host().weights_len)(self.as_ptr()))
                .filter_map(|index| self.view(|out| (host().weights_at)(self.as_ptr(), index, out)))
                .filter_map(|mut info| {
                    info.name = info.name.strip_prefix(&self.prefix)?.to_owned();
                    Some(info)
                })
                .collect()
        }
    }

    pub fn find(&self, name: &str) -> Option<TensorInfo> {
        let full = self.full(name);
        // SAFETY: the view is copied at once.
        unsafe { self.view(|out| (host().weights_find)(self.as_ptr(), Text::text(&full), out)) }
    }

    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The shape of a tensor that must be there.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn shape(&self, name: &str) -> Result<Vec<i32>> {
        let found = self.find(name);
        found.map(|info| info.shape).ok_or_else(|| Error::file(format!("the tensor `{}` is missing", self.full(name))))
    }

    /// A tensor; failed where there is none of that name.
    pub fn tensor(&self, name: &str) -> Tensor {
        // SAFETY: lent for the call, owned result.
        unsafe { Tensor::own((host().weights_tensor)(self.as_ptr(), Text::text(&self.full(name)))) }
    }

    /// A tensor that may be absent.
    pub fn find_tensor(&self, name: &str) -> Option<Tensor> {
        self.contains(name).then(|| self.tensor(name))
    }

    /// `x · Wᵀ + b` with `name.weight` `[out, in]` and, where there is one, `name.bias` `[out]`.
    pub fn linear(&self, name: &str, x: &Tensor) -> Tensor {
        // SAFETY: lent for the call, owned result.
        unsafe { Tensor::own((host().weights_linear)(self.as_ptr(), Text::text(&self.full(name)), x.as_ptr())) }
    }

    /// Only the tensors whose full names begin with `from`, and that beginning replaced by `to`.
    #[must_use]
    pub fn select(&self, from: &str, to: &str) -> Self {
        // SAFETY: lent for the call, owned result.
        unsafe { Self::own((host().weights_select)(self.as_ptr(), Text::text(from), Text::text(to))) }
    }

    /// The same tensors, converted to `dtype` when they are read.
    #[must_use]
    pub fn cast(&self, dtype: Dtype) -> Self {
        // SAFETY: lent for the call, owned result.
        unsafe { Self::own((host().weights_cast)(self.as_ptr(), dtype as u32)) }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    unsafe fn view(&self, fill: impl FnOnce(*mut TensorView) -> bool) -> Option<TensorInfo> {
        let mut view = TensorView { name: Text::text(""), dtype: 0, shape: Slice::of(&[]) };
        // SAFETY: the view is filled where `fill` says so, and lives as long as the weights.
        fill(&raw mut view).then(|| unsafe {
            TensorInfo {
                name: view.name.to_text(),
                dtype: Dtype::from_code(view.dtype),
                shape: view.shape.get().to_vec(),
            }
        })
    }

    pub(crate) unsafe fn own(raw: *mut RawWeights) -> Self {
        Self { raw: NonNull::new(raw).expect("the host returns weights"), prefix: String::new() }
    }

    /// Weights that the host lent for a call.
    pub(crate) unsafe fn borrow(raw: *const RawWeights) -> Self {
        // SAFETY: a second handle, ours.
        unsafe { Self::own((host().weights_clone)(raw)) }
    }

    pub(crate) fn as_ptr(&self) -> *const RawWeights {
        self.raw.as_ptr()
    }
}

impl Clone for Weights {
    fn clone(&self) -> Self {
        // SAFETY: another handle on the same weights.
        let mut clone = unsafe { Self::own((host().weights_clone)(self.as_ptr())) };
        clone.prefix.clone_from(&self.prefix);
        clone
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { (host().weights_free)(self.raw.as_ptr()) }
    }
}
