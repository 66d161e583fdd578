//! Weights handles.

use std::ffi::c_void;
use std::path::Path;

use plugin_api::View;
use plugin_api::abi::{Flag, PatchTable, RawTensor, RawValue, RawWeights, Slice, Status, TensorRows, TensorView, Text};

use super::error;
use super::live::{self, Kind};
use super::tensor::{Tensor, dtype_from};
use super::value::{self, Value};
use crate::weights::{Change, Entry, Patch, Weights};

pub fn to_raw(weights: Weights) -> *mut RawWeights {
    live::made(Kind::Weights);
    Box::into_raw(Box::new(weights)).cast()
}

/// New weights for the plugin; null on a thread of its own.
fn give(make: impl FnOnce() -> Weights) -> *mut RawWeights {
    if live::is_ours() { to_raw(make()) } else { std::ptr::null_mut() }
}

/// # Safety
/// `raw` is a live handle of ours.
pub unsafe fn get<'a>(raw: *const RawWeights) -> &'a Weights {
    // SAFETY: every weights handle was made by `to_raw`.
    unsafe { &*raw.cast::<Weights>() }
}

pub unsafe extern "C" fn open(path: Text, out: *mut *mut RawWeights) -> Status {
    // SAFETY: lent text, a valid target.
    unsafe { error::status(out, || crate::weights::open(Path::new(&path.to_text())).map(to_raw)) }
}

pub unsafe extern "C" fn clone(weights: *const RawWeights) -> *mut RawWeights {
    // SAFETY: a live handle.
    give(|| unsafe { get(weights) }.clone())
}

pub unsafe extern "C" fn free(weights: *mut RawWeights) {
    if !weights.is_null() && live::is_ours() {
        live::gone(Kind::Weights);
        // SAFETY: a handle of ours, freed once.
        drop(unsafe { Box::from_raw(weights.cast::<Weights>()) });
    }
}

pub unsafe extern "C" fn len(weights: *const RawWeights) -> usize {
    // SAFETY: a live handle.
    if live::is_ours() { unsafe { get(weights) }.entries().len() } else { 0 }
}

unsafe fn fill(weights: &Weights, entry: Option<&Entry>, out: *mut TensorView) -> Flag {
    let Some(entry) = entry else { return 0 };
    let dtype = weights.dtype_of(entry).map_or(u32::MAX, |dtype| dtype as u32);
    let view = TensorView {
        name: Text::text(&entry.name),
        dtype,
        shape: Slice::of(&entry.shape),
        stored: Text::text(&entry.stored),
    };
    // SAFETY: a valid target.
    unsafe { out.write(view) };
    1
}

pub unsafe extern "C" fn at(weights: *const RawWeights, index: usize, out: *mut TensorView) -> Flag {
    // SAFETY: a live handle, whose entries live as long; a valid target.
    if live::is_ours() { unsafe { fill(get(weights), get(weights).entries().get(index), out) } } else { 0 }
}

pub unsafe extern "C" fn find(weights: *const RawWeights, name: Text, out: *mut TensorView) -> Flag {
    // SAFETY: as above, lent text.
    if live::is_ours() { unsafe { fill(get(weights), get(weights).find(&name.to_text()), out) } } else { 0 }
}

pub unsafe extern "C" fn tensor(weights: *const RawWeights, name: Text) -> *mut RawTensor {
    // SAFETY: a live handle, lent text.
    Tensor::run(|| unsafe { get(weights).tensor(&name.to_text()) })
}

pub unsafe extern "C" fn exact(weights: *const RawWeights, name: Text) -> *mut RawTensor {
    // SAFETY: a live handle, lent text.
    Tensor::run(|| unsafe { get(weights).exact(&name.to_text()) })
}

pub unsafe extern "C" fn history(weights: *const RawWeights) -> *mut RawValue {
    value::give(|| {
        // SAFETY: a live handle.
        let weights = unsafe { get(weights) };
        let file = |path: String| Value::record([("file".to_owned(), Value::text(&path))]);
        let files = weights.files().into_iter().map(file);
        Value::List(files.chain(weights.history().iter().cloned()).collect())
    })
}

