//! The run that a node may speak to: progress, previews, notes, output files, cancellation.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlx_rs::Array;
use plugin_api::abi::{RawRun, RawTensor, RawValue, Slice, Status, Text};
use plugin_api::{Dtype, Error, ErrorKind, Result};

use super::compute;
use super::error;
use super::live;
use super::memory;
use super::mlx::{Device, mlx_error};
use super::tensor::{Tensor, to_bytes};
use super::value::{self, Value};
use crate::engine::protocol::{Event, Table};
use crate::limits;
use crate::new_folder::NewFolder;

/// Where events go. They are lost when the client is gone; the engine ends then by itself.
pub type Events = Rc<dyn Fn(Event)>;

/// One run of one node.
pub struct Run {
    pub node: String,
    pub device: Device,
    pub graph: Rc<str>,
    pub output: PathBuf,
    pub models: Vec<PathBuf>,
    pub events: Events,
    pub cancelled: Arc<AtomicBool>,
    /// What the node wrote so far.
    pub written: RefCell<Vec<PathBuf>>,
    /// The progress that clients know of.
    pub told: Cell<Option<(u32, u32)>>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Reading of weights in the node that is under way.
struct Loading {
    node: String,
    events: Events,
    cancelled: Arc<AtomicBool>,
    done: u64,
    total: u64,
}

thread_local! {
    static LOADING: RefCell<Option<Loading>> = const { RefCell::new(None) };
    /// The run of the node that is under way.
    static CURRENT: Cell<*const RawRun> = const { Cell::new(std::ptr::null()) };
}

impl Run {
    pub fn as_raw(&self) -> *const RawRun {
        std::ptr::from_ref(self).cast()
    }

    /// The run behind a handle.
    ///
    /// # Errors
    /// It is not the one that is under way: a plugin kept the handle longer than it was lent.
    ///
    /// # Safety
    /// `'a` ends with the call from the plugin.
    pub unsafe fn get<'a>(raw: *const RawRun) -> Result<&'a Self> {
        if !live::is_ours() || raw.is_null() || raw != CURRENT.get() {
            let what = "the plugin spoke to the run of a node that is over";
            return Err(Error::new(ErrorKind::Plugin, what).help("report this to the plugin's author"));
        }
        // SAFETY: the run of `within`, which is waiting for the plugin.
        Ok(unsafe { &*raw.cast::<Self>() })
    }

    /// Runs `body`, the node's code, with this run's progress and cancellation for whatever weights it reads.
    pub fn within<T>(&self, body: impl FnOnce() -> T) -> T {
        CURRENT.set(self.as_raw());
        let loading = Loading {
            node: self.node.clone(),
            events: Rc::clone(&self.events),
            cancelled: Arc::clone(&self.cancelled),
            done: 0,
            total: 0,
        };
        LOADING.with_borrow_mut(|slot| *slot = Some(loading));
        let result = body();
        LOADING.with_borrow_mut(|slot| *slot = None);
        CURRENT.set(std::ptr::null());
        result
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(cancelled()) } else { Ok(()) }
    }

    fn report(&self, done: u32, total: u32, x: Option<&Array>) -> Result<()> {
        if let Some(x) = x {
            x.eval().map_err(mlx_error)?;
        }
        // The same again only asks whether the run was cancelled.
        if self.told.replace(Some((done, total))) != Some((done, total)) {
            (self.events)(Event::Progress { node: self.node.clone(), done, total });
        }
        self.check_cancelled()
    }

    fn show(&self, image: &Array) -> Result<()> {
        let &[height, width, 3] = image.shape() else {
            return Err(Error::invalid(format!("a preview has the shape [height, width, 3], not {:?}", image.shape())));
        };
        if height.max(width) > limits::PICTURE_SIDE as i32 {
            let what = format!("a preview of {width} x {height} pixels is too large: {} a side", limits::PICTURE_SIDE);
            return Err(Error::new(ErrorKind::Limit, what));
        }
        let levels = compute::round(&compute::multiply_scalar(&compute::clip(image, 0.0, 1.0)?, 255.0)?)?;
        let rgb = to_bytes(&levels, Dtype::Uint8)?;
        let (width, height) = (width as u32, height as u32);
        (self.events)(Event::Preview { node: self.node.clone(), width, height, rgb });
        Ok(())
    }

    fn write_output(&self, name: &str, extension: &str, bytes: &[u8]) -> Result<PathBuf> {
        self.check_cancelled()?;
        self.wrote(crate::output::write_new(&self.output, name, extension, bytes))
    }
}

impl Run {
    /// Gives a folder that was filled its name.
    pub fn finish_folder(&self, folder: NewFolder, name: &str) -> Result<PathBuf> {
        self.check_cancelled()?;
        self.wrote(folder.finish(name))
    }

