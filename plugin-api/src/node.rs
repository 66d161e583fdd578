//! A node: a pure function from inputs to outputs, and the run that it may speak to.

use std::ptr::NonNull;

use crate::abi::{RawRun, Slice, Text};
use crate::error::{Error, Result};
use crate::host;
use crate::spec::NodeSpec;
use crate::tensor::Tensor;
use crate::value::{FromValue, Record, Value};

/// A node kind. The host caches outputs by inputs, so the same inputs must give the same outputs.
pub trait Node: 'static {
    fn spec() -> NodeSpec;

    /// `inputs` holds every param (its default where nothing was given) and every link that is there; numbers are
    /// in their ranges, files are absolute paths. The record returned has every output that the spec declares.
    ///
    /// # Errors
    /// One sentence for people; the host adds which node it was.
    fn run(run: &Run, inputs: &Record) -> Result<Record>;
}

/// One run of one node, lent for the call.
#[derive(Debug)]
pub struct Run(NonNull<RawRun>);

impl Run {
    /// Evaluates `x` and reports `done` of `total`. Call it once a step: it is also where a run stops when the user
    /// cancels it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cancelled`], to be passed on, or whatever failed on the way to `x`.
    pub fn progress(&self, done: usize, total: usize, x: Option<&Tensor>) -> Result<()> {
        let x = x.map_or(std::ptr::null(), Tensor::as_ptr);
        // SAFETY: lent for the call.
        unsafe { Error::check((host().run_progress)(self.as_ptr(), done as u32, total as u32, x)) }
    }

    /// Shows a picture `[height, width, 3]` in 0..1 on the node.
    ///
    /// # Errors
    /// Whatever failed on the way to the picture.
    pub fn preview(&self, image: &Tensor) -> Result<()> {
        // SAFETY: lent for the call.
        unsafe { Error::check((host().run_preview)(self.as_ptr(), image.as_ptr())) }
    }

    /// Shows one sentence on the node, for what the user should know but need not act on.
    pub fn note(&self, text: &str) {
        // SAFETY: lent for the call.
        unsafe { (host().run_note)(self.as_ptr(), Text::text(text)) }
    }

    /// Shows a table on the node, also in `--json`: what became of each of many things. Rows have a cell for each column.
    ///
    /// # Errors
    /// Rows that do not.
    pub fn report(&self, title: &str, columns: &[&str], rows: &[Vec<String>]) -> Result<()> {
        let texts =
            |texts: &mut dyn Iterator<Item = &str>| Value::from(&texts.map(Value::from).collect::<Vec<_>>()[..]);
        let rows: Vec<Value> = rows.iter().map(|row| texts(&mut row.iter().map(String::as_str))).collect();
        let table = Record::new()
            .with("title", title)
            .with("columns", texts(&mut columns.iter().copied()))
            .with("rows", rows.as_slice());
        // SAFETY: lent for the call.
        unsafe { Error::check((host().run_report)(self.as_ptr(), table.0.as_ptr())) }
    }

    /// Writes a new file below the output folder, whole or not at all, and returns its path. `name` may have folders
    /// (`a/b`), `extension` has no dot. Nothing is overwritten: the next free number is put behind the name.
    ///
    /// # Errors
    /// A name that leaves the output folder, a full disk, no permission.
    pub fn write(&self, name: &str, extension: &str, bytes: &[u8]) -> Result<String> {
        let mut out = std::ptr::null_mut();
        // SAFETY: `out` is set where the status is null.
        let path = unsafe {
            let status = (host().run_write)(
                self.as_ptr(),
                Text::text(name),
                Text::text(extension),
                Slice::of(bytes),
                &raw mut out,
            );
            Error::check(status)?;
            Value::own(out)
        };
        Ok(String::from_value(&path).unwrap_or_default())
    }

    /// What the run knows of itself: `device` ("cpu" or "gpu"), `graph` (its text, as it is saved in pictures),
    /// `node` (the id of this node), `version` (of Weft), `free_memory` (bytes that a tensor of this run can have), `models` (a list
    /// of the folders of models).
    pub fn info(&self) -> Record {
        // SAFETY: an owned record.
        Record(unsafe { Value::own((host().run_info)(self.as_ptr())) })
    }

    pub(crate) unsafe fn borrow(raw: *const RawRun) -> Self {
        Self(NonNull::new(raw.cast_mut()).expect("the host lends a run"))
    }

    pub(crate) fn as_ptr(&self) -> *const RawRun {
        self.0.as_ptr()
    }
}
