//! A new folder of files, such as a model, written tensor by tensor.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::abi::{RawFolder, RawTensor, Slice, Status, TensorView, Text};
use crate::error::{Error, Result};
use crate::export::guard;
use crate::host;
use crate::node::Run;
use crate::tensor::Tensor;
use crate::value::{FromValue, Record, Value};
use crate::weights::TensorInfo;

/// A folder that is being written, lent to the function that fills it. Nobody else sees it before it is complete.
#[derive(Debug)]
pub struct NewFolder(NonNull<RawFolder>);

impl Run {
    /// Writes a new folder `name` below the output folder, whole or not at all, and returns its path. Nothing is overwritten:
    /// the next free number is put behind the name.
    ///
    /// # Errors
    /// What `fill` fails with, a name that leaves the output folder, a full disk, no permission.
    pub fn write_folder(&self, name: &str, fill: impl FnOnce(&NewFolder) -> Result<()>) -> Result<String> {
        let mut fill = Some(fill);
        let mut call = |folder: &NewFolder| fill.take().map_or(Ok(()), |fill| fill(folder));
        let mut call: &mut dyn FnMut(&NewFolder) -> Result<()> = &mut call;
        let mut out = std::ptr::null_mut();
        // SAFETY: `call` outlives the host's call, which alone uses the payload; `out` is set where the status is null.
        let path = unsafe {
            let payload = (&raw mut call).cast::<c_void>();
            Error::check((host().run_write_folder)(self.as_ptr(), Text::text(name), payload, call_fill, &raw mut out))?;
            Value::own(out)
        };
        Ok(String::from_value(&path).unwrap_or_default())
    }
}

unsafe extern "C" fn call_fill(payload: *mut c_void, folder: *const RawFolder) -> Status {
    guard("filling a folder", || {
        // SAFETY: `payload` is the `call` of `Run::write_folder`; the folder is lent for it.
        let call = unsafe { &mut *payload.cast::<&mut dyn FnMut(&NewFolder) -> Result<()>>() };
        call(&NewFolder(NonNull::new(folder.cast_mut()).expect("the host lends a folder")))
    })
}

impl NewFolder {
    /// A file in it; `path` may have folders (`a/b.json`).
    ///
    /// # Errors
    /// A path that leaves it or is taken, a full disk.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        // SAFETY: lent for the call.
        unsafe { Error::check((host().folder_write)(self.0.as_ptr(), Text::text(path), Slice::of(bytes))) }
    }

    /// A safetensors file in it. `tensor` is asked for each of `tensors` once, by its index, in their order unless that would
    /// put numbers where they must not lie, and never more than one is kept: it is converted to the type that its info says and goes into the file.
    ///
    /// # Errors
    /// What `tensor` fails with, another shape than its info says, an info without a type, a full disk.
    pub fn write_tensors(
        &self,
        path: &str,
        metadata: &Record,
        tensors: &[TensorInfo],
        tensor: impl FnMut(usize) -> Result<Tensor>,
    ) -> Result<()> {
        let view = |info: &TensorInfo| TensorView {
            name: Text::text(&info.name),
            dtype: info.dtype.map_or(u32::MAX, |dtype| dtype as u32),
            shape: Slice::of(&info.shape),
            stored: Text::text(""),
        };
        let views: Vec<TensorView> = tensors.iter().map(view).collect();
        let mut tensor = tensor;
        let mut call: &mut dyn FnMut(usize) -> Result<Tensor> = &mut tensor;
        // SAFETY: lent for the call, which alone uses the payload.
        unsafe {
            Error::check((host().folder_write_tensors)(
                self.0.as_ptr(),
                Text::text(path),
                metadata.0.as_ptr(),
                Slice::of(&views),
                (&raw mut call).cast::<c_void>(),
                call_tensor,
            ))
        }
    }
}

unsafe extern "C" fn call_tensor(payload: *mut c_void, index: usize, out: *mut *mut RawTensor) -> Status {
    guard("a tensor of a file", || {
        // SAFETY: `payload` is the `call` of `NewFolder::write_tensors`; `out` is valid.
        unsafe {
            let call = &mut *payload.cast::<&mut dyn FnMut(usize) -> Result<Tensor>>();
            *out = call(index)?.into_raw();
        }
        Ok(())
    })
}
