//! The plugin interface 1.0, as it was when it was frozen. NEVER CHANGED: it stands for every plugin that was built for 1.0. A
//! test holds its SHA-256. It depends on nothing, so that no change of `plugin-api` can reach it.

use std::ffi::c_void;

pub const MAGIC: u64 = u64::from_le_bytes(*b"weftplug");
pub const MAJOR: u32 = 1;
pub const NEEDS_MINOR: u32 = 0;

#[repr(C)]
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

impl<T> Slice<T> {
    pub const fn of(values: &[T]) -> Self {
        Self { ptr: values.as_ptr(), len: values.len() }
    }

    pub unsafe fn get<'a>(self) -> &'a [T] {
        if self.len == 0 {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

pub type Text = Slice<u8>;
pub type Flag = u32;

impl Text {
    pub const fn text(text: &str) -> Self {
        Self::of(text.as_bytes())
    }
}

#[repr(C)]
pub struct RawTensor {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawValue {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawWeights {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawRun {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawSession {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawError {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawFolder {
    _private: [u8; 0],
}

pub type Status = *mut RawError;
pub type FreeFn = unsafe extern "C" fn(payload: *mut c_void);
pub type NextFn = unsafe extern "C" fn(payload: *mut c_void, input: *const RawValue, out: *mut *mut RawValue) -> Status;
pub type FillFn = unsafe extern "C" fn(payload: *mut c_void, folder: *const RawFolder) -> Status;
pub type TensorFn = unsafe extern "C" fn(payload: *mut c_void, index: usize, out: *mut *mut RawTensor) -> Status;

#[repr(C)]
pub struct ErrorView {
    pub kind: u32,
    pub message: Text,
    pub help: Text,
}

#[repr(C)]
pub struct ValueView {
    pub tag: u32,
    pub int: i64,
    pub float: f64,
    pub text: Text,
    pub len: usize,
    pub payload: *mut c_void,
    pub free: Option<FreeFn>,
}

#[repr(C)]
pub struct TensorView {
    pub name: Text,
    pub dtype: u32,
    pub shape: Slice<i32>,
    pub stored: Text,
}

#[repr(C)]
pub struct TensorRows {
    pub name: Text,
    pub of: Text,
    pub first_row: u64,
    pub shape: Slice<i32>,
}

#[repr(C)]
pub struct ModelView {
    pub role: Text,
    pub architecture: Text,
    pub config: Text,
}

#[repr(C)]
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
    pub finish: FreeFn,
    pub free: FreeFn,
}

#[repr(C)]
pub struct PatchTable {
    pub size: usize,
    pub apply: unsafe extern "C" fn(payload: *mut c_void, tensor: *const RawTensor, out: *mut *mut RawTensor) -> Status,
    pub free: FreeFn,
}

#[repr(C)]
pub struct NodeEntry {
    pub size: usize,
    pub spec: Text,
    pub payload: *mut c_void,
    pub run: unsafe extern "C" fn(
        payload: *mut c_void,
        run: *const RawRun,
        inputs: *const RawValue,
        outputs: *mut *mut RawValue,
    ) -> Status,
}

#[repr(C)]
pub struct ArchitectureEntry {
    pub size: usize,
    pub id: Text,
    pub role: Text,
    pub payload: *mut c_void,
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
    pub free: FreeFn,
}

#[repr(C)]
pub struct Entries {
    pub size: usize,
    pub nodes: Slice<*const NodeEntry>,
    pub architectures: Slice<*const ArchitectureEntry>,
}

#[repr(C)]
pub struct Plugin {
    pub magic: u64,
    pub major: u32,
    pub needs_minor: u32,
    pub size: usize,
    pub id: Text,
    pub version: Text,
    pub init: unsafe extern "C" fn(host: *const Host, out: *mut *const Entries) -> Status,
}

#[repr(C)]
pub struct Host {
    pub size: usize,
    pub major: u32,
    pub minor: u32,
    pub ops: *const Ops,
    pub extension: unsafe extern "C" fn(name: Text) -> *const c_void,

    pub error_new: unsafe extern "C" fn(kind: u32, message: Text, help: Text) -> *mut RawError,
    pub error_view: unsafe extern "C" fn(error: *const RawError, out: *mut ErrorView),
    pub error_free: unsafe extern "C" fn(error: *mut RawError),
    pub tensor_new: unsafe extern "C" fn(dtype: u32, shape: Slice<i32>, data: Slice<u8>) -> *mut RawTensor,
    pub tensor_failed: unsafe extern "C" fn(error: *const RawError) -> *mut RawTensor,
    pub tensor_clone: unsafe extern "C" fn(tensor: *const RawTensor) -> *mut RawTensor,
    pub tensor_free: unsafe extern "C" fn(tensor: *mut RawTensor),
    pub tensor_shape: unsafe extern "C" fn(tensor: *const RawTensor, out: *mut Slice<i32>) -> Status,
    pub tensor_dtype: unsafe extern "C" fn(tensor: *const RawTensor, out: *mut u32) -> Status,
    pub tensor_eval: unsafe extern "C" fn(tensors: Slice<*const RawTensor>) -> Status,
    pub tensor_read:
        unsafe extern "C" fn(tensor: *const RawTensor, dtype: u32, target: *mut u8, bytes: usize) -> Status,
    pub tensor_quantize: unsafe extern "C" fn(tensor: *const RawTensor, bits: u32, out: *mut *mut RawTensor) -> Status,

    pub value_null: unsafe extern "C" fn() -> *mut RawValue,
    pub value_bool: unsafe extern "C" fn(value: Flag) -> *mut RawValue,
    pub value_int: unsafe extern "C" fn(value: i64) -> *mut RawValue,
    pub value_float: unsafe extern "C" fn(value: f64) -> *mut RawValue,
    pub value_text: unsafe extern "C" fn(value: Text) -> *mut RawValue,
    pub value_tensor: unsafe extern "C" fn(value: *const RawTensor) -> *mut RawValue,
    pub value_list: unsafe extern "C" fn(values: Slice<*const RawValue>) -> *mut RawValue,
    pub value_record: unsafe extern "C" fn() -> *mut RawValue,
    pub value_opaque: unsafe extern "C" fn(kind: Text, payload: *mut c_void, free: FreeFn) -> *mut RawValue,
    pub value_clone: unsafe extern "C" fn(value: *const RawValue) -> *mut RawValue,
    pub value_free: unsafe extern "C" fn(value: *mut RawValue),
    pub value_view: unsafe extern "C" fn(value: *const RawValue, out: *mut ValueView),
    pub value_as_tensor: unsafe extern "C" fn(value: *const RawValue) -> *mut RawTensor,
    pub list_get: unsafe extern "C" fn(list: *const RawValue, index: usize) -> *mut RawValue,
    pub record_get: unsafe extern "C" fn(record: *const RawValue, key: Text) -> *mut RawValue,
    pub record_key: unsafe extern "C" fn(record: *const RawValue, index: usize) -> Text,
    pub record_with: unsafe extern "C" fn(record: *const RawValue, key: Text, value: *const RawValue) -> *mut RawValue,
    pub weights_open: unsafe extern "C" fn(path: Text, out: *mut *mut RawWeights) -> Status,
    pub weights_clone: unsafe extern "C" fn(weights: *const RawWeights) -> *mut RawWeights,
    pub weights_free: unsafe extern "C" fn(weights: *mut RawWeights),
    pub weights_len: unsafe extern "C" fn(weights: *const RawWeights) -> usize,
    pub weights_at: unsafe extern "C" fn(weights: *const RawWeights, index: usize, out: *mut TensorView) -> Flag,
    pub weights_find: unsafe extern "C" fn(weights: *const RawWeights, name: Text, out: *mut TensorView) -> Flag,
    pub weights_tensor: unsafe extern "C" fn(weights: *const RawWeights, name: Text) -> *mut RawTensor,
    pub weights_exact: unsafe extern "C" fn(weights: *const RawWeights, name: Text) -> *mut RawTensor,
    pub weights_linear:
        unsafe extern "C" fn(weights: *const RawWeights, name: Text, x: *const RawTensor) -> *mut RawTensor,
    pub weights_select: unsafe extern "C" fn(weights: *const RawWeights, from: Text, to: Text) -> *mut RawWeights,
    pub weights_views:
        unsafe extern "C" fn(weights: *const RawWeights, views: Slice<TensorRows>, out: *mut *mut RawWeights) -> Status,
    pub weights_transpose: unsafe extern "C" fn(
        weights: *const RawWeights,
        name: Text,
        axes: Slice<i32>,
        out: *mut *mut RawWeights,
    ) -> Status,
    pub weights_cast: unsafe extern "C" fn(weights: *const RawWeights, dtype: u32) -> *mut RawWeights,
    pub weights_quantize: unsafe extern "C" fn(weights: *const RawWeights, bits: u32) -> *mut RawWeights,
    pub weights_bits: unsafe extern "C" fn(weights: *const RawWeights) -> u32,
    pub weights_metadata: unsafe extern "C" fn(weights: *const RawWeights) -> *mut RawValue,
    pub weights_with_low_rank: unsafe extern "C" fn(
        weights: *const RawWeights,
        name: Text,
        down: *const RawTensor,
        up: *const RawTensor,
        scale: f64,
        out: *mut *mut RawWeights,
    ) -> Status,
    pub weights_with_patch: unsafe extern "C" fn(
        weights: *const RawWeights,
        name: Text,
        patch: *const PatchTable,
        payload: *mut c_void,
        out: *mut *mut RawWeights,
    ) -> Status,
    pub weights_history: unsafe extern "C" fn(weights: *const RawWeights) -> *mut RawValue,
    pub weights_with_history:
        unsafe extern "C" fn(weights: *const RawWeights, entry: *const RawValue) -> *mut RawWeights,

    pub model_new: unsafe extern "C" fn(
        architecture: Text,
        config: Text,
        weights: *const RawWeights,
        out: *mut *mut RawValue,
    ) -> Status,
    pub model_view: unsafe extern "C" fn(model: *const RawValue, out: *mut ModelView) -> Flag,
    pub model_weights: unsafe extern "C" fn(model: *const RawValue) -> *mut RawWeights,
    pub model_with_weights:
        unsafe extern "C" fn(model: *const RawValue, weights: *const RawWeights, out: *mut *mut RawValue) -> Status,
    pub model_with_hook: unsafe extern "C" fn(
        model: *const RawValue,
        point: Text,
        hook: *const HookTable,
        payload: *mut c_void,
        out: *mut *mut RawValue,
    ) -> Status,
    pub architecture_detect: unsafe extern "C" fn(role: Text, weights: *const RawWeights) -> Text,
    pub session_open: unsafe extern "C" fn(
        model: *const RawValue,
        run: *const RawRun,
        info: *const RawValue,
        out: *mut *mut RawSession,
    ) -> Status,
    pub session_free: unsafe extern "C" fn(session: *mut RawSession),
    pub session_call: unsafe extern "C" fn(
        session: *const RawSession,
        method: Text,
        args: *const RawValue,
        out: *mut *mut RawValue,
    ) -> Status,
    pub session_around: unsafe extern "C" fn(
        session: *const RawSession,
        point: Text,
        input: *const RawValue,
        next: NextFn,
        next_payload: *mut c_void,
        out: *mut *mut RawValue,
    ) -> Status,
    pub session_run: unsafe extern "C" fn(session: *const RawSession) -> *const RawRun,
    pub run_progress: unsafe extern "C" fn(run: *const RawRun, done: u32, total: u32, x: *const RawTensor) -> Status,
    pub run_preview: unsafe extern "C" fn(run: *const RawRun, image: *const RawTensor) -> Status,
    pub run_note: unsafe extern "C" fn(run: *const RawRun, text: Text),
    pub run_report: unsafe extern "C" fn(run: *const RawRun, table: *const RawValue) -> Status,
    pub run_info: unsafe extern "C" fn(run: *const RawRun) -> *mut RawValue,
    pub run_write: unsafe extern "C" fn(
        run: *const RawRun,
        name: Text,
        extension: Text,
        bytes: Slice<u8>,
        out: *mut *mut RawValue,
    ) -> Status,
    pub run_write_folder: unsafe extern "C" fn(
        run: *const RawRun,
        name: Text,
        payload: *mut c_void,
        fill: FillFn,
        out: *mut *mut RawValue,
    ) -> Status,
    pub folder_write: unsafe extern "C" fn(folder: *const RawFolder, path: Text, bytes: Slice<u8>) -> Status,
    pub folder_write_tensors: unsafe extern "C" fn(
        folder: *const RawFolder,
        path: Text,
        metadata: *const RawValue,
        tensors: Slice<TensorView>,
        payload: *mut c_void,
        tensor: TensorFn,
    ) -> Status,
}

#[repr(C)]
pub struct Ops {
    pub size: usize,
    pub add: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub subtract: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub multiply: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub divide: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub power: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub remainder: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub maximum: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub minimum: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub add_scalar: unsafe extern "C" fn(*const RawTensor, f32) -> *mut RawTensor,
    pub multiply_scalar: unsafe extern "C" fn(*const RawTensor, f32) -> *mut RawTensor,
    pub clip: unsafe extern "C" fn(*const RawTensor, f32, f32) -> *mut RawTensor,
    pub negative: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub abs: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub exp: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub log: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub sin: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub cos: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub tanh: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub sigmoid: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub erf: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub sqrt: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub rsqrt: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub square: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub reciprocal: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub sign: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub floor: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub ceil: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub round: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub is_finite: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub silu: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub silu_multiply: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub gelu: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub equal: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub not_equal: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub less: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub less_equal: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub greater: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub greater_equal: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub logical_and: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub logical_or: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub logical_not: unsafe extern "C" fn(*const RawTensor) -> *mut RawTensor,
    pub select: unsafe extern "C" fn(*const RawTensor, *const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub sum: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub mean: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub variance: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub max: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub min: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub all: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub any: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Flag) -> *mut RawTensor,
    pub argmax: unsafe extern "C" fn(*const RawTensor, i32, Flag) -> *mut RawTensor,
    pub argsort: unsafe extern "C" fn(*const RawTensor, i32) -> *mut RawTensor,
    pub cumsum: unsafe extern "C" fn(*const RawTensor, i32) -> *mut RawTensor,
    pub softmax: unsafe extern "C" fn(*const RawTensor, i32) -> *mut RawTensor,
    pub reshape: unsafe extern "C" fn(*const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub transpose: unsafe extern "C" fn(*const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub swap_axes: unsafe extern "C" fn(*const RawTensor, i32, i32) -> *mut RawTensor,
    pub expand_dims: unsafe extern "C" fn(*const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub squeeze: unsafe extern "C" fn(*const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub broadcast_to: unsafe extern "C" fn(*const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub slice: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Slice<i32>, Slice<i32>) -> *mut RawTensor,
    pub take: unsafe extern "C" fn(*const RawTensor, *const RawTensor, i32) -> *mut RawTensor,
    pub repeat: unsafe extern "C" fn(*const RawTensor, i32, i32) -> *mut RawTensor,
    pub tile: unsafe extern "C" fn(*const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub pad: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Slice<i32>, f32) -> *mut RawTensor,
    pub slice_update: unsafe extern "C" fn(*const RawTensor, *const RawTensor, Slice<i32>) -> *mut RawTensor,
    pub as_dtype: unsafe extern "C" fn(*const RawTensor, u32) -> *mut RawTensor,
    pub matmul: unsafe extern "C" fn(*const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub addmm: unsafe extern "C" fn(*const RawTensor, *const RawTensor, *const RawTensor, f32, f32) -> *mut RawTensor,
    pub conv2d: unsafe extern "C" fn(
        *const RawTensor,
        *const RawTensor,
        Slice<i32>,
        Slice<i32>,
        Slice<i32>,
        i32,
    ) -> *mut RawTensor,
    pub rms_norm: unsafe extern "C" fn(*const RawTensor, *const RawTensor, f32) -> *mut RawTensor,
    pub layer_norm: unsafe extern "C" fn(*const RawTensor, *const RawTensor, *const RawTensor, f32) -> *mut RawTensor,
    pub group_norm:
        unsafe extern "C" fn(*const RawTensor, i32, *const RawTensor, *const RawTensor, f32) -> *mut RawTensor,
    pub rotate_pairs: unsafe extern "C" fn(*const RawTensor, *const RawTensor, *const RawTensor) -> *mut RawTensor,
    pub rope: unsafe extern "C" fn(*const RawTensor, f32) -> *mut RawTensor,
    pub attention: unsafe extern "C" fn(
        *const RawTensor,
        *const RawTensor,
        *const RawTensor,
        f32,
        *const RawTensor,
    ) -> *mut RawTensor,
    pub causal_attention:
        unsafe extern "C" fn(*const RawTensor, *const RawTensor, *const RawTensor, f32) -> *mut RawTensor,
    pub interpolate: unsafe extern "C" fn(*const RawTensor, Slice<i32>, Text) -> *mut RawTensor,
    pub full: unsafe extern "C" fn(Slice<i32>, f32, u32) -> *mut RawTensor,
    pub arange: unsafe extern "C" fn(f32, f32, f32, u32) -> *mut RawTensor,
    pub concatenate: unsafe extern "C" fn(Slice<*const RawTensor>, i32) -> *mut RawTensor,
    pub stack: unsafe extern "C" fn(Slice<*const RawTensor>, i32) -> *mut RawTensor,
    pub random_normal: unsafe extern "C" fn(Slice<i32>, u64) -> *mut RawTensor,
    pub random_uniform: unsafe extern "C" fn(Slice<i32>, u64) -> *mut RawTensor,
}

unsafe impl Sync for Plugin {}
unsafe impl Sync for NodeEntry {}
unsafe impl Sync for ArchitectureEntry {}
unsafe impl Sync for Entries {}
