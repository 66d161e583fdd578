//! Errors, tensors, values and records. Every handle is a box.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use super::array::Array;
use super::models::MockModel;
use crate::abi::{ErrorView, Flag, FreeFn, RawError, RawTensor, RawValue, Slice, Status, Text, ValueView};
use crate::value::Tag;
use crate::{Dtype, Error, ErrorKind, Result};

/// What is behind a tensor handle.
pub type Cell = Result<Array>;

#[derive(Clone)]
pub enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Tensor(Cell),
    List(Rc<[Val]>),
    Record(Rc<BTreeMap<String, Val>>),
    Model(Rc<MockModel>),
    Opaque(Rc<Opaque>),
}

pub struct Opaque {
    kind: String,
    payload: *mut c_void,
    free: FreeFn,
}

impl Drop for Opaque {
    fn drop(&mut self) {
        // SAFETY: the plugin's own function, called once.
        unsafe { (self.free)(self.payload) }
    }
}

pub fn handle<T, R>(value: T) -> *mut R {
    Box::into_raw(Box::new(value)).cast()
}

/// # Safety
/// `raw` is a live handle on a `T`.
pub unsafe fn get<'a, T, R>(raw: *const R) -> &'a T {
    // SAFETY: the caller's word.
    unsafe { &*raw.cast::<T>() }
}

/// # Safety
/// `raw` is a handle on a `T`, not used again.
pub unsafe fn free<T, R>(raw: *mut R) {
    if !raw.is_null() {
        // SAFETY: the caller's word.
        drop(unsafe { Box::from_raw(raw.cast::<T>()) });
    }
}

/// # Safety
/// `raw` is a live tensor.
pub unsafe fn cell<'a>(raw: *const RawTensor) -> &'a Cell {
    // SAFETY: the caller's word.
    unsafe { get(raw) }
}

/// # Safety
/// `raw` is a live value.
pub unsafe fn val<'a>(raw: *const RawValue) -> &'a Val {
    // SAFETY: the caller's word.
    unsafe { get(raw) }
}

/// A tensor out of `body`, failed where that fails or panics.
pub fn made(body: impl FnOnce() -> Cell) -> *mut RawTensor {
    let panicked =
        |_| Err(Error::new(ErrorKind::Internal, "the mock host panicked: are all arguments of the right rank?"));
    handle(std::panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(panicked))
}

/// Writes the result of `body`, or returns its error.
///
/// # Safety
/// `out` is a valid target.
pub unsafe fn status<T>(out: *mut T, body: impl FnOnce() -> Result<T>) -> Status {
    match body() {
        Ok(value) => {
            // SAFETY: the caller's word.
            unsafe { out.write(value) };
            std::ptr::null_mut()
        }
        Err(error) => handle(error),
    }
}

pub unsafe extern "C" fn error_new(kind: u32, message: Text, help: Text) -> *mut RawError {
    // SAFETY: lent text.
    unsafe { handle(Error::new(ErrorKind::from_code(kind), message.to_text()).help(help.to_text())) }
}

pub unsafe extern "C" fn error_view(error: *const RawError, out: *mut ErrorView) {
    // SAFETY: a live handle, a valid target.
    unsafe {
        let error: &Error = get(error);
        out.write(ErrorView {
            kind: error.kind as u32,
            message: Text::text(&error.message),
            help: Text::text(&error.help),
        });
    }
}

pub unsafe extern "C" fn tensor_new(dtype: u32, shape: Slice<i32>, data: Slice<u8>) -> *mut RawTensor {
    // SAFETY: lent for the call.
    let (shape, data) = unsafe { (shape.get(), data.get()) };
    made(|| {
        let dtype = Dtype::from_code(dtype).ok_or_else(|| Error::invalid("an unknown type"))?;
        let numbers = data.chunks_exact(dtype.size()).map(|bytes| match (dtype, bytes) {
            (Dtype::Float32, &[a, b, c, d]) => Ok(f32::from_le_bytes([a, b, c, d])),
            (Dtype::Int32, &[a, b, c, d]) => Ok(i32::from_le_bytes([a, b, c, d]) as f32),
            (Dtype::Uint32, &[a, b, c, d]) => Ok(u32::from_le_bytes([a, b, c, d]) as f32),
            (Dtype::Uint8, &[a]) => Ok(f32::from(a)),
            _ => Err(Error::invalid(format!("the mock makes no tensors of {dtype:?}"))),
        });
        Array::new(shape, numbers.collect::<Result<_>>()?, dtype)
    })
}

pub unsafe extern "C" fn tensor_failed(error: *const RawError) -> *mut RawTensor {
    // SAFETY: a live handle.
    made(|| Err(unsafe { get::<Error, _>(error) }.clone()))
}

/// The mock has float32 alone, which packed numbers do not fit in.
pub unsafe extern "C" fn tensor_quantize(_tensor: *const RawTensor, _bits: u32, out: *mut *mut RawTensor) -> Status {
    // SAFETY: a valid target.
    unsafe { status(out, || Err(Error::invalid("the mock host packs no numbers"))) }
}

pub unsafe extern "C" fn tensor_clone(tensor: *const RawTensor) -> *mut RawTensor {
    // SAFETY: a live handle.
    handle(unsafe { cell(tensor) }.clone())
}

pub unsafe extern "C" fn tensor_shape(tensor: *const RawTensor, out: *mut Slice<i32>) -> Status {
    // SAFETY: a live handle, whose shape lives as long; a valid target.
    unsafe { status(out, || Ok(Slice::of(&cell(tensor).as_ref().map_err(Clone::clone)?.shape))) }
}

