//! Starting MLX on this thread, and the few conversions that every other file here needs.

use std::ffi::c_void;

use mlx_rs::{Array, Dtype as MlxDtype};
use plugin_api::{Dtype, Error, Result};

use super::{buffer, cpu};

/// What MLX computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Device {
    Gpu,
    Cpu,
}

impl Device {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
        }
    }
}

/// Prepares MLX on the calling thread, which alone may use it from here on. None asks for a GPU where there is one.
///
/// # Errors
/// A GPU was asked for and there is none.
pub fn start(wanted: Option<Device>) -> Result<Device> {
    // The first call that goes through mlx-rs installs its error handler; an error before it would end the process.
    mlx_rs::memory::reset_peak_memory().map_err(mlx_error)?;
    let device = match (wanted, gpu_is_there()) {
        (Some(Device::Gpu), false) => {
            return Err(
                Error::invalid("there is no GPU that MLX can use").help("leave out --device, or give --device cpu")
            );
        }
        (Some(Device::Cpu), _) | (None, false) => Device::Cpu,
        (Some(Device::Gpu) | None, true) => Device::Gpu,
    };
    super::live::belongs_here();
    cpu::use_here(device == Device::Cpu);
    mlx_rs::Device::set_default(&match device {
        Device::Gpu => mlx_rs::Device::gpu(),
        Device::Cpu => mlx_rs::Device::cpu(),
    });
    Ok(device)
}

fn gpu_is_there() -> bool {
    let mut available = false;
    // SAFETY: plain queries of mlx-c; the device handle is freed after its use.
    unsafe {
        let device = mlx_sys::mlx_device_new_type(mlx_sys::mlx_device_type__MLX_GPU, 0);
        let status = mlx_sys::mlx_device_is_available(&raw mut available, device);
        mlx_sys::mlx_device_free(device);
        status == 0 && available
    }
}

/// The most bytes that arrays held at once since the last call of this, and what matrices that are laid out hold.
pub fn take_peak_memory() -> u64 {
    // MLX looks when it allocates: where it did not, what is there now is the most.
    let peak = mlx_rs::memory::peak_memory().unwrap_or(0) as u64;
    // A failure leaves the old peak standing.
    let _ = mlx_rs::memory::reset_peak_memory();
    peak.max(cpu::take_most()).max(active_memory())
}

/// Bytes that arrays hold now, and matrices that are laid out for products.
pub fn active_memory() -> u64 {
    mlx_bytes() + cpu::held()
}

/// Bytes that MLX's own arrays hold now.
pub fn mlx_bytes() -> u64 {
    (mlx_rs::memory::active_memory().unwrap_or(0) as u64).saturating_sub(buffer::spare_bytes())
}

/// Bytes that are kept for the next arrays.
pub fn spare_memory() -> u64 {
    mlx_rs::memory::cache_memory().unwrap_or(0) as u64 + buffer::spare_bytes()
}

/// Gives what MLX and the allocator keep of freed memory back to the system.
pub fn clear_spare_buffers() {
    // Nothing depends on it: a failure leaves memory in the cache.
    let _ = mlx_rs::memory::clear_cache();
    buffer::clear_spare();
    crate::allocator::trim();
}

/// MLX's message without its place in mlx-c, which helps nobody.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub fn mlx_error(error: mlx_rs::error::Exception) -> Error {
    let text = error.what();
    let text = text.rfind(" at /").map_or(text, |end| &text[..end]);
    Error::failed(format!("the computation failed: {text}"))
}

pub fn mlx_dtype(dtype: Dtype) -> MlxDtype {
    match dtype {
        Dtype::Bool => MlxDtype::Bool,
        Dtype::Uint8 => MlxDtype::Uint8,
        Dtype::Uint32 => MlxDtype::Uint32,
        Dtype::Int32 => MlxDtype::Int32,
        Dtype::Int64 => MlxDtype::Int64,
        Dtype::Float16 => MlxDtype::Float16,
        Dtype::Bfloat16 => MlxDtype::Bfloat16,
        Dtype::Float32 => MlxDtype::Float32,
    }
}

/// An array of `shape` from its bytes, row-major; they are copied.
///
/// # Errors
/// The bytes are not as many as the shape needs.
pub fn from_bytes(dtype: Dtype, shape: &[i32], data: &[u8]) -> Result<Array> {
    let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(usize::try_from(n).ok()?));
    if count.and_then(|count| count.checked_mul(dtype.size())) != Some(data.len()) {
        return Err(Error::invalid(format!("{} bytes are no {dtype:?} tensor of the shape {shape:?}", data.len())));
    }
    // SAFETY: as many bytes as shape and type need; MLX copies them before it returns.
    Ok(unsafe { Array::from_raw_data(data.as_ptr().cast::<c_void>(), shape, mlx_dtype(dtype)) })
}
