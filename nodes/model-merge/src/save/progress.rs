//! How far a save is: files are read for their hashes, then weights are written.

use std::cell::Cell;

use plugin_api::{Result, Run};

use super::part::Part;
use super::provenance;

const MEGABYTE: u64 = 1_000_000;

/// Counts bytes and tells them as megabytes.
pub struct Progress<'a> {
    run: &'a Run,
    done: Cell<u64>,
    total: u64,
}

impl<'a> Progress<'a> {
    /// For the hashing of all sources and the writing of all parts.
    pub fn new(run: &'a Run, parts: &[Part]) -> Self {
        let written: u64 = parts.iter().map(|part| part.size().1).sum();
        Self { run, done: Cell::new(0), total: written + provenance::bytes(parts) }
    }

    /// `bytes` more are done.
    ///
    /// # Errors
    /// The run was cancelled.
    pub fn add(&self, bytes: u64) -> Result<()> {
        self.done.set(self.done.get() + bytes);
        let total = self.total.div_ceil(MEGABYTE).max(1);
        self.run.progress(self.done.get().div_ceil(MEGABYTE).min(total) as usize, total as usize, None)
    }
}
