//! What client and engine say to each other: length-prefixed postcard messages over the engine's standard input and
//! output. No tensor crosses; pictures cross as pixels.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use crate::error::Error;
use crate::foresee::Foreseen;
use crate::graph::Plan;
use crate::limits;
use crate::plugins::Catalog;
use crate::table::{Device, Handles};

/// Bytes before each message that say how long it is.
const LENGTH: usize = 4;

/// Client to engine.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    Run(Job),
    /// Stop after the step that is under way.
    Cancel,
    /// Forget every output and tell what is left. For tests.
    Forget,
    /// Forget what these nodes of the plan gave, and all that depends on it. For tests.
    ForgetFrom {
        plan: Plan,
        nodes: Vec<String>,
    },
}

/// One run of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub plan: Plan,
    /// The graph as it goes into pictures: paths relative to the models and input folders.
    pub graph: String,
    pub output: PathBuf,
    /// The folders of models, first one wins: what belongs to a file may lie elsewhere below them.
    pub models: Vec<PathBuf>,
    pub dumps: Vec<Dump>,
    /// None keeps outputs in memory alone.
    pub cache: Option<DiskCache>,
    /// No other run follows: weights go as soon as no node of this one takes them.
    pub once: bool,
}

/// Where outputs of nodes are kept on the disk, and what their keys are made of besides the plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiskCache {
    pub folder: PathBuf,
    /// The most bytes that all entries may have.
    pub limit: u64,
    /// The program and its plugins by their SHA-256: another build may compute other numbers.
    pub build: String,
    pub files: Contents,
}

/// What the files of a plan hold, by their paths.
pub type Contents = BTreeMap<PathBuf, Content>;

/// What a file or a model's folder is on any machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Content {
    /// Its name below the folder that names are joined to: nodes may give it as a text.
    pub name: String,
    pub sha256: String,
    /// How it lay on this disk before it was read.
    pub stamp: Fingerprint,
}

/// Writes a node's output as float32 safetensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dump {
    pub node: String,
    pub output: String,
    pub file: PathBuf,
}

/// Engine to client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Event {
    /// A plugin is about to be opened: should the engine die now, it was this one.
    Opening {
        file: String,
    },
    /// Plugins are loaded, MLX is up.
    Ready {
        catalog: Catalog,
        device: Device,
    },
    /// The engine cannot start.
    Unusable(Error),
    /// What the run will need of the bytes that it can have, before its first node.
    Foreseen {
        foreseen: Foreseen,
        memory: u64,
    },
    Started {
        node: String,
    },
    /// Plugins by id and version whose code runs, the node's own first. Should the engine die now, it was one of these.
    AtWork {
        plugins: Vec<String>,
    },
    /// Bytes of weights read, of all that the node's model has.
    Loading {
        node: String,
        done: u64,
        total: u64,
    },
    Progress {
        node: String,
        done: u32,
        total: u32,
    },
    /// Pixels row by row, three bytes each.
    Preview {
        node: String,
        width: u32,
        height: u32,
        rgb: Vec<u8>,
    },
    Note {
        node: String,
        text: String,
    },
    /// A table that the node shows.
    Report {
        node: String,
        table: Table,
    },
    Done {
        node: String,
        milliseconds: f64,
        how: How,
        /// The most bytes that tensors took while it ran, those of other nodes included; 0 where it did not run.
        peak_bytes: u64,
    },
    /// A file that the node wrote.
    Wrote {
        node: String,
        path: PathBuf,
    },
    Failed {
        node: String,
        error: Error,
    },
    /// The run was cancelled.
    Cancelled,
    /// What is left where every output is forgotten: handles that are out, and bytes of MLX's arrays.
    Left {
        handles: Handles,
        bytes: u64,
    },
    /// The last message of a run, also of a failed or cancelled one.
    Finished {
        peak_bytes: u64,
    },
}

/// How a node came to its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Computed,
    /// An earlier run of this engine left them.
    Memory,
    /// An earlier process left them.
    Disk,
    /// Nobody asks for them: whatever takes them has its own already.
    NotNeeded,
}

impl How {
    /// Whether the node need not run.
    pub fn is_cached(self) -> bool {
        self != Self::Computed
    }
}

/// What a node says of many things at once. Every row has a cell for each column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Writes one message.
///
/// # Errors
/// The other side is gone.
pub fn send<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    // In one write: each wakes the other side.
    let mut bytes = postcard::to_extend(message, vec![0; LENGTH]).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - LENGTH).map_err(io::Error::other)?;
    bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one message; none at the end of the stream.
///
/// # Errors
/// A stream that ends within a message, or one that is no message.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length);
    if length > limits::MESSAGE_BYTES {
        return Err(io::Error::other("a message is too long"));
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_way() {
        let mut pipe = Vec::new();
        send(&mut pipe, &Request::Cancel).unwrap();
        send(&mut pipe, &Event::Progress { node: "n".into(), done: 1, total: 8 }).unwrap();
        let mut from = pipe.as_slice();
        assert!(matches!(receive::<Request>(&mut from).unwrap(), Some(Request::Cancel)));
        assert!(matches!(receive::<Event>(&mut from).unwrap(), Some(Event::Progress { done: 1, total: 8, .. })));
        assert!(receive::<Event>(&mut from).unwrap().is_none());
    }

    #[test]
    fn garbage_is_an_error_not_a_panic() {
        assert!(receive::<Request>(&mut &[255u8, 255, 255, 255, 0][..]).is_err());
        assert!(receive::<Request>(&mut &[3u8, 0, 0, 0, 9, 9, 9][..]).is_err());
        assert!(receive::<Request>(&mut &[9u8, 0, 0, 0, 1][..]).is_err());
    }
}
