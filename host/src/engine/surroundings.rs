//! What belongs to the whole process, and a node may have changed: the working folder, the locale, the first three streams.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::path::PathBuf;

/// All categories of a locale. The number is the system's.
const LC_ALL: c_int = if cfg!(target_os = "linux") { 6 } else { 0 };

unsafe extern "C" {
    fn setlocale(category: c_int, locale: *const c_char) -> *const c_char;
}

/// How they were before any node ran.
#[derive(Debug)]
pub struct Surroundings {
    folder: Option<PathBuf>,
    locale: CString,
}

impl Surroundings {
    pub fn now() -> Self {
        Self { folder: std::env::current_dir().ok(), locale: locale() }
    }

    /// Puts back what a node changed, and says what that was; none where it was nothing.
    pub fn restore(&self) -> Option<String> {
        let changed = [
            (self.restore_folder(), "the working folder"),
            (self.restore_locale(), "the locale"),
            (open_streams(), "standard streams, which it closed"),
        ];
        let names: Vec<&str> = changed.iter().filter(|(is_changed, _)| *is_changed).map(|(_, name)| *name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn restore_folder(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        let is_changed = std::env::current_dir().ok().as_ref() != Some(folder);
        // A folder that is gone since cannot be gone back to, and nothing of Weft's needs one.
        is_changed && std::env::set_current_dir(folder).is_ok()
    }

    /// A decimal comma would go into the code that MLX generates.
    fn restore_locale(&self) -> bool {
        let is_changed = locale() != self.locale;
        if is_changed {
            // SAFETY: the name of a locale that was set before. Only this thread runs code that reads the locale.
            unsafe { setlocale(LC_ALL, self.locale.as_ptr()) };
        }
        is_changed
    }
}

fn locale() -> CString {
    // SAFETY: a null name asks; the answer is text of the system's until the next call, and is copied at once.
    let name = unsafe { setlocale(LC_ALL, std::ptr::null()) };
    // SAFETY: as above; null is no text.
    if name.is_null() { CString::default() } else { unsafe { CStr::from_ptr(name) }.to_owned() }
}

/// Opens what is closed of 0, 1 and 2: the next file would get its number, and with it whatever a library prints.
fn open_streams() -> bool {
    let mut is_changed = false;
    while let Ok(nothing) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        if nothing.as_raw_fd() > 2 {
            break;
        }
        // It stays open for as long as the process lives.
        let _ = nothing.into_raw_fd();
        is_changed = true;
    }
    is_changed
}
