//! Named tensors of a model, left in their file until they are used.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::abi::{Flag, PatchTable, RawTensor, RawWeights, Slice, Status, TensorRows, TensorView, Text};
use crate::error::{Error, Result};
use crate::export::{free_box, guard};
use crate::host;
use crate::tensor::{Dtype, Tensor};
use crate::value::{FromValue, Record, Value};

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
    /// The type that it has once it is read. None for a type that a model's tensors cannot have (float8, say).
    pub dtype: Option<Dtype>,
    pub shape: Vec<i32>,
    /// The type in the file, by its name in safetensors: `BF16`, `F8_E4M3`.
    pub stored: String,
}

/// A tensor as the rows of another from `first_row` on, in a shape of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub name: String,
    /// The full name of the tensor that it is a part of.
    pub of: String,
    pub first_row: usize,
    pub shape: Vec<i32>,
}

impl Weights {
    /// Opens a file of weights, by its first bytes (safetensors, or what torch saves), an `.index.json`, or a folder that holds
    /// one of them.
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

    /// A tensor with its changes in float32, rounded neither to the type that the model runs in nor between its changes. Of a
    /// quantized one, what rounding to so few bits left. Failed where there is none of that name.
    pub fn exact(&self, name: &str) -> Tensor {
        // SAFETY: lent for the call, owned result.
        unsafe { Tensor::own((host().weights_exact)(self.as_ptr(), Text::text(&self.full(name)))) }
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

    /// The tensors of `views` and no others. Nothing is read or copied.
    ///
    /// # Errors
    /// A view whose rows or shape do not fit its tensor, or one of a tensor that is changed.
    pub fn views(&self, views: &[View]) -> Result<Self> {
        let rows = |view: &View| TensorRows {
            name: Text::text(&view.name),
            of: Text::text(&view.of),
            first_row: view.first_row as u64,
            shape: Slice::of(&view.shape),
        };
        let rows: Vec<TensorRows> = views.iter().map(rows).collect();
        // SAFETY: lent for the call.
        self.changed(|out| unsafe { (host().weights_views)(self.as_ptr(), Slice::of(&rows), out) })
    }

    /// The same tensors, `name` with its axes in another order: axis i of it is what was axis `axes[i]`. Nothing is read.
    ///
    /// # Errors
    /// There is no such tensor, other axes, or one that is changed or packed.
    pub fn transpose(&self, name: &str, axes: &[i32]) -> Result<Self> {
        let full = self.full(name);
        // SAFETY: lent for the call.
        self.changed(|out| unsafe {
            (host().weights_transpose)(self.as_ptr(), Text::text(&full), Slice::of(axes), out)
        })
    }

    /// The same tensors, converted to `dtype` when they are read.
    #[must_use]
    pub fn cast(&self, dtype: Dtype) -> Self {
        // SAFETY: lent for the call, owned result.
        unsafe { Self::own((host().weights_cast)(self.as_ptr(), dtype as u32)) }
    }

    /// The same tensors, matrices (`….weight` of two axes, the second a multiple of 64) rounded to 3, 4, 6 or 8 bits when
    /// they are read. Those that only [`Weights::linear`] uses stay packed in memory.
    #[must_use]
    pub fn quantize(&self, bits: u32) -> Self {
        // SAFETY: lent for the call, owned result.
        unsafe { Self::own((host().weights_quantize)(self.as_ptr(), bits)) }
    }

    /// To how many bits matrices are rounded; none where they are not.
    pub fn bits(&self) -> Option<u32> {
        // SAFETY: lent for the call.
        Some(unsafe { (host().weights_bits)(self.as_ptr()) }).filter(|bits| *bits > 0)
    }

    /// What the file says of itself: text by name.
    pub fn metadata(&self) -> Record {
        // SAFETY: lent for the call, owned result.
        Record(unsafe { Value::own((host().weights_metadata)(self.as_ptr())) })
    }

    /// The same weights with `scale · up · down` beside the matrix `name`, of which `down` is `[rank, in]` and `up`
    /// `[out, rank]`. [`Weights::linear`] adds it to the product, so that the matrix itself may stay shared or quantized;
    /// [`Weights::tensor`] gives the sum.
    ///
    /// # Errors
    /// There is no such matrix, or the shapes do not fit it.
    pub fn with_low_rank(&self, name: &str, down: &Tensor, up: &Tensor, scale: f64) -> Result<Self> {
        let full = self.full(name);
        // SAFETY: lent for the call.
        self.changed(|out| unsafe {
            let name = Text::text(&full);
            (host().weights_with_low_rank)(self.as_ptr(), name, down.as_ptr(), up.as_ptr(), scale, out)
        })
    }

    /// The same weights with one tensor changed: `patch` takes it in float32, after the changes that it has already, and
    /// gives it back in the same shape. It is carried out when the tensor is needed, and its result kept in memory.
    ///
    /// # Errors
    /// There is no such tensor.
    pub fn with_patch(&self, name: &str, patch: impl Fn(&Tensor) -> Result<Tensor> + 'static) -> Result<Self> {
        let full = self.full(name);
        let table = patch_table(&patch);
        let payload = Box::into_raw(Box::new(patch)).cast();
        // SAFETY: the host owns the payload from here on.
        self.changed(|out| unsafe {
            (host().weights_with_patch)(self.as_ptr(), Text::text(&full), table, payload, out)
        })
    }

    /// Where the numbers come from, in order: a record `{file}` for each file, then what [`Weights::with_history`] told.
    pub fn history(&self) -> Vec<Value> {
        // SAFETY: lent for the call, owned result.
        let list = unsafe { Value::own((host().weights_history)(self.as_ptr())) };
        Vec::from_value(&list).unwrap_or_default()
    }

    /// The same weights, and at the end of their history what was done to them, for those who save them.
    #[must_use]
    pub fn with_history(&self, entry: &Record) -> Self {
        // SAFETY: lent for the call, owned result.
        let mut told = unsafe { Self::own((host().weights_with_history)(self.as_ptr(), entry.0.as_ptr())) };
        told.prefix.clone_from(&self.prefix);
        told
    }

    fn changed(&self, change: impl FnOnce(*mut *mut RawWeights) -> Status) -> Result<Self> {
        let mut out = std::ptr::null_mut();
        let status = change(&raw mut out);
        // SAFETY: an error is ours; `out` is set where the status is null.
        unsafe {
            Error::check(status)?;
            let mut changed = Self::own(out);
            changed.prefix.clone_from(&self.prefix);
            Ok(changed)
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    unsafe fn view(&self, fill: impl FnOnce(*mut TensorView) -> Flag) -> Option<TensorInfo> {
        let mut view = TensorView { name: Text::text(""), dtype: 0, shape: Slice::of(&[]), stored: Text::text("") };
        // SAFETY: the view is filled where `fill` says so, and lives as long as the weights.
        (fill(&raw mut view) != 0).then(|| unsafe {
            TensorInfo {
                name: view.name.to_text(),
                dtype: Dtype::from_code(view.dtype),
                shape: view.shape.get().to_vec(),
                stored: view.stored.to_text(),
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

fn patch_table<F: Fn(&Tensor) -> Result<Tensor> + 'static>(_: &F) -> &'static PatchTable {
    unsafe extern "C" fn apply<F: Fn(&Tensor) -> Result<Tensor>>(
        payload: *mut c_void,
        tensor: *const RawTensor,
        out: *mut *mut RawTensor,
    ) -> Status {
        guard("a change of a weight", || {
            // SAFETY: the payload is the boxed function; the tensor is lent and gets a handle of our own.
            unsafe {
                let tensor = Tensor::own((host().tensor_clone)(tensor));
                *out = (*payload.cast::<F>())(&tensor)?.into_raw();
            }
            Ok(())
        })
    }
    const { &PatchTable { size: size_of::<PatchTable>(), apply: apply::<F>, free: free_box::<F> } }
}
