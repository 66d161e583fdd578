//! The C ABI between Weft and its plugins, frozen at 1.0. Everything that crosses is declared here and in [`crate::ops`]; the
//! same for C stands in `include/plugin_api.h`, and [`crate::layout`] holds every offset.
//!
//! 1. A plugin exports one symbol, [`SYMBOL`], as data. The host reads it before any code of the plugin runs.
//! 2. It is loaded where the major version is equal and the lowest minor version that the plugin *needs* is not above
//!    the host's. Each minor version is a Cargo feature (`v1_1`), off by default, so that a plugin needs no more than
//!    it asks for.
//! 3. Structs that begin with their `size` in bytes grow at their end, in minor versions. Who reads a field that came
//!    later looks at `size` first. All other structs are as they are for ever: what is new gets a function of its own.
//! 4. Arguments are borrowed for the call, results are owned by the caller. There are no exceptions but a `payload`,
//!    which whoever takes it frees with the function that came with it, also where the call fails.
//! 5. What is opaque is freed by the side that made it, through the function named `…_free`, which takes null as well;
//!    nowhere else is null a handle unless it says so. No `Vec`, `String`, `Result` or trait object crosses. Text is
//!    UTF-8 as pointer and length, without a zero at its end. A text or shape that a function gives lives until
//!    the handle that it was asked of is freed.
//! 6. No panic or exception crosses, in either direction: every entry point catches.
//! 7. Libraries are never unloaded; tables that a plugin hands over live for ever.
//! 8. Descriptions cross once, as RON text of [`crate::NodeSpec`]; calls are typed function pointers. A host ignores
//!    fields of a description that it does not know. Another kind of input needs another minor version.
//! 9. The host checks what a node returns: every declared output, of the declared kind. Ids are unique.
//! 10. A node id never changes its meaning; new behaviour is a new id and the old one becomes `deprecated`.
//! 11. The nodes that come with Weft use this door and no other.
//! 12. Experiments enter through [`Host::extension`] under a name like `draft.NAME/1`.
//! 13. There is one thread: the host calls a plugin on it, and a plugin calls the host on it, from within such a call.
//!     A plugin may have threads of its own; they touch no handle and no table. The functions that free a payload
//!     may be called at any time on that thread.
//!
//! A fallible function returns an error or null, and writes its result through its last argument only on success.
//! A number of an error or a tag that a side does not know is read as the most general one.
//! The processors have 64 bits and are little-endian.

use std::ffi::c_void;

/// Identifies a library as a Weft plugin: the bytes `weftplug`.
pub const MAGIC: u64 = u64::from_le_bytes(*b"weftplug");
/// A change of this number breaks plugins.
pub const MAJOR: u32 = 1;
/// The minor version whose tables this build knows, 0 or that of the highest feature: a plugin needs it, a host offers it.
pub const MINOR: u32 = if cfg!(feature = "v1_2") {
    2
} else if cfg!(feature = "v1_1") {
    1
} else {
    0
};
/// The exported data symbol, a [`Plugin`].
pub const SYMBOL: &str = "weft_plugin";

/// A borrowed run of values. `ptr` may be dangling when `len` is 0, never null-dereferenced.
#[repr(C)]
#[derive(Debug)]
pub struct Slice<T> {
    pub ptr: *const T,
    pub len: usize,
}

impl<T> Clone for Slice<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Slice<T> {}

/// UTF-8 text.
pub type Text = Slice<u8>;

/// 0 is false, everything else true. A `bool` of foreign code may hold what Rust's must not.
pub type Flag = u32;

impl<T> Slice<T> {
    /// Lends `values`; the slice must not outlive them.
    pub const fn of(values: &[T]) -> Self {
        Self { ptr: values.as_ptr(), len: values.len() }
    }

    /// # Safety
    /// The lender must keep the values alive and unchanged for `'a`.
    pub unsafe fn get<'a>(self) -> &'a [T] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: non-empty and alive by the caller's word.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl Text {
    pub const fn text(text: &str) -> Self {
        Self::of(text.as_bytes())
    }

