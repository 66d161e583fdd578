//! A host for unit tests of plugins: plain Rust, float32 loops, everything in memory. Slow and exact enough to see
//! that a node does what it says; numbers of the real host come from MLX.
//!
//! ```
//! use plugin_api::testing::TestRun;
//! use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, Tensor};
//!
//! struct Brighten;
//!
//! impl Node for Brighten {
//!     fn spec() -> NodeSpec {
//!         NodeSpec::new("Brighten", "image", "Makes a picture brighter.")
//!             .link("image", "IMAGE", "")
//!             .param("by", InputKind::float(0.5, (0.0, 1.0), 0.1), "")
//!             .output("image", "IMAGE")
//!     }
//!
//!     fn run(_: &Run, inputs: &Record) -> Result<Record> {
//!         let image: Tensor = inputs.get("image")?;
//!         Ok(Record::new().with("image", image.add_scalar(inputs.get("by")?).clip(0.0, 1.0)))
//!     }
//! }
//!
//! let image = Tensor::from_slice(&[0.1f32, 0.2, 0.9], &[1, 1, 1, 3]);
//! // Params that are not given have their defaults.
//! let outputs = TestRun::new().run::<Brighten>(&Record::new().with("image", image))?;
//! assert_eq!(outputs.get::<Tensor>("image")?.to_vec::<f32>()?, [0.6, 0.7, 1.0]);
//! # Ok::<(), plugin_api::Error>(())
//! ```

mod array;
mod compute;
mod folder;
mod models;
mod ops;
mod pictures;
mod run;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::rc::Rc;

use crate::abi::{self, Host, RawError, RawTensor, RawValue, RawWeights, Text};
use crate::{Architecture, Dtype};
use array::Array;
pub use folder::SavedTensor;
pub use run::{Table, TestRun};

/// Makes an architecture known to this thread's tests.
pub fn architecture<A: Architecture>() {
    let entry = Box::leak(Box::new(crate::export::architecture_entry::<A>()));
    models::ARCHITECTURES.with_borrow_mut(|all| all.push(entry));
}

/// Makes `Weights::open(path)` of this thread's tests find these tensors: name, shape and numbers.
///
/// # Panics
/// Where numbers do not fit their shape.
pub fn weights_file(path: &str, tensors: &[(&str, &[i32], &[f32])]) {
    let array =
        |shape: &[i32], data: &[f32]| Array::new(shape, data.to_vec(), Dtype::Float32).expect("a tensor that fits");
    let named = tensors.iter().map(|(name, shape, data)| ((*name).to_owned(), array(shape, data)));
    let file: BTreeMap<_, _> = named.collect();
    models::FILES.with_borrow_mut(|files| files.insert(path.to_owned(), Rc::new(file)));
}

/// What a file of [`weights_file`] says of itself.
pub fn weights_metadata(path: &str, metadata: &[(&str, &str)]) {
    let metadata = metadata.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    models::METADATA.with_borrow_mut(|all| all.insert(path.to_owned(), metadata));
}

unsafe extern "C" fn extension(_: Text) -> *const c_void {
    std::ptr::null()
}

/// What a plugin finds in unit tests, where nothing else started it.
pub(crate) static HOST: Host = Host {
    size: size_of::<Host>(),
    major: abi::MAJOR,
    minor: abi::MINOR,
    ops: &raw const ops::OPS,
    extension,
    error_new: values::error_new,
    error_view: values::error_view,
    error_free: free_handle::<crate::Error, RawError>,
    tensor_new: values::tensor_new,
    tensor_failed: values::tensor_failed,
    tensor_clone: values::tensor_clone,
    tensor_free: free_handle::<values::Cell, RawTensor>,
    tensor_shape: values::tensor_shape,
    tensor_dtype: values::tensor_dtype,
    tensor_eval: values::tensor_eval,
    tensor_read: values::tensor_read,
    value_null: values::value_null,
    value_bool: values::value_bool,
    value_int: values::value_int,
    value_float: values::value_float,
    value_text: values::value_text,
    value_tensor: values::value_tensor,
    value_list: values::value_list,
    value_record: values::value_record,
    value_opaque: values::value_opaque,
    value_clone: values::value_clone,
    value_free: free_handle::<values::Val, RawValue>,
    value_view: values::value_view,
    value_as_tensor: values::value_as_tensor,
    list_get: values::list_get,
    record_get: values::record_get,
    record_key: values::record_key,
    record_with: values::record_with,
    weights_open: models::weights_open,
    weights_clone: models::weights_clone,
    weights_free: free_handle::<models::Tensors, RawWeights>,
    weights_len: models::weights_len,
    weights_at: models::weights_at,
    weights_find: models::weights_find,
    weights_tensor: models::weights_tensor,
    weights_linear: models::weights_linear,
    weights_select: models::weights_select,
    weights_cast: models::weights_cast,
    weights_quantize: models::weights_quantize,
    weights_bits: models::weights_bits,
    weights_metadata: models::weights_metadata,
    weights_with_low_rank: models::weights_with_low_rank,
    weights_with_patch: models::weights_with_patch,
    model_new: models::model_new,
    model_view: models::model_view,
    model_weights: models::model_weights,
    model_with_weights: models::model_with_weights,
    model_with_hook: models::model_with_hook,
    architecture_detect: models::architecture_detect,
    session_open: models::session_open,
    session_free: models::session_free,
    session_call: models::session_call,
    session_around: models::session_around,
    session_run: models::session_run,
    run_progress: run::progress,
    run_preview: run::preview,
    run_note: run::note,
    run_report: run::report,
    run_info: run::info,
    run_write: run::write,
    weights_exact: models::weights_tensor,
    weights_history: models::weights_history,
    weights_with_history: models::weights_with_history,
    run_write_folder: folder::write_folder,
    folder_write: folder::write,
    folder_write_tensors: folder::write_tensors,
    weights_views: models::weights_views,
    weights_transpose: models::weights_transpose,
    tensor_quantize: values::tensor_quantize,
};

unsafe extern "C" fn free_handle<T, R>(raw: *mut R) {
    // SAFETY: a handle on a `T`, freed once.
    unsafe { values::free::<T, R>(raw) }
}
