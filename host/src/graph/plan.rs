//! A plan: a graph that was checked. Only [`super::check`] makes one, so the engine has no branch for a missing node.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    Rows(Vec<Vec<(String, Param)>>),
    /// Several values under their names.
    Record(Vec<(String, Param)>),
}
