//! What a person reads when something went wrong, and the exit code that scripts read.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::text;

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

impl Code {
    fn help(self) -> &'static str {
        match self {
            Self::Internal => "this is a bug in Weft: please report it, with the graph",
            Self::Usage => "`weft --help` shows what can be given",
            Self::Unreadable => "the examples in graphs/ show how a graph is written",
            Self::Invalid => "`weft nodes KIND` shows what the node takes",
            Self::Plugin => "install the plugin again, or report it to its author",
            Self::File => "download or save the file again",
            Self::Limit => "make the picture smaller, or close other programs",
            Self::Failed => "run it again; if it stays so, please report it, with the graph",
            Self::Output => "choose another place for the output, or make room",
            Self::Interrupted | Self::Terminated => "",
        }
    }
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
        self.cause = text::plain(&cause.to_string());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// With something to do, where nobody closer to the cause knew better.
    #[must_use]
    pub fn with_help(self) -> Self {
        if self.help.is_empty() { Self { help: self.code.help().to_owned(), ..self } } else { self }
    }

    /// As `--json` prints it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code as u8, "what": self.what, "where": self.place, "cause": self.cause, "help": self.help
        })
    }

    /// A file that could not be read.
    pub fn reading(code: Code, path: &Path, error: &std::io::Error) -> Self {
        Self::new(code, format!("{} cannot be read", path.display())).cause(io_cause(error))
    }
}

/// The system's reason without Rust's "(os error 2)".
pub fn io_cause(error: &std::io::Error) -> String {
    text::plain(&error.to_string()).to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", text::printable(&self.what))?;
        for (name, said) in [("where", &self.place), ("why", &self.cause), ("help", &self.help)] {
            if !said.is_empty() {
                write!(f, "\n  {name}: {}", text::printable(said))?;
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
        Self::new(code, text::plain(&error.message)).help(error.help)
    }
}
