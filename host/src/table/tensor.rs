//! Tensor handles: an MLX array, or the error that took its place.

use mlx_rs::{Array, Dtype as MlxDtype};
use plugin_api::abi::{RawError, RawTensor, Slice, Status};
use plugin_api::{Dtype, Error, ErrorKind, Result};

use super::error;
use super::live::{self, Kind};
use super::mlx::{from_bytes, mlx_dtype, mlx_error};

/// What a tensor handle points to. The error is in a box, because every handle has the size of the larger of the two.
#[derive(Debug, Clone)]
pub struct Tensor(pub std::result::Result<Array, Box<Error>>);

impl Tensor {
    pub fn array(&self) -> Result<&Array> {
        self.0.as_ref().map_err(|error| Error::clone(error))
    }

    pub fn into_raw(self) -> *mut RawTensor {
        live::made(Kind::Tensor);
        Box::into_raw(Box::new(self)).cast()
    }

    /// # Safety
    /// `raw` is a live handle of ours.
    pub unsafe fn get<'a>(raw: *const RawTensor) -> &'a Self {
        // SAFETY: every tensor handle was made by `into_raw`.
        unsafe { &*raw.cast::<Self>() }
    }

    /// # Safety
    /// `raw` is a handle of ours that nobody uses again.
    pub unsafe fn take(raw: *mut RawTensor) -> Self {
        live::gone(Kind::Tensor);
        // SAFETY: every tensor handle was made by `into_raw`.
        *unsafe { Box::from_raw(raw.cast::<Self>()) }
    }

    /// Runs an operation; errors and panics become a failed tensor.
    pub fn run(body: impl FnOnce() -> Result<Array>) -> *mut RawTensor {
        Self(error::guard(body).map_err(Box::new)).into_raw()
    }
}

/// The type as plugins know it.
pub fn dtype_of(array: &Array) -> Result<Dtype> {
    Ok(match array.dtype() {
        MlxDtype::Bool => Dtype::Bool,
        MlxDtype::Uint8 => Dtype::Uint8,
        MlxDtype::Uint32 => Dtype::Uint32,
        MlxDtype::Int32 => Dtype::Int32,
        MlxDtype::Int64 => Dtype::Int64,
        MlxDtype::Float16 => Dtype::Float16,
        MlxDtype::Bfloat16 => Dtype::Bfloat16,
        MlxDtype::Float32 => Dtype::Float32,
        other => return Err(Error::invalid(format!("a tensor of the type {other:?} cannot be used here"))),
    })
}

pub fn dtype_from(code: u32) -> Result<Dtype> {
    Dtype::from_code(code)
        .ok_or_else(|| Error::new(ErrorKind::Plugin, format!("the tensor type {code} does not exist")))
}

/// The numbers of an array, row-major, as `dtype`.
pub fn to_bytes(array: &Array, dtype: Dtype) -> Result<Vec<u8>> {
    let array =
        if dtype_of(array)? == dtype { array.clone() } else { array.as_dtype(mlx_dtype(dtype)).map_err(mlx_error)? };
    let array = array.contiguous().map_err(mlx_error)?;
    array.eval().map_err(mlx_error)?;
    if array.size() == 0 {
        return Ok(Vec::new());
    }
    macro_rules! bytes {
        ($ty:ty) => {
            array.try_as_slice::<$ty>().map(|numbers| {
                // SAFETY: plain numbers, every byte of them is initialised.
                unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast::<u8>(), std::mem::size_of_val(numbers)) }
                    .to_vec()
            })
        };
    }
    let bytes = match dtype {
        Dtype::Bool => bytes!(bool),
        Dtype::Uint8 => bytes!(u8),
        Dtype::Uint32 => bytes!(u32),
        Dtype::Int32 => bytes!(i32),
        Dtype::Int64 => bytes!(i64),
        Dtype::Float16 => bytes!(half::f16),
        Dtype::Bfloat16 => bytes!(half::bf16),
        Dtype::Float32 => bytes!(f32),
    };
    bytes.map_err(|error| Error::failed(format!("a tensor cannot be read: {error}")))
}

pub unsafe extern "C" fn new(dtype: u32, shape: Slice<i32>, data: Slice<u8>) -> *mut RawTensor {
    Tensor::run(|| {
        // SAFETY: lent for the call.
        let (shape, data) = unsafe { (shape.get(), data.get()) };
        from_bytes(dtype_from(dtype)?, shape, data)
    })
}

pub unsafe extern "C" fn failed(error: *const RawError) -> *mut RawTensor {
    // SAFETY: lent for the call.
    Tensor(Err(Box::new(unsafe { error::get(error) }.clone()))).into_raw()
}

pub unsafe extern "C" fn clone(tensor: *const RawTensor) -> *mut RawTensor {
    // SAFETY: a live handle.
    Tensor::run(|| unsafe { Tensor::get(tensor) }.array().cloned())
}

pub unsafe extern "C" fn free(tensor: *mut RawTensor) {
    if !tensor.is_null() && live::is_ours() {
        // SAFETY: a handle of ours, freed once.
        drop(unsafe { Tensor::take(tensor) });
    }
}

pub unsafe extern "C" fn shape(tensor: *const RawTensor, out: *mut Slice<i32>) -> Status {
    // SAFETY: a live handle; the shape lives in the array that it holds.
    unsafe { error::status(out, || Ok(Slice::of(Tensor::get(tensor).array()?.shape()))) }
}

pub unsafe extern "C" fn dtype(tensor: *const RawTensor, out: *mut u32) -> Status {
    // SAFETY: a live handle and a valid target.
    unsafe { error::status(out, || Ok(dtype_of(Tensor::get(tensor).array()?)? as u32)) }
}

pub unsafe extern "C" fn eval(tensors: Slice<*const RawTensor>) -> Status {
    let mut unit = ();
    // SAFETY: live handles, lent for the call.
    unsafe {
        error::status(&raw mut unit, || {
            let arrays: Vec<&Array> =
                tensors.get().iter().map(|raw| Tensor::get(*raw).array()).collect::<Result<_>>()?;
            mlx_rs::transforms::eval(arrays).map_err(mlx_error)
        })
    }
}

/// Three handles; see [`crate::weights::quantize`].
pub unsafe extern "C" fn quantize(tensor: *const RawTensor, bits: u32, out: *mut *mut RawTensor) -> Status {
    // SAFETY: a live handle, an array of three.
    unsafe {
        error::status(out.cast::<[*mut RawTensor; 3]>(), || {
            let parts = crate::weights::quantize(Tensor::get(tensor).array()?, bits as i32)?;
            Ok(parts.map(|part| Tensor(Ok(part)).into_raw()))
        })
    }
}

pub unsafe extern "C" fn read(tensor: *const RawTensor, dtype: u32, target: *mut u8, bytes: usize) -> Status {
    let mut unit = ();
    // SAFETY: a live handle; the target has `bytes` bytes.
    unsafe {
        error::status(&raw mut unit, || {
            let data = to_bytes(Tensor::get(tensor).array()?, dtype_from(dtype)?)?;
            if data.len() != bytes {
                let what = format!("a tensor of {} bytes was read into {bytes} bytes", data.len());
                return Err(Error::new(ErrorKind::Plugin, what));
            }
            std::ptr::copy_nonoverlapping(data.as_ptr(), target, bytes);
            Ok(())
        })
    }
}