    /// Foreign text that is not UTF-8 reads with replacement characters rather than as an error.
    ///
    /// # Safety
    /// As for [`Slice::get`].
    pub unsafe fn to_text(self) -> String {
        // SAFETY: the caller's word.
        String::from_utf8_lossy(unsafe { self.get() }).into_owned()
    }
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug)]
        pub struct $name { _private: [u8; 0] }
    )* };
}
opaque! {
    /// A tensor, or the error that took its place.
    RawTensor
    /// Anything that travels along a link.
    RawValue
    /// Named tensors.
    RawWeights
    /// One run of one node.
    RawRun
    /// One use of a model, from the first step to the last.
    RawSession
    /// Why something failed.
    RawError
    /// A folder that is being written.
    RawFolder
}

/// Null where all went well.
pub type Status = *mut RawError;

/// What an error says. Text lives as long as the error.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ErrorView {
    pub kind: u32,
    pub message: Text,
    pub help: Text,
}

/// What a value holds; which fields count depends on `tag` (see [`crate::value::Tag`]).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ValueView {
    pub tag: u32,
    /// Bool (0 or 1) and int.
    pub int: i64,
    pub float: f64,
    /// Text; the kind of an opaque value; the role of a model.
    pub text: Text,
    /// Items of a list, entries of a record.
    pub len: usize,
    /// Payload of an opaque value.
    pub payload: *mut c_void,
    /// What frees it: by this a plugin knows its own values. Null where there is no payload.
    pub free: Option<FreeFn>,
}

impl Default for ValueView {
    fn default() -> Self {
        Self { tag: 0, int: 0, float: 0.0, text: Text::text(""), len: 0, payload: std::ptr::null_mut(), free: None }
    }
}

/// A tensor as the rows of another from `first_row` on, in a shape of its own.
#[repr(C)]
#[derive(Debug)]
pub struct TensorRows {
    pub name: Text,
    pub of: Text,
    pub first_row: u64,
    pub shape: Slice<i32>,
}

/// One named tensor. Text and shape live as long as the weights.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TensorView {
    pub name: Text,
    /// The type that the tensor has once it is read; `u32::MAX` where a model cannot have the one in the file.
    pub dtype: u32,
    pub shape: Slice<i32>,
    /// The type in the file, by its name in safetensors: `BF16`, `F8_E4M3`.
    pub stored: Text,
}

/// What a model is. Text lives as long as the model.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ModelView {
    pub role: Text,
    pub architecture: Text,
    pub config: Text,
}

/// Frees a payload.
pub type FreeFn = unsafe extern "C" fn(payload: *mut c_void);

/// Goes on with what a hook wraps.
pub type NextFn = unsafe extern "C" fn(payload: *mut c_void, input: *const RawValue, out: *mut *mut RawValue) -> Status;

/// Fills a folder that is lent for the call.
pub type FillFn = unsafe extern "C" fn(payload: *mut c_void, folder: *const RawFolder) -> Status;

/// Makes the tensor of this index.
pub type TensorFn = unsafe extern "C" fn(payload: *mut c_void, index: usize, out: *mut *mut RawTensor) -> Status;

/// Code around a named point of a network. `start` makes the state of one session, `around` is called at each pass.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HookTable {
    pub size: usize,
    pub start: unsafe extern "C" fn(
        payload: *mut c_void,
        run: *const RawRun,
        info: *const RawValue,
        state: *mut *mut c_void,
    ) -> Status,
    pub around: unsafe extern "C" fn(
        payload: *mut c_void,
        state: *mut c_void,
        step: *const RawValue,
        input: *const RawValue,
        next: NextFn,
        next_payload: *mut c_void,
        out: *mut *mut RawValue,
    ) -> Status,
    /// Frees the state.
    pub finish: FreeFn,
    pub free: FreeFn,
}