pub unsafe extern "C" fn tensor_dtype(tensor: *const RawTensor, out: *mut u32) -> Status {
    // SAFETY: a live handle, a valid target.
    unsafe { status(out, || Ok(cell(tensor).as_ref().map_err(Clone::clone)?.dtype as u32)) }
}

pub unsafe extern "C" fn tensor_eval(tensors: Slice<*const RawTensor>) -> Status {
    // SAFETY: live handles.
    let failed = unsafe { tensors.get().iter().find_map(|tensor| cell(*tensor).as_ref().err()) };
    failed.map_or(std::ptr::null_mut(), |error| handle(error.clone()))
}

pub unsafe extern "C" fn tensor_read(tensor: *const RawTensor, dtype: u32, target: *mut u8, bytes: usize) -> Status {
    // SAFETY: a live handle; the target has so many bytes.
    unsafe {
        status(&mut (), || {
            let array = cell(tensor).as_ref().map_err(Clone::clone)?;
            let data: Vec<u8> = array.data.iter().flat_map(|&x| to_bytes(x, dtype)).collect();
            if data.len() != bytes {
                return Err(Error::new(ErrorKind::Plugin, format!("{bytes} bytes to read {:?} into", array.shape)));
            }
            std::ptr::copy_nonoverlapping(data.as_ptr(), target, bytes);
            Ok(())
        })
    }
}

fn to_bytes(x: f32, dtype: u32) -> Vec<u8> {
    match Dtype::from_code(dtype) {
        Some(Dtype::Float32) => x.to_le_bytes().to_vec(),
        Some(Dtype::Int32) => (x as i32).to_le_bytes().to_vec(),
        Some(Dtype::Uint32) => (x as u32).to_le_bytes().to_vec(),
        Some(Dtype::Uint8) => vec![x as u8],
        _ => Vec::new(),
    }
}

macro_rules! constructors {
    ($($name:ident($($arg:ident: $ty:ty),*) $body:expr;)*) => { $(
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> *mut RawValue {
            // SAFETY: what is lent is alive for the call.
            #[allow(unused_unsafe, reason = "plain numbers need none")]
            handle(unsafe { $body })
        }
    )* };
}
constructors! {
    value_null() Val::Null;
    value_bool(value: Flag) Val::Bool(value != 0);
    value_int(value: i64) Val::Int(value);
    value_float(value: f64) Val::Float(value);
    value_text(value: Text) Val::Text(value.to_text().into());
    value_tensor(value: *const RawTensor) Val::Tensor(cell(value).clone());
    value_list(values: Slice<*const RawValue>)
        Val::List(values.get().iter().map(|value| val(*value).clone()).collect());
    value_record() Val::Record(Rc::default());
    value_opaque(kind: Text, payload: *mut c_void, free: FreeFn)
        Val::Opaque(Rc::new(Opaque { kind: kind.to_text(), payload, free }));
    value_clone(value: *const RawValue) val(value).clone();
}

pub unsafe extern "C" fn value_view(value: *const RawValue, out: *mut ValueView) {
    let mut view = ValueView::default();
    // SAFETY: a live handle, whose texts live as long.
    let tag = match unsafe { val(value) } {
        Val::Null => Tag::Null,
        Val::Bool(value) => (view.int = i64::from(*value), Tag::Bool).1,
        Val::Int(value) => (view.int = *value, Tag::Int).1,
        Val::Float(value) => (view.float = *value, Tag::Float).1,
        Val::Text(text) => (view.text = Text::text(text), Tag::Text).1,
        Val::Tensor(_) => Tag::Tensor,
        Val::List(list) => (view.len = list.len(), Tag::List).1,
        Val::Record(record) => (view.len = record.len(), Tag::Record).1,
        Val::Model(model) => (view.text = model.role(), Tag::Model).1,
        Val::Opaque(opaque) => {
            (view.text, view.payload) = (Text::text(&opaque.kind), opaque.payload);
            view.free = Some(opaque.free);
            Tag::Opaque
        }
    };
    view.tag = tag as u32;
    // SAFETY: a valid target.
    unsafe { out.write(view) };
}

pub unsafe extern "C" fn value_as_tensor(value: *const RawValue) -> *mut RawTensor {
    // SAFETY: a live handle.
    if let Val::Tensor(cell) = unsafe { val(value) } { handle(cell.clone()) } else { std::ptr::null_mut() }
}

pub unsafe extern "C" fn list_get(list: *const RawValue, index: usize) -> *mut RawValue {
    // SAFETY: a live handle.
    let found = if let Val::List(list) = unsafe { val(list) } { list.get(index) } else { None };
    found.map_or(std::ptr::null_mut(), |value| handle(value.clone()))
}

pub unsafe extern "C" fn record_get(record: *const RawValue, key: Text) -> *mut RawValue {
    // SAFETY: a live handle, lent text.
    let (record, key) = unsafe { (val(record), key.to_text()) };
    let found = if let Val::Record(record) = record { record.get(&key) } else { None };
    found.map_or(std::ptr::null_mut(), |value| handle(value.clone()))
}

pub unsafe extern "C" fn record_key(record: *const RawValue, index: usize) -> Text {
    // SAFETY: a live handle, whose keys live as long.
    let key = if let Val::Record(record) = unsafe { val(record) } { record.keys().nth(index) } else { None };
    key.map_or(Text::text(""), |key| Text::text(key))
}

pub unsafe extern "C" fn record_with(record: *const RawValue, key: Text, value: *const RawValue) -> *mut RawValue {
    // SAFETY: live handles, lent text.
    let (record, key, value) = unsafe { (val(record), key.to_text(), val(value).clone()) };
    let Val::Record(record) = record else { return std::ptr::null_mut() };
    let mut record = BTreeMap::clone(record);
    record.insert(key, value);
    handle(Val::Record(Rc::new(record)))
}
