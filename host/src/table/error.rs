//! Error handles, and the guard of every entry point.

use std::panic::AssertUnwindSafe;

use plugin_api::abi::{ErrorView, RawError, Status, Text};
use plugin_api::{Error, ErrorKind, Result};

use super::live::{self, Kind};

/// Runs `body` so that no panic crosses into the plugin; not at all on a thread of the plugin's own.
pub fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    if !live::is_ours() {
        return Err(other_thread());
    }
    std::panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::new(ErrorKind::Internal, format!("a bug in Weft: {text}")).help("please report it with the graph"))
    })
}

fn other_thread() -> Error {
    Error::new(ErrorKind::Plugin, "a thread of the plugin's own called Weft, which serves the node's thread alone")
        .help("report this to the plugin's author")
}

/// [`guard`] for a function that returns a status and writes its result through `out`.
pub unsafe fn status<T>(out: *mut T, body: impl FnOnce() -> Result<T>) -> Status {
    match guard(body) {
        Ok(value) => {
            // SAFETY: the caller's `out` is valid for a write.
            unsafe { out.write(value) };
            std::ptr::null_mut()
        }
        Err(error) => to_raw(error),
    }
}

pub fn to_raw(error: Error) -> *mut RawError {
    live::made(Kind::Error);
    Box::into_raw(Box::new(error)).cast()
}

/// Takes over an error that a plugin returned; null is success.
///
/// # Safety
/// The status is null or an error handle that nobody uses again.
pub unsafe fn take(status: Status) -> Result<()> {
    if status.is_null() {
        return Ok(());
    }
    live::gone(Kind::Error);
    // SAFETY: every error handle was made by `to_raw`.
    Err(*unsafe { Box::from_raw(status.cast::<Error>()) })
}

/// A plugin's table, which lives for ever. Null and sizes below that of 1.0 are the plugin's fault.
///
/// # Safety
/// Null, or a table that begins with its size.
pub unsafe fn table<T>(table: *const T, what: &str) -> Result<&'static T> {
    // SAFETY: the first field of every table that may grow.
    if table.is_null() || unsafe { *table.cast::<usize>() } < size_of::<T>() {
        return Err(Error::new(ErrorKind::Plugin, format!("the table of {what} is absent or too small")));
    }
    // SAFETY: the plugin's word, and the size is what it should be.
    Ok(unsafe { &*table })
}

/// Reads a borrowed error.
pub unsafe fn get<'a>(error: *const RawError) -> &'a Error {
    // SAFETY: every error handle was made by `to_raw`.
    unsafe { &*error.cast::<Error>() }
}

pub unsafe extern "C" fn new(kind: u32, message: Text, help: Text) -> *mut RawError {
    // SAFETY: text is lent for the call.
    let (message, help) = unsafe { (message.to_text(), help.to_text()) };
    to_raw(Error { kind: ErrorKind::from_code(kind), message, help })
}

pub unsafe extern "C" fn view(error: *const RawError, out: *mut ErrorView) {
    // SAFETY: a handle of ours and a valid target.
    unsafe {
        let error = get(error);
        out.write(ErrorView {
            kind: error.kind as u32,
            message: Text::text(&error.message),
            help: Text::text(&error.help),
        });
    }
}

pub unsafe extern "C" fn free(error: *mut RawError) {
    // SAFETY: null, or a handle of ours, freed once. An error is text alone: any thread may have one.
    drop(unsafe { take(error) });
}