pub unsafe extern "C" fn with_history(weights: *const RawWeights, entry: *const RawValue) -> *mut RawWeights {
    // SAFETY: live handles.
    give(|| unsafe { get(weights).with_history(Value::get(entry).clone()) })
}

pub unsafe extern "C" fn linear(weights: *const RawWeights, name: Text, x: *const RawTensor) -> *mut RawTensor {
    // SAFETY: live handles, lent text.
    Tensor::run(|| unsafe { get(weights).linear(&name.to_text(), Tensor::get(x).array()?) })
}

pub unsafe extern "C" fn select(weights: *const RawWeights, from: Text, to: Text) -> *mut RawWeights {
    // SAFETY: a live handle, lent text.
    give(|| unsafe { get(weights).select(&from.to_text(), &to.to_text()) })
}

pub unsafe extern "C" fn views(
    weights: *const RawWeights,
    views: Slice<TensorRows>,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: a live handle, lent views, a valid target.
    unsafe {
        error::status(out, || {
            let view = |rows: &TensorRows| View {
                name: rows.name.to_text(),
                of: rows.of.to_text(),
                first_row: usize::try_from(rows.first_row).unwrap_or(usize::MAX),
                shape: rows.shape.get().to_vec(),
            };
            get(weights).views(views.get().iter().map(view)).map(to_raw)
        })
    }
}

pub unsafe extern "C" fn transpose(
    weights: *const RawWeights,
    name: Text,
    axes: Slice<i32>,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: a live handle, lent text and axes, a valid target.
    unsafe { error::status(out, || get(weights).transpose(&name.to_text(), axes.get()).map(to_raw)) }
}

pub unsafe extern "C" fn cast(weights: *const RawWeights, dtype: u32) -> *mut RawWeights {
    give(|| {
        // SAFETY: a live handle.
        let weights = unsafe { get(weights) };
        dtype_from(dtype).map_or_else(|_| weights.clone(), |dtype| weights.cast(dtype))
    })
}

pub unsafe extern "C" fn metadata(weights: *const RawWeights) -> *mut RawValue {
    value::give(|| {
        // SAFETY: a live handle.
        let metadata = unsafe { get(weights) }.metadata();
        Value::record(metadata.into_iter().map(|(key, text)| (key, Value::text(&text))))
    })
}

pub unsafe extern "C" fn quantize(weights: *const RawWeights, bits: u32) -> *mut RawWeights {
    // SAFETY: a live handle.
    give(|| unsafe { get(weights) }.quantize(bits as i32))
}

pub unsafe extern "C" fn bits(weights: *const RawWeights) -> u32 {
    // SAFETY: a live handle.
    if live::is_ours() { unsafe { get(weights) }.bits.map_or(0, i32::unsigned_abs) } else { 0 }
}

pub unsafe extern "C" fn with_low_rank(
    weights: *const RawWeights,
    name: Text,
    down: *const RawTensor,
    up: *const RawTensor,
    scale: f64,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: live handles, lent text, a valid target.
    unsafe {
        error::status(out, || {
            let (down, up) = (Tensor::get(down).array()?.clone(), Tensor::get(up).array()?.clone());
            get(weights).with_patch(&name.to_text(), Patch::LowRank { down, up, scale }).map(to_raw)
        })
    }
}

pub unsafe extern "C" fn with_patch(
    weights: *const RawWeights,
    name: Text,
    patch: *const PatchTable,
    payload: *mut c_void,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: a live handle, a table that lives for ever, lent text, a valid target.
    unsafe {
        error::status(out, || {
            // Owned from here on, so that the payload is freed on every way out.
            let change = Change::new(error::table(patch, "a change of a weight")?, payload);
            get(weights).with_patch(&name.to_text(), Patch::Change(change)).map(to_raw)
        })
    }
}
