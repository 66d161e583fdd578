//! What the events of a run do to the state.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::{NOTES, NodeState, Outcome, Picture, REPORTS, Said, Shared};
use crate::engine::protocol::Event;
use crate::error::Error;
use crate::graph::{Graph, describe};
use crate::limits;
use crate::plugins::Catalog;

/// What is known of the run that goes on.
pub(super) struct Watch {
    kinds: HashMap<String, String>,
    /// Nodes whose pictures are results. Others show how their work goes.
    sinks: HashSet<String>,
    running: Option<String>,
    since: Instant,
    errors: Vec<(Option<String>, Error)>,
    is_cancelled: bool,
    /// For the history: small, and of one node's shown pictures only the last.
    pictures: Vec<(String, Arc<Picture>)>,
    /// Nodes that the run has reached: what they said before it is forgotten.
    reached: HashSet<String>,
}

impl Watch {
    pub(super) fn new(graph: &Graph, catalog: &Catalog) -> Self {
        let is_sink = |kind: &str| catalog.node(kind).is_some_and(|spec| spec.sink);
        Self {
            kinds: graph.nodes.iter().map(|(id, node)| (id.clone(), node.kind.clone())).collect(),
            sinks: graph.nodes.iter().filter(|(_, node)| is_sink(&node.kind)).map(|(id, _)| id.clone()).collect(),
            running: None,
            since: Instant::now(),
            errors: Vec::new(),
            is_cancelled: false,
            pictures: Vec::new(),
            reached: HashSet::new(),
        }
    }

    /// Takes in one event. Says whether it is worth showing at once: there are few of those, and any number of others.
    pub(super) fn see(&mut self, shared: &Shared, event: Event) -> bool {
        match event {
            Event::Started { node } => {
                self.reach(shared, &node);
                self.since = Instant::now();
                self.running = Some(node.clone());
                self.at(shared, node, self.working(0, 0));
                return true;
            }
            // The last of the weights are in hand: the work itself begins.
            Event::Loading { node, done, total } if done >= total => self.at(shared, node, self.working(0, 0)),
            Event::Loading { node, done, total } => self.at(shared, node, NodeState::Loading { done, total }),
            Event::Progress { node, done, total } => self.at(shared, node, self.working(done, total)),
            Event::Note { node, text } => self.said(shared, &node, |said| push(&mut said.notes, text, NOTES)),
            Event::Report { node, table } => {
                self.said(shared, &node, |said| push(&mut said.reports, Arc::new(table), REPORTS));
                return true;
            }
            Event::Done { node, milliseconds, how } => {
                self.reach(shared, &node);
                self.running = None;
                self.at(shared, node, NodeState::Done { milliseconds, cached: how.is_cached() });
                return true;
            }
            Event::Failed { node, error } => {
                self.fail(shared, Some(node), error);
                return true;
            }
            Event::Preview { node, width, height, rgb } => {
                let is_preview = !self.sinks.contains(&node);
                if let Some(picture) = Picture::of_rgb(width, height, &rgb, is_preview) {
                    self.show(shared, node, Arc::new(picture));
                }
            }
            Event::Wrote { node, path } => self.wrote(shared, node, path),
            Event::Cancelled => self.is_cancelled = true,
            _ => {}
        }
        false
    }

    /// The engine is gone; so is the node that was running.
    pub(super) fn engine_died(&mut self, shared: &Shared, error: Error) {
        self.fail(shared, self.running.clone(), error);
    }

    /// What became of the run, and the pictures that it made.
    pub(super) fn end(self, shared: &Shared) -> (Outcome, Vec<(String, Arc<Picture>)>) {
        shared.change(|state| state.said.retain(|node, _| self.reached.contains(node)));
        let outcome = match (self.errors.is_empty(), self.is_cancelled) {
            (false, _) => Outcome::Failed(self.errors),
            (true, true) => Outcome::Cancelled,
            (true, false) => Outcome::Done,
        };
        (outcome, self.pictures)
    }

    pub(super) fn cancel(&mut self) {
        self.is_cancelled = true;
    }

    /// Errors that came before the run, each with its node.
    pub(super) fn refuse(&mut self, shared: &Shared, errors: Vec<(Option<String>, Error)>) {
        shared.change(|state| {
            for (node, error) in &errors {
                let Some(node) = node else { continue };
                if let NodeState::Failed(known) =
                    state.nodes.entry(node.clone()).or_insert_with(|| NodeState::Failed(Vec::new()))
                {
                    known.push(error.clone());
                }
            }
        });
        self.errors.extend(errors);
    }

    /// From its first event of this run on, a node has said nothing but what it says now. (One that need not run again
    /// has no start: it says again what it said.)
    fn reach(&mut self, shared: &Shared, node: &str) {
        if self.reached.insert(node.to_owned()) {
            shared.change(|state| state.said.remove(node));
        }
    }

    fn said(&mut self, shared: &Shared, node: &str, add: impl FnOnce(&mut Said)) {
        self.reach(shared, node);
        shared.change(|state| add(state.said.entry(node.to_owned()).or_default()));
    }

    fn working(&self, done: u32, total: u32) -> NodeState {
        NodeState::Running { since: self.since, done, total }
    }

