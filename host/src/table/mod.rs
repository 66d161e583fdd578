//! The host's side of the plugin interface: the table of functions, and the objects behind its handles. This folder
//! and [`crate::weights`] alone touch MLX.

pub(crate) mod at_work;
mod buffer;
mod compute;
pub mod cpu;
mod error;
mod folder;
mod interpolate;
mod live;
pub(crate) mod memory;
pub(crate) mod mlx;
mod model;
mod ops;
mod promise;
pub(crate) mod run;
mod tensor;
mod value;
mod weights;

use std::ffi::c_void;

use mlx_rs::Array;
use plugin_api::Result;
use plugin_api::abi::{self, Host, Text};

pub use error::{table as plugin_table, take as take_status};
pub use folder::file_dtype;
pub use live::{Handles, take_refused};
pub use mlx::{Device, active_memory, clear_spare_buffers, from_bytes, start, take_peak_memory};
pub use model::Model;
pub use run::{Events, Run};
pub use tensor::{Tensor, dtype_of, to_bytes};
pub use value::Value;

/// Computes every tensor in a value, so that time and errors fall on the node that made it.
///
/// # Errors
/// Whatever failed on the way.
pub fn evaluate(value: &Value) -> Result<()> {
    let mut arrays: Vec<Array> = Vec::new();
    value.arrays(&mut arrays)?;
    mlx_rs::transforms::eval(&arrays).map_err(mlx::mlx_error)
}

/// The table that every plugin gets.
pub fn host() -> &'static Host {
    static HOST: Host = Host {
        size: size_of::<Host>(),
        major: abi::MAJOR,
        minor: abi::MINOR,
        ops: &raw const ops::OPS,
        extension,
        error_new: error::new,
        error_view: error::view,
        error_free: error::free,
        tensor_new: tensor::new,
        tensor_failed: tensor::failed,
        tensor_clone: tensor::clone,
        tensor_free: tensor::free,
        tensor_shape: tensor::shape,
        tensor_dtype: tensor::dtype,
        tensor_eval: tensor::eval,
        tensor_read: tensor::read,
        value_null: value::null,
        value_bool: value::bool,
        value_int: value::int,
        value_float: value::float,
        value_text: value::text,
        value_tensor: value::tensor,
        value_list: value::list,
        value_record: value::record,
        value_opaque: value::opaque,
        value_clone: value::clone,
        value_free: value::free,
        value_view: value::view,
        value_as_tensor: value::as_tensor,
        list_get: value::list_get,
        record_get: value::record_get,
        record_key: value::record_key,
        record_with: value::record_with,
        weights_open: weights::open,
        weights_clone: weights::clone,
        weights_free: weights::free,
        weights_len: weights::len,
        weights_at: weights::at,
        weights_find: weights::find,
        weights_tensor: weights::tensor,
        weights_linear: weights::linear,
        weights_select: weights::select,
        weights_cast: weights::cast,
        weights_quantize: weights::quantize,
        weights_bits: weights::bits,
        weights_metadata: weights::metadata,
        weights_with_low_rank: weights::with_low_rank,
        weights_with_patch: weights::with_patch,
        model_new: model::new,
        model_view: model::view,
        model_weights: model::weights,
        model_with_weights: model::with_weights,
        model_with_hook: model::with_hook,
        architecture_detect: model::detect,
        session_open: model::session_open,
        session_free: model::session_free,
        session_call: model::session_call,
        session_around: model::session_around,
        session_run: model::session_run,
        run_progress: run::progress,
        run_preview: run::preview,
        run_note: run::note,
        run_report: run::report,
        run_info: run::info,
        run_write: run::write,
        weights_exact: weights::exact,
        weights_history: weights::history,
        weights_with_history: weights::with_history,
        run_write_folder: folder::write_folder,
        folder_write: folder::write,
        folder_write_tensors: folder::write_tensors,
        weights_views: weights::views,
        weights_transpose: weights::transpose,
        tensor_quantize: tensor::quantize,
    };
    &HOST
}

/// None is on offer yet.
unsafe extern "C" fn extension(_name: Text) -> *const c_void {
    std::ptr::null()
}