    /// Tells of what was written.
    fn wrote(&self, path: crate::error::Result<PathBuf>) -> Result<PathBuf> {
        let path = path.map_err(output_error)?;
        (self.events)(Event::Wrote { node: self.node.clone(), path: path.clone() });
        self.written.borrow_mut().push(path.clone());
        Ok(path)
    }
}

/// As plugins see it.
pub fn output_error(error: crate::error::Error) -> Error {
    let message = if error.cause.is_empty() { error.what } else { format!("{}: {}", error.what, error.cause) };
    Error::new(ErrorKind::Output, message).help(error.help)
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the run was stopped")
}

/// A network is about to read up to `total` bytes of weights.
pub fn expect_loading(total: usize) {
    LOADING.with_borrow_mut(|slot| {
        if let Some(loading) = slot {
            (loading.done, loading.total) = (0, total as u64);
        }
    });
}

/// `bytes` of weights are about to be read.
///
/// # Errors
/// The run was cancelled.
pub fn loading(bytes: usize) -> Result<()> {
    LOADING.with_borrow_mut(|slot| {
        let Some(loading) = slot else { return Ok(()) };
        if loading.cancelled.load(Ordering::Relaxed) {
            return Err(cancelled());
        }
        loading.done += bytes as u64;
        let (node, done) = (loading.node.clone(), loading.done.min(loading.total));
        (loading.events)(Event::Loading { node, done, total: loading.total });
        Ok(())
    })
}

pub unsafe extern "C" fn progress(run: *const RawRun, done: u32, total: u32, x: *const RawTensor) -> Status {
    let mut unit = ();
    // SAFETY: live handles; `x` may be null.
    unsafe {
        error::status(&raw mut unit, || {
            let x = if x.is_null() { None } else { Some(Tensor::get(x).array()?) };
            Run::get(run)?.report(done, total, x)
        })
    }
}

pub unsafe extern "C" fn preview(run: *const RawRun, image: *const RawTensor) -> Status {
    let mut unit = ();
    // SAFETY: live handles.
    unsafe { error::status(&raw mut unit, || Run::get(run)?.show(Tensor::get(image).array()?)) }
}

pub unsafe extern "C" fn note(run: *const RawRun, text: Text) {
    // SAFETY: a live handle, lent text.
    let Ok(run) = (unsafe { Run::get(run) }) else { return };
    // SAFETY: lent text.
    let mut text = unsafe { text.to_text() };
    text.truncate(text.floor_char_boundary(limits::TEXT_BYTES));
    (run.events)(Event::Note { node: run.node.clone(), text });
}

pub unsafe extern "C" fn report(run: *const RawRun, table: *const RawValue) -> Status {
    let mut unit = ();
    // SAFETY: live handles.
    unsafe {
        error::status(&raw mut unit, || {
            let run = Run::get(run)?;
            let table = read_table(Value::get(table)).ok_or_else(|| {
                Error::new(ErrorKind::Plugin, "a report is a record of `title`, `columns`, and `rows` as long as they")
            })?;
            (run.events)(Event::Report { node: run.node.clone(), table });
            Ok(())
        })
    }
}

fn read_table(value: &Value) -> Option<Table> {
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.to_string()) } else { None };
    let list = |value: &Value| if let Value::List(values) = value { Some(Rc::clone(values)) } else { None };
    let texts = |value: &Value| list(value)?.iter().map(text).collect::<Option<Vec<String>>>();
    let Value::Record(entries) = value else { return None };
    let columns = texts(entries.get("columns")?)?;
    let rows: Vec<_> = list(entries.get("rows")?)?.iter().map(texts).collect::<Option<_>>()?;
    let is_whole = rows.iter().all(|row| row.len() == columns.len());
    is_whole.then_some(Table { title: text(entries.get("title")?)?, columns, rows })
}

pub unsafe extern "C" fn info(run: *const RawRun) -> *mut RawValue {
    // SAFETY: a live handle.
    let Ok(run) = (unsafe { Run::get(run) }) else { return value::give(|| Value::record([])) };
    let entry = |key: &str, text: &str| (key.to_owned(), Value::text(text));
    Value::record([
        entry("device", run.device.name()),
        entry("graph", &run.graph),
        entry("node", &run.node),
        entry("version", env!("CARGO_PKG_VERSION")),
        ("free_memory".to_owned(), Value::Int(memory::free() as i64)),
        (
            "models".to_owned(),
            Value::List(run.models.iter().map(|root| Value::text(&root.to_string_lossy())).collect()),
        ),
    ])
    .into_raw()
}

pub unsafe extern "C" fn write(
    run: *const RawRun,
    name: Text,
    extension: Text,
    bytes: Slice<u8>,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: a live handle, lent text and bytes, a valid target.
    unsafe {
        error::status(out, || {
            let path = Run::get(run)?.write_output(&name.to_text(), &extension.to_text(), bytes.get())?;
            Ok(Value::text(&path.to_string_lossy()).into_raw())
        })
    }
}
