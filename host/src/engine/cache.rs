//! Outputs of earlier runs by fingerprint. What the last run used stays; older outputs go when memory gets short.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, Identity, identity};
use super::protocol::Table;
use crate::table::{Model, Value};

#[derive(Debug, Default)]
pub struct Cache {
    entries: HashMap<Fingerprint, Entry>,
    run: u64,
}

#[derive(Debug)]
struct Entry {
    outputs: Value,
    /// Files that the node wrote, as they were then.
    files: Vec<(PathBuf, Identity)>,
    told: Vec<Told>,
    used: u64,
}

/// What a node said when it ran, which holds as long as its outputs do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Told {
    Note(String),
    Report(Table),
    /// Pixels row by row, three bytes each.
    Preview {
        width: u32,
        height: u32,
        rgb: Vec<u8>,
    },
}

impl Cache {
    /// Outputs of a node with this fingerprint. A file that it wrote and that is gone or changed since makes it run
    /// again.
    pub fn get(&mut self, fingerprint: &Fingerprint) -> Option<Value> {
        let entry = self.entries.get_mut(fingerprint)?;
        let is_there = |(path, was): &(PathBuf, Identity)| path.metadata().is_ok_and(|now| identity(&now) == *was);
        if !entry.files.iter().all(is_there) {
            return None;
        }
        entry.used = self.run;
        Some(entry.outputs.clone())
    }

    /// What a client saw of the node when it ran: the files that it wrote, and what it said.
    pub fn seen(&self, fingerprint: &Fingerprint) -> (Vec<PathBuf>, Vec<Told>) {
        let entry = self.entries.get(fingerprint);
        entry.map_or_else(Default::default, |entry| {
            (entry.files.iter().map(|(path, _)| path.clone()).collect(), entry.told.clone())
        })
    }

    pub fn put(&mut self, fingerprint: Fingerprint, outputs: Value, files: Vec<PathBuf>, told: Vec<Told>) {
        let files =
            files.into_iter().filter_map(|path| Some((path.clone(), identity(&path.metadata().ok()?)))).collect();
        self.entries.insert(fingerprint, Entry { outputs, files, told, used: self.run });
    }

    pub fn remove(&mut self, fingerprint: &Fingerprint) {
        self.entries.remove(fingerprint);
    }

    /// Everything, after a failure that may have left arrays behind which read as zeros.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Begins a run.
    pub fn begin(&mut self) {
        self.run += 1;
    }

    /// Ends a run. A model with changed weights that it did not use keeps no copy of them: each new strength of a LoRA would
    /// leave one behind. While less than a fifth of the memory is free, the outputs of the oldest runs go.
    pub fn end(&mut self) {
        let unused = self.entries.values().filter(|entry| entry.used < self.run);
        unused.for_each(|entry| entry.outputs.models(&Model::release_changes));
        while crate::table::memory::is_short() {
            let Some(oldest) = self.entries.values().map(|entry| entry.used).min().filter(|used| *used < self.run)
            else {
                return;
            };
            self.entries.retain(|_, entry| entry.used > oldest);
            crate::table::clear_spare_buffers();
        }
    }
}
