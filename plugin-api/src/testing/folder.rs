//! Folders that a test's run writes: nothing reaches the disk.

use std::ffi::c_void;

use super::run::TestRun;
use super::values::{Val, cell, get, handle, status};
use crate::abi::{FillFn, RawFolder, RawRun, RawTensor, RawValue, Slice, Status, TensorFn, TensorView, Text};
use crate::{Dtype, Error, Result};

/// A tensor of a file that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedTensor {
    /// Below the folder.
    pub file: String,
    pub name: String,
    pub dtype: Option<Dtype>,
    pub shape: Vec<i32>,
    pub numbers: Vec<f32>,
}

/// The folder is the run itself, which remembers.
pub unsafe extern "C" fn write_folder(
    run: *const RawRun,
    name: Text,
    payload: *mut c_void,
    fill: FillFn,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: a live run, lent text, a valid target; the run lives as long as the folder.
    unsafe {
        let filled = fill(payload, run.cast());
        if filled.is_null() { status(out, || Ok(handle(Val::Text(name.to_text().into())))) } else { filled }
    }
}

pub unsafe extern "C" fn write(folder: *const RawFolder, path: Text, bytes: Slice<u8>) -> Status {
    // SAFETY: the run of `write_folder`, lent text and bytes.
    unsafe {
        let (run, path) = (get::<TestRun, _>(folder), path.to_text());
        run.written.borrow_mut().push((path, String::new(), bytes.get().to_vec()));
    }
    std::ptr::null_mut()
}

pub unsafe extern "C" fn write_tensors(
    folder: *const RawFolder,
    path: Text,
    _metadata: *const RawValue,
    tensors: Slice<TensorView>,
    payload: *mut c_void,
    tensor: TensorFn,
) -> Status {
    // SAFETY: the run of `write_folder`, lent text and views.
    unsafe {
        let (run, path) = (get::<TestRun, _>(folder), path.to_text());
        for (index, view) in tensors.get().iter().enumerate() {
            let mut out = std::ptr::null_mut();
            let made = tensor(payload, index, &raw mut out);
            if !made.is_null() {
                return made;
            }
            let saved = status(&mut (), || {
                run.saved.borrow_mut().push(saved(&path, view, out)?);
                Ok(())
            });
            super::values::free::<super::values::Cell, _>(out);
            if !saved.is_null() {
                return saved;
            }
        }
    }
    std::ptr::null_mut()
}

unsafe fn saved(file: &str, view: &TensorView, tensor: *const RawTensor) -> Result<SavedTensor> {
    // SAFETY: a live tensor, lent text and shape.
    let (array, name, shape) =
        unsafe { (cell(tensor).as_ref().map_err(Clone::clone)?, view.name.to_text(), view.shape.get()) };
    if array.shape != shape {
        return Err(Error::failed(format!("`{name}` has the shape {:?} instead of {shape:?}", array.shape)));
    }
    let dtype = Dtype::from_code(view.dtype);
    Ok(SavedTensor { file: file.to_owned(), name, dtype, shape: shape.to_vec(), numbers: array.data.to_vec() })
}
