//! Errors: one message (what and why), one thing to do, and a kind that becomes the exit code of `weft`.

use crate::abi::{ErrorView, RawError, Status, Text};
use crate::host;

pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong; the number is the exit code of `weft`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub enum ErrorKind {
    /// A bug.
    Internal = 1,
    /// An input or a link is not what the node takes.
    Invalid = 4,
    /// A plugin broke its contract.
    Plugin = 5,
    /// A model, image or tokenizer file is bad.
    File = 6,
    /// Too large, or not enough memory.
    Limit = 7,
    /// The node failed while running.
    Failed = 8,
    /// Output could not be written.
    Output = 9,
    /// The user stopped the run.
    Cancelled = 130,
}

impl ErrorKind {
    pub const ALL: [Self; 8] = [
        Self::Internal,
        Self::Invalid,
        Self::Plugin,
        Self::File,
        Self::Limit,
        Self::Failed,
        Self::Output,
        Self::Cancelled,
    ];

    /// Unknown numbers, of a newer host, read as [`ErrorKind::Failed`].
    pub fn from_code(code: u32) -> Self {
        Self::ALL.into_iter().find(|kind| *kind as u32 == code).unwrap_or(Self::Failed)
    }
}

/// Why something failed. The host adds which node it was.
///
/// ```
/// use plugin_api::{Error, Result};
///
/// fn side(text: &str) -> Result<u32> {
///     text.parse().map_err(|error| {
///         Error::invalid(format!("`{text}` is no whole number: {error}")).help("write it with digits alone")
///     })
/// }
/// let error = side("4x4").unwrap_err().about("the grid");
/// assert!(error.to_string().starts_with("the grid: `4x4` is no whole number"));
/// assert_eq!(error.help, "write it with digits alone");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub struct Error {
    pub kind: ErrorKind,
    /// What happened, where and why: one sentence without a full stop.
    pub message: String,
    /// One thing to do, or empty.
    pub help: String,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: String::new() }
    }

    /// An input is not what the node takes.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// A file is bad.
    pub fn file(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::File, message)
    }

    /// The node failed while running.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// Too large, or not enough memory.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    /// Output could not be written.
    pub fn output(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Output, message)
    }

    /// The same error, which says first what it is about: `about: message`.
    #[must_use]
    pub fn about(self, what: impl std::fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// One thing to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Takes over what the host returned.
    pub(crate) fn check(status: Status) -> Result<()> {
        if status.is_null() { Ok(()) } else { Err(Self::take(status)) }
    }

    fn take(error: *mut RawError) -> Self {
        let empty = Text::text("");
        let mut view = ErrorView { kind: 0, message: empty, help: empty };
        // SAFETY: the error is ours by rule 4; its text is copied before it is freed.
        unsafe {
            (host().error_view)(error, &raw mut view);
            let taken = Self {
                kind: ErrorKind::from_code(view.kind),
                message: view.message.to_text(),
                help: view.help.to_text(),
            };
            (host().error_free)(error);
            taken
        }
    }

    pub(crate) fn into_raw(self) -> *mut RawError {
        // SAFETY: text is borrowed for the call.
        unsafe { (host().error_new)(self.kind as u32, Text::text(&self.message), Text::text(&self.help)) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
