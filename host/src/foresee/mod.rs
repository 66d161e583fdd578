//! The memory that a run will need, foreseen before it begins: from the plan, the headers of its files, and the formulas of
//! `weft_formats::memory`. Nothing is computed and no weight is read. docs/memory.md tells how far it is off.
//!
//! The plan is walked as the engine will walk it, with what is known of each value in the place of the value.

mod fact;
mod last_use;
mod params;
mod said;
mod tiles;
mod walk;
mod work;

use serde::{Deserialize, Serialize};
use weft_formats::memory::{MOST_SLACK, slack};

pub use fact::{File, read};
pub use last_use::LastUse;
pub use walk::{Known, of};
pub use work::Work;

/// What the engine needs before it has any tensor: its code, that of the plugins, and their tables.
const ENGINE: u64 = 43_000_000;

/// Where a run takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    pub gpu: bool,
    /// Bytes that the engine can have in all.
    pub memory: u64,
    /// No other run follows: what no later node takes is given back.
    pub once: bool,
}

/// What a run is expected to need.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Foreseen {
    /// The work that takes memory, in order.
    pub phases: Vec<Phase>,
    /// Whether there are nodes besides of which it is not known what they need.
    pub more: bool,
}

/// One node's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    pub node: String,
    pub work: Work,
    /// Height and width of what goes through at once, in pixels; nothing for text.
    pub size: [u64; 2],
    /// The side of the tiles, where there are some.
    pub tile: Option<u64>,
    /// Whether another value of its param `tile` would take less.
    pub can_be_smaller: bool,
    /// Bytes of all the engine then has: weights, what this pass computes with, results of other nodes.
    pub bytes: u64,
    /// Bytes of them that are tensors.
    pub tensors: u64,
}

impl Phase {
    /// Work of a node that takes nothing.
    pub fn of(node: &str, work: Work) -> Self {
        let node = node.to_owned();
        Self { node, work, size: [0; 2], tile: None, can_be_smaller: false, bytes: 0, tensors: 0 }
    }
}

impl Foreseen {
    /// The work that takes most, the first of equals.
    pub fn peak(&self) -> Option<&Phase> {
        self.phases.iter().rev().max_by_key(|phase| phase.bytes)
    }
}

/// Bytes of a process whose tensors take so many, of which those of `pass` come and go.
fn of_process(tensors: u64, pass: u64) -> u64 {
    ENGINE.saturating_add(tensors).saturating_add(slack(pass))
}

/// Bytes that tensors can take in a process of so many.
fn of_tensors(process: u64) -> u64 {
    process.saturating_sub(ENGINE + MOST_SLACK)
}
