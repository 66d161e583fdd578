//! Folders that plugins fill, and the safetensors files in them, which are written tensor by tensor.

use std::ffi::c_void;
use std::fs::File;

use plugin_api::abi::{FillFn, RawFolder, RawRun, RawValue, Slice, Status, TensorFn, TensorView, Text};
use plugin_api::{Dtype, Error, ErrorKind, Result};

use super::run::{Run, output_error};
use super::tensor::{Tensor, dtype_from, to_bytes};
use super::value::Value;
use super::{error, mlx};
use crate::new_folder::{NewFolder, put};

/// One tensor of a file that is to be written.
struct Planned {
    name: String,
    dtype: Dtype,
    shape: Vec<i32>,
    /// In the order in which the plugin named them.
    index: usize,
}

pub unsafe extern "C" fn write_folder(
    run: *const RawRun,
    name: Text,
    payload: *mut c_void,
    fill: FillFn,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: a live handle, lent text; the plugin's function catches; the folder is lent to it for the call.
    unsafe {
        error::status(out, || {
            let run = Run::get(run)?;
            let folder = NewFolder::begin(&run.output).map_err(output_error)?;
            error::take(fill(payload, (&raw const folder).cast()))?;
            let path = run.finish_folder(folder, &name.to_text())?;
            Ok(Value::text(&path.to_string_lossy()).into_raw())
        })
    }
}

pub unsafe extern "C" fn write(folder: *const RawFolder, path: Text, bytes: Slice<u8>) -> Status {
    let mut unit = ();
    // SAFETY: the folder of `write_folder`, lent text and bytes.
    unsafe {
        error::status(&raw mut unit, || {
            let path = path.to_text();
            get(folder).write(&path, |file| put(file, &path, bytes.get())).map_err(output_error)
        })
    }
}

pub unsafe extern "C" fn write_tensors(
    folder: *const RawFolder,
    path: Text,
    metadata: *const RawValue,
    tensors: Slice<TensorView>,
    payload: *mut c_void,
    tensor: TensorFn,
) -> Status {
    let mut unit = ();
    // SAFETY: the folder of `write_folder`, lent text, views and record; the plugin's function catches.
    unsafe {
        error::status(&raw mut unit, || {
            let (folder, path) = (get(folder), path.to_text());
            let planned = plan(tensors.get())?;
            let header = header(&planned, Value::get(metadata))?;
            check_room(folder, &path, &planned)?;
            folder
                .write(&path, |file| fill(file, &path, &header, &planned, |index| ask(payload, tensor, index)))
                .map_err(|Failed(error)| error)
        })
    }
}

unsafe fn get<'a>(folder: *const RawFolder) -> &'a NewFolder {
    // SAFETY: every folder handle is lent by `write_folder`.
    unsafe { &*folder.cast::<NewFolder>() }
}

/// The host's own errors and those of plugins, under one hat.
struct Failed(Error);

impl From<crate::error::Error> for Failed {
    fn from(error: crate::error::Error) -> Self {
        Self(output_error(error))
    }
}

/// In the order that was asked for, where all numbers lie at multiples of their size; else wide ones first.
unsafe fn plan(views: &[TensorView]) -> Result<Vec<Planned>> {
    let planned = views.iter().enumerate().map(|(index, view)| {
        // SAFETY: the texts and shapes of the views are lent for the call.
        let (name, shape) = unsafe { (view.name.to_text(), view.shape.get().to_vec()) };
        Ok(Planned { name, dtype: dtype_from(view.dtype)?, shape, index })
    });
    let mut planned = planned.collect::<Result<Vec<_>>>()?;
    if !are_aligned(&planned) {
        planned.sort_by_key(|tensor| std::cmp::Reverse(tensor.dtype.size()));
    }
    Ok(planned)
}

fn are_aligned(planned: &[Planned]) -> bool {
    let mut start = 0;
    planned.iter().all(|tensor| {
        let is_aligned = start % tensor.dtype.size() == 0;
        start += tensor.bytes();
        is_aligned
    })
}

