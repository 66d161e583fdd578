//! What the model files of the open graph are, and files of other names that are meant. A thread of its own hashes what is not
//! known yet, and rests while a run reads its models.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use egui::Context;

use super::scene::Scene;
use crate::document::Edit;
use crate::graph::{Graph, Input, Roots};
use crate::library::{self, Hashes};
use crate::plugins::Catalog;

/// How long the thread rests before it asks again whether a run goes on.
const REST: Duration = Duration::from_millis(100);

pub struct Identities {
    hashes: Arc<Hashes>,
    thread: Option<Thread>,
    /// Files that the thread was told of.
    asked: HashSet<PathBuf>,
    /// The document's revision for which files of other names were looked for.
    searched: Option<u64>,
    flags: Arc<Flags>,
}

#[derive(Default)]
struct Flags {
    is_busy: AtomicBool,
    is_closed: AtomicBool,
}

impl Flags {
    /// Waits while a run goes on. False where nobody wants the answer any more.
    fn go_on(&self) -> bool {
        while self.is_busy.load(Ordering::Relaxed) && !self.is_closed.load(Ordering::Relaxed) {
            std::thread::sleep(REST);
        }
        !self.is_closed.load(Ordering::Relaxed)
    }
}

struct Thread {
    orders: Sender<Order>,
    found: Receiver<Found>,
}

enum Order {
    Hash(PathBuf),
    /// Looks for files that the graph names and that are not there.
    Search(Box<Search>),
}

struct Search {
    revision: u64,
    graph: Graph,
    catalog: Arc<Catalog>,
    roots: Roots,
    ctx: Context,
}

/// The graph of a revision with other names, and a sentence for each.
struct Found {
    revision: u64,
    graph: Graph,
    notes: Vec<String>,
}

impl Identities {
    /// `path` is where hashes are kept; without it nothing is hashed.
    pub fn new(path: Option<PathBuf>) -> Self {
        let flags = Arc::<Flags>::default();
        let is_wanted = path.is_some();
        let hashes = Arc::new(Hashes::open(path));
        let thread = is_wanted.then(|| Thread::start(Arc::clone(&hashes), Arc::clone(&flags))).flatten();
        Self { hashes, thread, asked: HashSet::new(), searched: None, flags }
    }

    pub fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    /// Once a frame: tells the thread what there is to do, and gives what it found out: the edit that puts in the names of
    /// files that are there, and what to say of it.
    pub fn look(
        &mut self,
        ctx: &Context,
        scene: &Scene,
        roots: &Roots,
        files: &[PathBuf],
        is_busy: bool,
    ) -> Option<(Edit, Vec<String>)> {
        self.flags.is_busy.store(is_busy, Ordering::Relaxed);
        let thread = self.thread.as_ref()?;
        for file in files {
            if !self.asked.contains(file) {
                self.asked.insert(file.clone());
                // A thread that is gone hashes nothing.
                let _ = thread.orders.send(Order::Hash(file.clone()));
            }
        }
        let (document, catalog) = (&scene.document, Arc::clone(&scene.catalog));
        let revision = document.revision();
        if self.searched != Some(revision) && !catalog.plugins.is_empty() {
            self.searched = Some(revision);
            if library::lacks_files(document.graph(), &catalog, roots) {
                let (graph, roots, ctx) = (document.graph().clone(), roots.clone(), ctx.clone());
                let _ = thread.orders.send(Order::Search(Box::new(Search { revision, graph, catalog, roots, ctx })));
            }
        }
        let found = thread.found.try_iter().find(|found| found.revision == revision)?;
        Some((edit(document.graph(), &found.graph), found.notes))
    }
}

impl Drop for Identities {
    fn drop(&mut self) {
        self.flags.is_closed.store(true, Ordering::Relaxed);
    }
}

/// What makes the values of one graph those of the other.
fn edit(from: &Graph, to: &Graph) -> Edit {
    let mut edits = Vec::new();
    for (id, node) in &to.nodes {
        let Some(old) = from.nodes.get(id) else { continue };
        for (name, input) in &node.inputs {
            if let Input::Value(text) = input
                && old.inputs.get(name) != Some(input)
            {
                edits.push(Edit::Set { node: id.clone(), input: name.clone(), value: Some(text.clone()) });
            }
        }
    }
    Edit::All(edits)
}

impl Thread {
    /// None where the system has no thread left.
    fn start(hashes: Arc<Hashes>, flags: Arc<Flags>) -> Option<Self> {
        let (orders, waiting) = channel();
        let (finished, found) = channel();
        let work = move || {
            for order in waiting {
                if flags.is_closed.load(Ordering::Relaxed) {
                    return;
                }
                match order {
                    Order::Hash(path) => hash(&hashes, &path, &flags),
                    Order::Search(search) => drop(finished.send(search.carry_out(&hashes, &flags))),
                }
            }
        };
        std::thread::Builder::new().name("hashes".to_owned()).spawn(work).ok()?;
        Some(Self { orders, found })
    }
}

/// Hashes what is not known. A file that cannot be read is the business of whoever loads it.
fn hash(hashes: &Hashes, path: &std::path::Path, flags: &Flags) {
    if hashes.known(path).is_none() && matches!(hashes.compute(path, &mut |_| flags.go_on()), Ok(Some(_))) {
        hashes.save();
    }
}

impl Search {
    /// A search is what the user waits for, so that it does not rest.
    fn carry_out(self, hashes: &Hashes, flags: &Flags) -> Found {
        let Self { revision, mut graph, catalog, roots, ctx } = self;
        let mut told = |_| !flags.is_closed.load(Ordering::Relaxed);
        let notes = library::substitute(&mut graph, &catalog, &roots, hashes, &mut told);
        ctx.request_repaint();
        Found { revision, graph, notes }
    }
}