/// A change of one tensor, carried out when somebody needs the tensor. `apply` takes it in float32 and gives it back in
/// the same shape.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PatchTable {
    pub size: usize,
    pub apply: unsafe extern "C" fn(payload: *mut c_void, tensor: *const RawTensor, out: *mut *mut RawTensor) -> Status,
    pub free: FreeFn,
}

/// A node kind of a plugin.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct NodeEntry {
    pub size: usize,
    /// RON text of a [`crate::NodeSpec`].
    pub spec: Text,
    /// Given to `run`, so that one function may serve many nodes. Lives for ever, may be null.
    pub payload: *mut c_void,
    /// `inputs` is a record with every input that has a value; `outputs` receives a record.
    pub run: unsafe extern "C" fn(
        payload: *mut c_void,
        run: *const RawRun,
        inputs: *const RawValue,
        outputs: *mut *mut RawValue,
    ) -> Status,
}

/// A network that a plugin can build from weights.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ArchitectureEntry {
    pub size: usize,
    pub id: Text,
    pub role: Text,
    /// Given to `detect` and `build`. Lives for ever, may be null.
    pub payload: *mut c_void,
    /// Whether the names and shapes are this architecture's.
    pub detect: unsafe extern "C" fn(payload: *mut c_void, weights: *const RawWeights) -> Flag,
    pub build: unsafe extern "C" fn(
        payload: *mut c_void,
        config: Text,
        weights: *const RawWeights,
        net: *mut *mut c_void,
    ) -> Status,
    pub call: unsafe extern "C" fn(
        net: *mut c_void,
        session: *const RawSession,
        method: Text,
        args: *const RawValue,
        out: *mut *mut RawValue,
    ) -> Status,
    /// Frees what `build` made.
    pub free: FreeFn,
}

/// What a plugin brings.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Entries {
    pub size: usize,
    pub nodes: Slice<*const NodeEntry>,
    pub architectures: Slice<*const ArchitectureEntry>,
}

/// The exported symbol.
#[repr(C)]
#[derive(Debug)]
pub struct Plugin {
    pub magic: u64,
    pub major: u32,
    pub needs_minor: u32,
    pub size: usize,
    pub id: Text,
    pub version: Text,
    /// Called once, with the table to keep. An error says why the plugin cannot start.
    pub init: unsafe extern "C" fn(host: *const Host, out: *mut *const Entries) -> Status,
}

// SAFETY: constants; the pointers are to 'static text.
unsafe impl Sync for Plugin {}

/// What the host does for a plugin.
#[repr(C)]
#[derive(Debug)]
pub struct Host {
    pub size: usize,
    pub major: u32,
    pub minor: u32,
    pub ops: *const crate::ops::Ops,
    /// A table that is not yet part of this one, or null.
    pub extension: unsafe extern "C" fn(name: Text) -> *const c_void,

    pub error_new: unsafe extern "C" fn(kind: u32, message: Text, help: Text) -> *mut RawError,
    pub error_view: unsafe extern "C" fn(error: *const RawError, out: *mut ErrorView),
    pub error_free: unsafe extern "C" fn(error: *mut RawError),

