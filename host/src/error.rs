//! What a person reads when something went wrong, and the exit code that scripts read.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub type Result<T> = std::result::Result<T, Error>;

/// The exit codes of `weft`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Code {
    /// A bug.
    Internal = 1,
    /// Wrong use of the command line.
    Usage = 2,
    /// The graph file cannot be read: syntax, version, not a graph.
    Unreadable = 3,
    /// The graph is not valid: cycle, unknown node, wrong kind, value out of range.
    Invalid = 4,
    /// A plugin was refused or failed to load.
    Plugin = 5,
    /// A model, LoRA, image or tokenizer file is bad.
    File = 6,
    /// Not enough memory, or a limit exceeded.
    Limit = 7,
    /// A node failed while running.
    Failed = 8,
    /// Output was not written.
    Output = 9,
    /// The user stopped it (Ctrl-C).
    Interrupted = 130,
    /// It was asked to end (SIGTERM).
    Terminated = 143,
}

/// One clear message: what, where, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    pub code: Code,
    /// What happened, one sentence without a full stop.
    pub what: String,
    /// `file:line:column`, or node, kind and input. May be empty.
    pub place: String,
    /// Why. May be empty.
    pub cause: String,
    /// One thing to do. May be empty.
    pub help: String,
}

impl Error {
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), place: String::new(), cause: String::new(), help: String::new() }
    }

    #[must_use]
    pub fn place(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = cause.to_string();
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// A file that could not be read.
    pub fn reading(code: Code, path: &Path, error: &std::io::Error) -> Self {
        Self::new(code, format!("{} cannot be read", path.display())).cause(io_cause(error))
    }
}

/// The system's reason without Rust's "(os error 2)".
pub fn io_cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for (name, text) in [("where", &self.place), ("why", &self.cause), ("help", &self.help)] {
            if !text.is_empty() {
                write!(f, "\n  {name}: {text}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<plugin_api::Error> for Error {
    fn from(error: plugin_api::Error) -> Self {
        use plugin_api::ErrorKind;
        let code = match error.kind {
            ErrorKind::Internal => Code::Internal,
            ErrorKind::Invalid => Code::Invalid,
            ErrorKind::Plugin => Code::Plugin,
            ErrorKind::File => Code::File,
            ErrorKind::Limit => Code::Limit,
            ErrorKind::Failed => Code::Failed,
            ErrorKind::Output => Code::Output,
            ErrorKind::Cancelled => Code::Interrupted,
        };
        Self::new(code, error.message).help(error.help)
    }
}
