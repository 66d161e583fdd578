//! Where the bytes of a file come from: the host's open file, or a slice in a test.

use std::io;

/// Something with a known size that is read in pieces.
pub trait Source {
    fn size(&self) -> u64;

    /// `length` bytes from `start`.
    ///
    /// # Errors
    /// They reach beyond the end, or the file cannot be read.
    fn read(&self, start: u64, length: usize) -> io::Result<Vec<u8>>;
}

impl Source for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(start).ok();
        let range = start.and_then(|start| self.get(start..start.checked_add(length)?));
        range.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Why a file is not read: what it is or holds, so that "FILE …" is a sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub what: String,
    pub help: &'static str,
}

impl Refusal {
    /// Bytes that mean nothing.
    pub fn damaged(why: impl std::fmt::Display) -> Self {
        Self { what: format!("is damaged: {why}"), help: "download or save it again" }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::damaged("it ends too early"),
            kind => Self { what: format!("cannot be read: {kind}"), help: "check the disk that it lies on" },
        }
    }
}