    /// Copies `data`, row-major.
    pub tensor_new: unsafe extern "C" fn(dtype: u32, shape: Slice<i32>, data: Slice<u8>) -> *mut RawTensor,
    /// A tensor that carries `error` (borrowed).
    pub tensor_failed: unsafe extern "C" fn(error: *const RawError) -> *mut RawTensor,
    pub tensor_clone: unsafe extern "C" fn(tensor: *const RawTensor) -> *mut RawTensor,
    pub tensor_free: unsafe extern "C" fn(tensor: *mut RawTensor),
    /// The shape lives as long as the tensor.
    pub tensor_shape: unsafe extern "C" fn(tensor: *const RawTensor, out: *mut Slice<i32>) -> Status,
    pub tensor_dtype: unsafe extern "C" fn(tensor: *const RawTensor, out: *mut u32) -> Status,
    pub tensor_eval: unsafe extern "C" fn(tensors: Slice<*const RawTensor>) -> Status,
    /// Evaluates, converts to `dtype` and copies row-major into `target`, which must fit exactly.
    pub tensor_read:
        unsafe extern "C" fn(tensor: *const RawTensor, dtype: u32, target: *mut u8, bytes: usize) -> Status,
    /// MLX's affine quantization of a matrix, in groups of 64 numbers of a row. `out` is an array of three: it receives the
    /// numbers packed as uint32, and for each group a scale and a bias in the matrix's type.
    pub tensor_quantize: unsafe extern "C" fn(tensor: *const RawTensor, bits: u32, out: *mut *mut RawTensor) -> Status,

    pub value_null: unsafe extern "C" fn() -> *mut RawValue,
    pub value_bool: unsafe extern "C" fn(value: Flag) -> *mut RawValue,
    pub value_int: unsafe extern "C" fn(value: i64) -> *mut RawValue,
    pub value_float: unsafe extern "C" fn(value: f64) -> *mut RawValue,
    pub value_text: unsafe extern "C" fn(value: Text) -> *mut RawValue,
    pub value_tensor: unsafe extern "C" fn(value: *const RawTensor) -> *mut RawValue,
    pub value_list: unsafe extern "C" fn(values: Slice<*const RawValue>) -> *mut RawValue,
    pub value_record: unsafe extern "C" fn() -> *mut RawValue,
    /// A value of a plugin's own kind, `free`d with its last handle.
    pub value_opaque: unsafe extern "C" fn(kind: Text, payload: *mut c_void, free: FreeFn) -> *mut RawValue,
    pub value_clone: unsafe extern "C" fn(value: *const RawValue) -> *mut RawValue,
    pub value_free: unsafe extern "C" fn(value: *mut RawValue),
    pub value_view: unsafe extern "C" fn(value: *const RawValue, out: *mut ValueView),
    /// Null where the value is no tensor.
    pub value_as_tensor: unsafe extern "C" fn(value: *const RawValue) -> *mut RawTensor,

    /// Null where the value is no list or too short.
    pub list_get: unsafe extern "C" fn(list: *const RawValue, index: usize) -> *mut RawValue,

    /// Null where the value is no record or has no such key.
    pub record_get: unsafe extern "C" fn(record: *const RawValue, key: Text) -> *mut RawValue,
    /// The key lives as long as the record; empty where there is none.
    pub record_key: unsafe extern "C" fn(record: *const RawValue, index: usize) -> Text,
    /// A copy with one entry set. Null where the value is no record.
    pub record_with: unsafe extern "C" fn(record: *const RawValue, key: Text, value: *const RawValue) -> *mut RawValue,

