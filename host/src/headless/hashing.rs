//! Hashing of model files, with its progress on standard error where it takes longer than a second.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::loras::size;
use super::run::Signals;
use super::say;
use crate::engine::protocol::Contents;
use crate::graph::{Graph, Plan, Roots};
use crate::library::{self, Hashes};
use crate::plugins::Catalog;
use crate::text::printable;

/// How long nothing is said.
const QUIET: Duration = Duration::from_secs(1);
/// Between two lines, where there is no terminal.
const BETWEEN: Duration = Duration::from_secs(10);

/// What was read so far.
pub struct Progress {
    done: u64,
    /// 0 where nobody knows.
    total: u64,
    started: Instant,
    said: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(total: u64) -> Self {
        Self { done: 0, total, started: Instant::now(), said: None, bar: None }
    }

    pub fn add(&mut self, bytes: u64) -> bool {
        self.done += bytes;
        if self.started.elapsed() < QUIET {
            return true;
        }
        if std::io::stderr().is_terminal() {
            let (done, total) = (self.done, self.total);
            self.bar.get_or_insert_with(|| bar(total)).set_position(done);
        } else if self.said.is_none_or(|said| said.elapsed() > BETWEEN) {
            let of = if self.total > 0 { format!(" of {}", size(self.total)) } else { String::new() };
            say(&format!("reading model files for their SHA-256: {}{of}", size(self.done)));
            self.said = Some(Instant::now());
        }
        true
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::no_length() };
    // The template is a constant that the test below builds.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar
}

const TEMPLATE: &str =
    "reading model files for their SHA-256 {wide_bar} {decimal_bytes}/{decimal_total_bytes} {elapsed}";

/// Gives model files that are not here the names of those with the same content, and says so.
pub fn find_files(graph: &mut Graph, catalog: &Catalog, roots: &Roots, hashes: &Hashes) {
    let mut progress = Progress::new(0);
    let notes = library::substitute(graph, catalog, roots, hashes, &mut |bytes| progress.add(bytes));
    drop(progress);
    notes.iter().for_each(|note| say(&printable(&format!("note: {note}"))));
}

/// Writes into the graph what its model files are, and reads those that nobody has read yet.
pub fn write_identities(graph: &mut Graph, catalog: &Catalog, roots: &Roots, hashes: &Hashes) {
    let mut progress = Progress::new(0);
    library::write_identities(graph, catalog, roots, |path| {
        // What cannot be read, the run will tell of.
        hashes.compute(path, &mut |bytes| progress.add(bytes)).ok().flatten()
    });
    hashes.save();
}

/// What the files of a plan of `graph` hold. Those that nobody has read yet are read, until a signal comes.
pub fn contents(
    graph: &Graph,
    plan: &Plan,
    catalog: &Catalog,
    roots: &Roots,
    hashes: &Hashes,
    signals: &Signals,
) -> Contents {
    let mut progress = Progress::new(0);
    let mut is_new = false;
    let contents = library::contents(graph, plan, catalog, roots, |folder, path| {
        library::content(path, folder, roots, hashes, &mut |bytes| {
            is_new = true;
            progress.add(bytes) && !signals.seen()
        })
    });
    if is_new {
        hashes.save();
    }
    contents
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_sound() {
        assert!(super::ProgressStyle::with_template(super::TEMPLATE).is_ok());
    }
}
