//! An open file of weights, read by position.
//!
//! The file is not mapped: MLX's CPU backend copies what it is given, and a mapped file that somebody truncates ends
//! the process with SIGBUS, where a read is an error with a name.

use std::fmt;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use plugin_api::{Error, Result};
use weft_formats::lora::Metadata;
use weft_formats::source::{Refusal, Source};

use crate::error::io_cause;

#[derive(Debug)]
pub struct File {
    pub path: PathBuf,
    file: fs::File,
    size: u64,
    /// What the file says of itself.
    pub metadata: Metadata,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl File {
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::file(format!("{} cannot be read: {}", path.display(), io_cause(&error)))
                .help("check that the file is there and may be read")
        };
        let file = fs::File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        Ok(Self { path: path.to_owned(), file, size, metadata: Metadata::new() })
    }

    /// The first bytes, at most so many.
    pub fn head(&self, most: usize) -> Vec<u8> {
        let mut head = vec![0; most];
        let read = self.file.read_at(&mut head, 0).unwrap_or(0);
        head.truncate(read);
        head
    }

    /// `bytes` bytes from `start`, which lay in the file when it was opened.
    pub fn numbers(&self, start: u64, bytes: usize) -> Result<Vec<u8>> {
        self.read(start, bytes).map_err(|error| {
            let what = format!("{self} changed or went away while it was read: {}", io_cause(&error));
            Error::file(what).help("run again when nothing writes to the file")
        })
    }

    /// Why the file is not read.
    pub fn refused(&self, refusal: Refusal) -> Error {
        Error::file(format!("{self} {}", refusal.what)).help(refusal.help)
    }
}

impl Source for File {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, start: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let mut data = vec![0; length];
        self.file.read_exact_at(&mut data, start)?;
        Ok(data)
    }
}
