//! One run of one node, which remembers what the node said.

use std::cell::RefCell;
use std::rc::Rc;

use super::folder::SavedTensor;
use super::values::{Val, cell, get, handle, status};
use crate::abi::{RawRun, RawTensor, RawValue, Slice, Status, Text};
use crate::spec::{InputKind, InputSpec};
use crate::{Error, ErrorKind, FromValue, Node, Record, Result, Run, Value};

/// A run for tests.
#[derive(Debug, Default)]
pub struct TestRun {
    /// `done` and `total` of every call.
    pub progress: RefCell<Vec<(u32, u32)>>,
    pub notes: RefCell<Vec<String>>,
    /// The tables that the node showed.
    pub reports: RefCell<Vec<Table>>,
    /// The shapes of the pictures shown.
    pub previews: RefCell<Vec<Vec<i32>>>,
    /// Name, extension and bytes of what was written; of files in folders, their path in the folder and no extension.
    pub written: RefCell<Vec<(String, String, Vec<u8>)>>,
    /// The tensors of the files in folders that were written.
    pub saved: RefCell<Vec<SavedTensor>>,
    /// The run is cancelled once so much progress was reported.
    pub cancel_at: Option<u32>,
    /// The text that `info` gives as the graph, in which the node goes by the id `node`.
    pub graph: String,
    /// What `info` gives as the bytes that are free; none is as many as one likes.
    pub free_memory: Option<i64>,
}

/// A table of [`Run::report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl TestRun {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a node. Params that `inputs` lacks have their defaults, as the real host sees to.
    ///
    /// # Errors
    /// Whatever the node fails with, and a required input that is not there.
    pub fn run<N: Node>(&self, inputs: &Record) -> Result<Record> {
        let inputs = N::spec().inputs.iter().try_fold(inputs.clone(), completed)?;
        // SAFETY: alive for the call.
        N::run(&unsafe { Run::borrow(std::ptr::from_ref(self).cast()) }, &inputs)
    }
}

fn completed(inputs: Record, spec: &InputSpec) -> Result<Record> {
    if inputs.find::<Value>(&spec.name)?.is_some() {
        return Ok(inputs);
    }
    if spec.required {
        return Err(Error::invalid(format!("the input `{}` is missing", spec.name)));
    }
    Ok(default(&spec.kind).map_or(inputs.clone(), |value| inputs.with(&spec.name, value)))
}

fn default(kind: &InputKind) -> Option<Value> {
    Some(match kind {
        InputKind::Bool { default } => (*default).into(),
        InputKind::Int { default, .. } | InputKind::Seed { default } => (*default).into(),
        InputKind::Float { default, .. } => (*default).into(),
        InputKind::Text { default, .. } | InputKind::Choice { default, .. } => default.as_str().into(),
        InputKind::File { default, .. } if !default.is_empty() => default.as_str().into(),
        InputKind::Rows { .. } => (&[][..]).into(),
        InputKind::Prompt { default, .. } => Record::new().with("text", default.as_str()).with("rows", &[][..]).into(),
        InputKind::Link(_) | InputKind::File { .. } => return None,
    })
}

pub unsafe extern "C" fn progress(run: *const RawRun, done: u32, total: u32, x: *const RawTensor) -> Status {
    // SAFETY: a live run, null or a live tensor.
    unsafe {
        let run: &TestRun = get(run);
        status(&mut (), || {
            if !x.is_null() {
                cell(x).as_ref().map_err(Clone::clone)?;
            }
            run.progress.borrow_mut().push((done, total));
            let cancelled = run.cancel_at.is_some_and(|at| done >= at);
            if cancelled { Err(Error::new(ErrorKind::Cancelled, "the run was stopped")) } else { Ok(()) }
        })
    }
}

pub unsafe extern "C" fn preview(run: *const RawRun, image: *const RawTensor) -> Status {
    // SAFETY: a live run, a live tensor.
    unsafe {
        let run: &TestRun = get(run);
        status(&mut (), || {
            run.previews.borrow_mut().push(cell(image).as_ref().map_err(Clone::clone)?.shape.clone());
            Ok(())
        })
    }
}

pub unsafe extern "C" fn note(run: *const RawRun, text: Text) {
    // SAFETY: a live run, lent text.
    unsafe { get::<TestRun, _>(run).notes.borrow_mut().push(text.to_text()) }
}

pub unsafe extern "C" fn report(run: *const RawRun, table: *const RawValue) -> Status {
    // SAFETY: a live run, a live value.
    unsafe {
        let (run, table): (&TestRun, _) = (get(run), Record(Value::own(handle(get::<Val, _>(table).clone()))));
        status(&mut (), || {
            let texts = |values: Vec<Value>| -> Vec<String> { values.iter().filter_map(String::from_value).collect() };
            let rows: Vec<Value> = table.get("rows")?;
            let rows = rows.iter().filter_map(|row| Vec::from_value(row).map(texts)).collect();
            let (title, columns) = (table.get("title")?, texts(table.get("columns")?));
            run.reports.borrow_mut().push(Table { title, columns, rows });
            Ok(())
        })
    }
}

pub unsafe extern "C" fn info(run: *const RawRun) -> *mut RawValue {
    // SAFETY: a live run.
    let run = unsafe { get::<TestRun, _>(run) };
    let graph = run.graph.as_str();
    let texts = [("device", "cpu"), ("graph", graph), ("node", "node"), ("version", "0.0.0")];
    let entries = texts.into_iter().map(|(key, text)| (key.to_owned(), Val::Text(text.into())));
    let free = Val::Int(run.free_memory.unwrap_or(i64::MAX));
    handle(Val::Record(Rc::new(entries.chain([("free_memory".to_owned(), free)]).collect())))
}

pub unsafe extern "C" fn write(
    run: *const RawRun,
    name: Text,
    extension: Text,
    bytes: Slice<u8>,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: a live run, lent text and bytes, a valid target.
    unsafe {
        let (run, name, extension) = (get::<TestRun, _>(run), name.to_text(), extension.to_text());
        let path = format!("{name}.{extension}");
        run.written.borrow_mut().push((name, extension, bytes.get().to_vec()));
        status(out, || Ok(handle(Val::Text(path.into()))))
    }
}
