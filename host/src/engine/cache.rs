//! Outputs of earlier runs by fingerprint. What the last run used stays; older outputs go when memory gets short.

use std::collections::HashMap;
use std::path::PathBuf;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::fingerprint::{Fingerprint, identity};
use crate::table::Value;

#[derive(Debug, Default)]
pub struct Cache {
    entries: HashMap<Fingerprint, Entry>,
    run: u64,
}

#[derive(Debug)]
struct Entry {
    outputs: Value,
    /// Files that the node wrote, as they were then.
    files: Vec<(PathBuf, [u8; 32])>,
    shown: Option<Shown>,
    used: u64,
}

/// The last picture that a node showed: pixels row by row, three bytes each.
#[derive(Debug, Clone)]
pub struct Shown {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

impl Cache {
    /// Outputs of a node with this fingerprint. A file that it wrote and that is gone or changed since makes it run
    /// again.
    pub fn get(&mut self, fingerprint: &Fingerprint) -> Option<Value> {
        let entry = self.entries.get_mut(fingerprint)?;
        let is_there = |(path, was): &(PathBuf, [u8; 32])| path.metadata().is_ok_and(|now| identity(&now) == *was);
        if !entry.files.iter().all(is_there) {
            return None;
        }
        entry.used = self.run;
        Some(entry.outputs.clone())
    }

    /// What a client saw of the node when it ran: the files that it wrote, and the last picture that it showed.
    pub fn seen(&self, fingerprint: &Fingerprint) -> (Vec<PathBuf>, Option<Shown>) {
        let entry = self.entries.get(fingerprint);
        entry.map_or_else(Default::default, |entry| {
            (entry.files.iter().map(|(path, _)| path.clone()).collect(), entry.shown.clone())
        })
    }

    pub fn put(&mut self, fingerprint: Fingerprint, outputs: Value, files: Vec<PathBuf>, shown: Option<Shown>) {
        let files =
            files.into_iter().filter_map(|path| Some((path.clone(), identity(&path.metadata().ok()?)))).collect();
        self.entries.insert(fingerprint, Entry { outputs, files, shown, used: self.run });
    }

    /// Everything, after a failure that may have left arrays behind which read as zeros.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Begins a run.
    pub fn begin(&mut self) {
        self.run += 1;
    }

    /// Ends a run: while less than a fifth of the memory is free, the outputs of the oldest runs go.
    pub fn end(&mut self) {
        while memory_is_short() {
            let Some(oldest) = self.entries.values().map(|entry| entry.used).min().filter(|used| *used < self.run)
            else {
                return;
            };
            self.entries.retain(|_, entry| entry.used > oldest);
            crate::table::clear_spare_buffers();
        }
    }
}

fn memory_is_short() -> bool {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    // Where the system does not tell, nothing is dropped.
    System::new_with_specifics(memory).is_ok_and(|system| system.available_memory() < system.total_memory() / 5)
}