    /// Opens a `.safetensors` file, an `.index.json`, or a folder that holds one of them. Data stays in the file.
    pub weights_open: unsafe extern "C" fn(path: Text, out: *mut *mut RawWeights) -> Status,
    pub weights_clone: unsafe extern "C" fn(weights: *const RawWeights) -> *mut RawWeights,
    pub weights_free: unsafe extern "C" fn(weights: *mut RawWeights),
    pub weights_len: unsafe extern "C" fn(weights: *const RawWeights) -> usize,
    /// In order of the names. False past the end.
    pub weights_at: unsafe extern "C" fn(weights: *const RawWeights, index: usize, out: *mut TensorView) -> Flag,
    pub weights_find: unsafe extern "C" fn(weights: *const RawWeights, name: Text, out: *mut TensorView) -> Flag,
    /// The tensor in the type that [`Host::weights_cast`] set; a failed tensor where there is none of that name.
    pub weights_tensor: unsafe extern "C" fn(weights: *const RawWeights, name: Text) -> *mut RawTensor,
    /// The tensor with its changes in float32, rounded to no type in between; of a quantized one, what rounding left.
    pub weights_exact: unsafe extern "C" fn(weights: *const RawWeights, name: Text) -> *mut RawTensor,
    /// `x · Wᵀ + b` with `name.weight` and, where there is one, `name.bias`.
    pub weights_linear:
        unsafe extern "C" fn(weights: *const RawWeights, name: Text, x: *const RawTensor) -> *mut RawTensor,
    /// Only the tensors whose names begin with `from`, and that beginning replaced by `to`.
    pub weights_select: unsafe extern "C" fn(weights: *const RawWeights, from: Text, to: Text) -> *mut RawWeights,
    /// The tensors of `views` and no others. Fails where a view's rows or shape do not fit its tensor, or that is changed.
    pub weights_views:
        unsafe extern "C" fn(weights: *const RawWeights, views: Slice<TensorRows>, out: *mut *mut RawWeights) -> Status,
    /// The same tensors, `name` with its axes in another order: axis i of it is what was axis `axes[i]`. Fails where the tensor
    /// is not there, is changed, or is packed.
    pub weights_transpose: unsafe extern "C" fn(
        weights: *const RawWeights,
        name: Text,
        axes: Slice<i32>,
        out: *mut *mut RawWeights,
    ) -> Status,
    /// The same tensors, converted to `dtype` when they are read.
    pub weights_cast: unsafe extern "C" fn(weights: *const RawWeights, dtype: u32) -> *mut RawWeights,
    /// The same tensors, matrices rounded to 3, 4, 6 or 8 bits when they are read.
    pub weights_quantize: unsafe extern "C" fn(weights: *const RawWeights, bits: u32) -> *mut RawWeights,
    /// To how many bits matrices are rounded; 0 where they are not.
    pub weights_bits: unsafe extern "C" fn(weights: *const RawWeights) -> u32,
    /// A record of text: what the file says of itself.
    pub weights_metadata: unsafe extern "C" fn(weights: *const RawWeights) -> *mut RawValue,
    /// The same tensors, and `scale · up · down` beside the matrix `name`: `down` is `[rank, in]`, `up` `[out, rank]`.
    /// [`Host::weights_linear`] adds it to the product and leaves the matrix alone.
    pub weights_with_low_rank: unsafe extern "C" fn(
        weights: *const RawWeights,
        name: Text,
        down: *const RawTensor,
        up: *const RawTensor,
        scale: f64,
        out: *mut *mut RawWeights,
    ) -> Status,
    /// The same tensors, `name` changed by `patch` after all changes that it has already. Takes `payload` over, also where
    /// it fails.
    pub weights_with_patch: unsafe extern "C" fn(
        weights: *const RawWeights,
        name: Text,
        patch: *const PatchTable,
        payload: *mut c_void,
        out: *mut *mut RawWeights,
    ) -> Status,
    /// A list of records: the files of the tensors, then what was told of their changes.
    pub weights_history: unsafe extern "C" fn(weights: *const RawWeights) -> *mut RawValue,
    /// The same tensors, and `entry` at the end of their history.
    pub weights_with_history:
        unsafe extern "C" fn(weights: *const RawWeights, entry: *const RawValue) -> *mut RawWeights,

    pub model_new: unsafe extern "C" fn(
        architecture: Text,
        config: Text,
        weights: *const RawWeights,
        out: *mut *mut RawValue,
    ) -> Status,
    /// False where the value is no model.
    pub model_view: unsafe extern "C" fn(model: *const RawValue, out: *mut ModelView) -> Flag,
    /// Null where the value is no model.
    pub model_weights: unsafe extern "C" fn(model: *const RawValue) -> *mut RawWeights,
    pub model_with_weights:
        unsafe extern "C" fn(model: *const RawValue, weights: *const RawWeights, out: *mut *mut RawValue) -> Status,
    /// Takes `payload` over, also where it fails.
    pub model_with_hook: unsafe extern "C" fn(
        model: *const RawValue,
        point: Text,
        hook: *const HookTable,
        payload: *mut c_void,
        out: *mut *mut RawValue,
    ) -> Status,
    /// The id of the registered architecture of `role` that knows these weights; empty text where none does.
    pub architecture_detect: unsafe extern "C" fn(role: Text, weights: *const RawWeights) -> Text,

