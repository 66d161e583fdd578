//! A plan: a graph that was checked. Only [`super::check`] makes one, so the engine has no branch for a missing node.

use std::cell::Cell;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// The nodes that have to run, each after those it takes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub(super) steps: Vec<Step>,
}

impl Plan {
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// The node's name in the graph.
    pub node: String,
    pub kind: String,
    /// Every input that has a value, by name.
    pub inputs: Vec<(String, Source)>,
}

/// Where an input's value comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Source {
    /// An output of an earlier step, by its index.
    Step {
        step: usize,
        output: String,
    },
    Param(Param),
}

/// A value that was checked against its input's kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Param {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// An existing file or folder.
    File(PathBuf),
    Rows(#[serde(deserialize_with = "flat")] Vec<Vec<(String, Param)>>),
    /// Several values under their names.
    Record(#[serde(deserialize_with = "flat")] Vec<(String, Param)>),
}

/// Values within values, but no more of them than a graph can ask for: a record of rows. A message that nests deeper would
/// overflow the stack of whoever reads it.
fn flat<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    const DEEPEST: u32 = 4;
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }
    let depth = DEPTH.get();
    if depth == DEEPEST {
        return Err(serde::de::Error::custom("values are nested too deep"));
    }
    DEPTH.set(depth + 1);
    let value = T::deserialize(deserializer);
    DEPTH.set(depth);
    value
}