    fn at(&self, shared: &Shared, node: String, now: NodeState) {
        shared.change(|state| {
            if let Some(current) = &mut state.current {
                current.node.clone_from(&self.running);
                current.progress = match now {
                    NodeState::Running { done, total, .. } if total > 0 => Some((done, total)),
                    _ => None,
                };
                current.done += usize::from(matches!(now, NodeState::Done { .. }));
            }
            state.nodes.insert(node, now);
        });
    }

    fn fail(&mut self, shared: &Shared, node: Option<String>, error: Error) {
        let error = match &node {
            Some(node) => error.place(describe(node, self.kinds.get(node).map_or("?", String::as_str))),
            None => error,
        };
        if let Some(node) = &node {
            self.at(shared, node.clone(), NodeState::Failed(vec![error.clone()]));
        }
        self.errors.push((node, error));
    }

    fn wrote(&mut self, shared: &Shared, node: String, path: PathBuf) {
        // A node that did not run again tells of a file that it wrote earlier, which may be at hand already.
        let is_told_again = self.running.as_ref() != Some(&node);
        let known = shared.lock().pictures.get(&node).filter(|known| known.file.as_ref() == Some(&path)).cloned();
        let known = known.filter(|_| is_told_again);
        if let Some(picture) = known.or_else(|| Picture::open(&path).map(Arc::new)) {
            self.show(shared, node, picture);
        }
    }

    fn show(&mut self, shared: &Shared, node: String, picture: Arc<Picture>) {
        if !picture.is_preview {
            self.keep(&node, Picture::thumbnail(&picture));
        }
        shared.change(|state| state.pictures.insert(node, picture));
    }

    fn keep(&mut self, node: &str, picture: Arc<Picture>) {
        if picture.file.is_none() {
            self.pictures.retain(|(shown, kept)| shown != node || kept.file.is_some());
        }
        self.pictures.push((node.to_owned(), picture));
        while self.pictures.len() > 1 && bytes(&self.pictures) > limits::HISTORY_BYTES {
            self.pictures.remove(0);
        }
    }
}

/// Adds to what is kept, which is no more than `most`.
fn push<T>(kept: &mut Vec<T>, new: T, most: usize) {
    if kept.len() == most {
        kept.remove(0);
    }
    kept.push(new);
}

/// What pictures take in memory.
pub(super) fn bytes(pictures: &[(String, Arc<Picture>)]) -> usize {
    pictures.iter().map(|(_, picture)| picture.rgba.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::protocol::{How, Table};
    use crate::error::Code;

    fn note(node: &str, text: &str) -> Event {
        Event::Note { node: node.into(), text: text.into() }
    }

    fn report(node: &str, title: &str) -> Event {
        Event::Report { node: node.into(), table: Table { title: title.into(), columns: vec![], rows: vec![] } }
    }

    fn started(node: &str) -> Event {
        Event::Started { node: node.into() }
    }

    fn done(node: &str, cached: bool) -> Event {
        let how = if cached { How::Memory } else { How::Computed };
        Event::Done { node: node.into(), milliseconds: 0.0, how }
    }

    /// One run, after which every node's notes and the titles of its reports are given.
    fn run(shared: &Shared, events: Vec<Event>) -> Vec<(String, Vec<String>)> {
        let mut watch = Watch::new(&Graph::default(), &Catalog::default());
        for event in events {
            watch.see(shared, event);
        }
        drop(watch.end(shared));
        let state = shared.lock();
        let titles = |said: &Said| said.reports.iter().map(|table| table.title.clone()).collect::<Vec<_>>();
        let all = |(node, said): (&String, &Said)| (node.clone(), [said.notes.clone(), titles(said)].concat());
        let mut said: Vec<_> = state.said.iter().map(all).collect();
        said.sort();
        said
    }

    #[test]
    fn what_nodes_say_lasts_until_they_run_again() {
        let shared = Shared::new(|| {});
        let failed = Event::Failed { node: "b".into(), error: Error::new(Code::Failed, "no") };
        let first = vec![started("a"), note("a", "one"), note("a", "two"), done("a", false), started("b")];
        let first = [first, vec![report("b", "keys"), failed]].concat();
        let words = |node: &str, words: &[&str]| (node.to_owned(), words.iter().map(|&word| word.to_owned()).collect());
        assert_eq!(run(&shared, first), [words("a", &["one", "two"]), words("b", &["keys"])]);
        // `a` is known and says it again; `b` runs, and has nothing to say any more.
        let second = vec![note("a", "one"), note("a", "two"), done("a", true), started("b"), done("b", false)];
        assert_eq!(run(&shared, second), [words("a", &["one", "two"])]);
        assert_eq!(run(&shared, vec![done("a", true)]), [], "it said nothing this time");
    }

    #[test]
    fn what_a_run_did_not_reach_says_nothing() {
        let shared = Shared::new(|| {});
        run(&shared, vec![started("a"), note("a", "one"), done("a", false)]);
        assert_eq!(run(&shared, vec![started("other"), Event::Cancelled]), []);
    }

    #[test]
    fn a_node_that_talks_without_end_is_cut() {
        let shared = Shared::new(|| {});
        let notes = (0..NOTES + 5).map(|index| note("a", &index.to_string()));
        let reports = (0..REPORTS + 1).map(|index| report("a", &format!("table {index}")));
        let said = run(&shared, notes.chain(reports).collect());
        assert_eq!((said[0].1[0].as_str(), said[0].1[NOTES].as_str()), ("5", "table 1"));
        assert_eq!(said[0].1.len(), NOTES + REPORTS);
    }
}