    /// Begins one use of a model. `info` is a record that hooks see at their start.
    pub session_open: unsafe extern "C" fn(
        model: *const RawValue,
        run: *const RawRun,
        info: *const RawValue,
        out: *mut *mut RawSession,
    ) -> Status,
    /// Ends it: the hooks' states are freed.
    pub session_free: unsafe extern "C" fn(session: *mut RawSession),
    /// Calls a method of the architecture. Hooks see `args` as their step.
    pub session_call: unsafe extern "C" fn(
        session: *const RawSession,
        method: Text,
        args: *const RawValue,
        out: *mut *mut RawValue,
    ) -> Status,
    /// Called by an architecture: runs `next` inside the hooks of `point`.
    pub session_around: unsafe extern "C" fn(
        session: *const RawSession,
        point: Text,
        input: *const RawValue,
        next: NextFn,
        next_payload: *mut c_void,
        out: *mut *mut RawValue,
    ) -> Status,
    /// The run that the session belongs to; borrowed from it.
    pub session_run: unsafe extern "C" fn(session: *const RawSession) -> *const RawRun,

    /// Evaluates `x` (may be null), reports `done` of `total`, and fails where the run was cancelled.
    pub run_progress: unsafe extern "C" fn(run: *const RawRun, done: u32, total: u32, x: *const RawTensor) -> Status,
    /// Shows `[height, width, 3]`, 0..1, on the node while it runs.
    pub run_preview: unsafe extern "C" fn(run: *const RawRun, image: *const RawTensor) -> Status,
    /// Shows one sentence on the node.
    pub run_note: unsafe extern "C" fn(run: *const RawRun, text: Text),
    /// Shows a table on the node: a record of `title`, `columns` (a list of text) and `rows` (a list of lists of text).
    pub run_report: unsafe extern "C" fn(run: *const RawRun, table: *const RawValue) -> Status,
    /// A record: `device` ("cpu" or "gpu"), `graph` (its text), `node` (its id), `version` (of Weft),
    /// `free_memory` (bytes), `models` (a list of folders).
    pub run_info: unsafe extern "C" fn(run: *const RawRun) -> *mut RawValue,
    /// Writes a new file below the output folder, whole or not at all; `out` receives its path as text.
    /// An existing file is never overwritten: the next free number is put behind the name.
    pub run_write: unsafe extern "C" fn(
        run: *const RawRun,
        name: Text,
        extension: Text,
        bytes: Slice<u8>,
        out: *mut *mut RawValue,
    ) -> Status,
    /// Writes a new folder below the output folder, which `fill` fills; whole or not at all. `out` receives its path as text.
    /// An existing one is never touched: the next free number is put behind the name.
    pub run_write_folder: unsafe extern "C" fn(
        run: *const RawRun,
        name: Text,
        payload: *mut c_void,
        fill: FillFn,
        out: *mut *mut RawValue,
    ) -> Status,

    /// Writes a file in the folder.
    pub folder_write: unsafe extern "C" fn(folder: *const RawFolder, path: Text, bytes: Slice<u8>) -> Status,
    /// Writes a safetensors file in the folder. `metadata` is a record of text. `tensor` is called for each of `tensors`
    /// once, in any order, and its result converted to the type that is planned.
    pub folder_write_tensors: unsafe extern "C" fn(
        folder: *const RawFolder,
        path: Text,
        metadata: *const RawValue,
        tensors: Slice<TensorView>,
        payload: *mut c_void,
        tensor: TensorFn,
    ) -> Status,
}

// SAFETY: function pointers, and a pointer to a table that never changes.
unsafe impl Sync for Host {}