impl Planned {
    fn sides(&self) -> Vec<usize> {
        self.shape.iter().map(|&side| side.max(0) as usize).collect()
    }

    fn bytes(&self) -> usize {
        self.sides().iter().product::<usize>() * self.dtype.size()
    }
}

/// A safetensors header: its length, then JSON filled up to a multiple of eight bytes.
fn header(planned: &[Planned], metadata: &Value) -> Result<Vec<u8>> {
    let mut header = serde_json::Map::new();
    let mut start = 0;
    for tensor in planned {
        let stop = start + tensor.bytes();
        let dtype = file_dtype(tensor.dtype).to_string();
        let info = serde_json::json!({ "dtype": dtype, "shape": tensor.sides(), "data_offsets": [start, stop] });
        start = stop;
        if header.insert(tensor.name.clone(), info).is_some() {
            return Err(Error::new(ErrorKind::Plugin, format!("`{}` is to be written twice", tensor.name)));
        }
    }
    header.insert("__metadata__".to_owned(), texts(metadata));
    let mut json = serde_json::Value::Object(header).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    Ok([&(json.len() as u64).to_le_bytes()[..], &json].concat())
}

fn texts(metadata: &Value) -> serde_json::Value {
    let Value::Record(entries) = metadata else { return serde_json::json!({}) };
    let text = |(key, value): (&String, &Value)| match value {
        Value::Text(text) => Some((key.clone(), text.to_string().into())),
        _ => None,
    };
    entries.iter().filter_map(text).collect::<serde_json::Map<_, _>>().into()
}

/// The type's name in a file.
pub fn file_dtype(dtype: Dtype) -> safetensors::Dtype {
    use safetensors::Dtype as File;
    match dtype {
        Dtype::Bool => File::BOOL,
        Dtype::Uint8 => File::U8,
        Dtype::Uint32 => File::U32,
        Dtype::Int32 => File::I32,
        Dtype::Int64 => File::I64,
        Dtype::Float16 => File::F16,
        Dtype::Bfloat16 => File::BF16,
        Dtype::Float32 => File::F32,
    }
}

/// Before hours of work, not after them.
fn check_room(folder: &NewFolder, path: &str, planned: &[Planned]) -> Result<()> {
    let needed = planned.iter().map(|tensor| tensor.bytes() as u64).sum::<u64>();
    let Some(free) = folder.free_bytes().filter(|free| *free < needed) else { return Ok(()) };
    let what = format!("{path} needs {:.1} GB, but the disk has {:.1} GB left", needed as f64 / 1e9, free as f64 / 1e9);
    Err(Error::new(ErrorKind::Output, what).help("choose another output folder with -o, or make room"))
}

fn fill(
    file: &mut File,
    path: &str,
    header: &[u8],
    planned: &[Planned],
    mut tensor: impl FnMut(usize) -> Result<Tensor>,
) -> std::result::Result<(), Failed> {
    put(file, path, header)?;
    for planned in planned {
        let bytes = tensor(planned.index).and_then(|tensor| bytes_of(planned, &tensor)).map_err(Failed)?;
        put(file, path, &bytes)?;
        mlx::clear_spare_buffers();
    }
    Ok(())
}

fn bytes_of(planned: &Planned, tensor: &Tensor) -> Result<Vec<u8>> {
    let array = tensor.array()?;
    if array.shape() != planned.shape {
        let what = format!("`{}` has the shape {:?} instead of {:?}", planned.name, array.shape(), planned.shape);
        return Err(Error::new(ErrorKind::Plugin, what));
    }
    to_bytes(array, planned.dtype)
}

unsafe fn ask(payload: *mut c_void, tensor: TensorFn, index: usize) -> Result<Tensor> {
    let mut out = std::ptr::null_mut();
    // SAFETY: the plugin's function with its payload; status and result are ours.
    unsafe {
        error::take(tensor(payload, index, &raw mut out))?;
        if out.is_null() {
            return Err(Error::new(ErrorKind::Plugin, "a tensor to be written was not returned"));
        }
        Ok(Tensor::take(out))
    }
}
