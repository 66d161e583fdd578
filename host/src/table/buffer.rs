//! The numbers of evaluated arrays, and arrays for results that are computed outside MLX.

use mlx_rs::Array;
use plugin_api::{Error, Result};

use super::mlx::mlx_error;

/// Evaluates arrays into row-major order, so that their numbers can be borrowed: all at once, because all cores wait while a
/// thread of MLX's evaluates. What has its numbers in order already stays as it is.
pub fn settled<const N: usize>(arrays: [&Array; N]) -> Result<[Array; N]> {
    let mut settled = arrays.map(Array::clone);
    for array in &mut settled {
        if !is_settled(array) {
            *array = array.contiguous().map_err(mlx_error)?;
        }
    }
    mlx_rs::transforms::eval(&settled).map_err(mlx_error)?;
    Ok(settled)
}

fn is_settled(x: &Array) -> bool {
    let (mut is_available, mut is_in_order) = (false, false);
    // SAFETY: a live array and valid targets. Whether it is in order is known once its numbers are there.
    unsafe {
        mlx_sys::_mlx_array_is_available(&raw mut is_available, x.as_ptr()) == 0
            && is_available
            && mlx_sys::_mlx_array_is_row_contiguous(&raw mut is_in_order, x.as_ptr()) == 0
            && is_in_order
    }
}

/// The numbers of an array from [`settled`] or [`unset`], row-major.
///
/// # Errors
/// They are not float32.
pub fn numbers(x: &Array) -> Result<&[f32]> {
    x.try_as_slice::<f32>().map_err(|error| Error::failed(format!("a tensor cannot be read: {error}")))
}

/// A row-major float32 array whose numbers are not set yet; all sides are above 0. Its memory is one that was used before,
/// where there is such: fresh pages cost more than most of the arithmetic on them.
///
/// # Errors
/// There is not so much memory.
pub fn unset(shape: &[i32]) -> Result<Array> {
    let mut array = spare::array(shape)?;
    if cfg!(debug_assertions) {
        // So that tests see what is left out.
        numbers_mut(&mut array)?.fill(f32::NAN);
    }
    Ok(array)
}

/// The numbers of an array from [`unset`], before anything else refers to it.
///
/// # Errors
/// None.
pub fn numbers_mut(unset: &mut Array) -> Result<&mut [f32]> {
    let numbers = numbers(unset)?;
    // SAFETY: the array is evaluated, row-major and known to nobody else, which the exclusive borrow keeps so.
    Ok(unsafe { std::slice::from_raw_parts_mut(numbers.as_ptr().cast_mut(), numbers.len()) })
}

/// Bytes that wait for the next array. MLX counts them as in use.
pub fn spare_bytes() -> u64 {
    spare::bytes()
}

/// Gives them back.
pub fn clear_spare() {
    spare::clear();
}

/// mlx-linux/buffers.cpp, beside MLX's C API.
#[cfg(target_os = "linux")]
mod spare {
    use super::{Array, Error, Result};

    unsafe extern "C" {
        fn weft_array_unset(shape: *const i32, dim: usize) -> mlx_sys::mlx_array;
        safe fn weft_spare_bytes() -> usize;
        safe fn weft_spare_clear();
    }

    pub fn array(shape: &[i32]) -> Result<Array> {
        // SAFETY: as many sides as are told; the array is ours. Its numbers are whatever the memory held, and any
        // four bytes are a number.
        let array = unsafe { weft_array_unset(shape.as_ptr(), shape.len()) };
        if array.ctx.is_null() {
            return Err(Error::failed(format!("there is no memory for a tensor {shape:?}")));
        }
        // SAFETY: not null, and owned by nobody else.
        Ok(unsafe { Array::from_ptr(array) })
    }

    pub fn bytes() -> u64 {
        weft_spare_bytes() as u64
    }

    pub fn clear() {
        weft_spare_clear();
    }
}

/// MLX's own buffers. On a Mac its Metal backend, which keeps them itself, computes nearly everything.
#[cfg(not(target_os = "linux"))]
mod spare {
    use super::{Array, Result, mlx_error, settled};

    pub fn array(shape: &[i32]) -> Result<Array> {
        settled([&mlx_rs::ops::full::<f32>(shape, Array::from_f32(0.0)).map_err(mlx_error)?]).map(|[array]| array)
    }

    pub fn bytes() -> u64 {
        0
    }

    pub fn clear() {}
}
