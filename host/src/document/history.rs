//! Undo and redo: what each step changed, not whole graphs.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;

use super::Edit;
use super::layout::{Layout, Place};
use crate::graph::{Graph, Node};

/// Steps that are kept.
const STEPS: usize = 2000;

/// A number that was never given before in this process.
pub fn next_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// One entry of a map, before and after; with its index, because files keep their order.
#[derive(Debug, Clone)]
pub enum Change {
    Node {
        id: String,
        before: Option<(usize, Node)>,
        after: Option<(usize, Node)>,
    },
    Place {
        id: String,
        before: Option<(usize, Place)>,
        after: Option<(usize, Place)>,
    },
    /// Many entries that were taken out at once, in order of the indices that they had.
    Removed {
        nodes: Vec<(usize, String, Node)>,
        places: Vec<(usize, String, Place)>,
    },
}

impl Change {
    pub fn undo(self, graph: &mut Graph, layout: &mut Layout) {
        match self {
            Self::Node { id, before, .. } => put(&mut graph.nodes, id, before),
            Self::Place { id, before, .. } => layout.put(id, before),
            Self::Removed { nodes, places } => {
                insert_all(&mut graph.nodes, nodes);
                layout.insert(places);
            }
        }
    }

    pub fn redo(self, graph: &mut Graph, layout: &mut Layout) {
        match self {
            Self::Node { id, after, .. } => put(&mut graph.nodes, id, after),
            Self::Place { id, after, .. } => layout.put(id, after),
            Self::Removed { nodes, places } => {
                remove_all(&mut graph.nodes, &nodes);
                layout.remove(&places);
            }
        }
    }

    /// Takes a later change of the same entry in. Gives it back where it is of another one.
    fn join(&mut self, later: Self) -> Option<Self> {
        match (self, later) {
            (Self::Node { id, after, .. }, Self::Node { id: same, after: last, .. }) if *id == same => *after = last,
            (Self::Place { id, after, .. }, Self::Place { id: same, after: last, .. }) if *id == same => *after = last,
            (_, later) => return Some(later),
        }
        None
    }
}

/// Puts an entry at its index, or takes it out.
pub fn put<T>(map: &mut IndexMap<String, T>, id: String, entry: Option<(usize, T)>) {
    match entry {
        None => drop(map.shift_remove(&id)),
        Some((index, value)) => {
            if let Some(old) = map.get_mut(&id) {
                *old = value;
            } else {
                map.shift_insert(index.min(map.len()), id, value);
            }
        }
    }
}

/// Takes entries out. One at a time, each would move all that follow.
pub fn remove_all<T>(map: &mut IndexMap<String, T>, entries: &[(usize, String, T)]) {
    let gone: HashSet<&str> = entries.iter().map(|(_, id, _)| id.as_str()).collect();
    map.retain(|id, _| !gone.contains(id.as_str()));
}

/// Undoes [`remove_all`].
pub fn insert_all<T>(map: &mut IndexMap<String, T>, entries: Vec<(usize, String, T)>) {
    let mut others = std::mem::take(map).into_iter();
    for (index, id, value) in entries {
        let before = index.saturating_sub(map.len());
        map.extend(others.by_ref().take(before));
        map.insert(id, value);
    }
    map.extend(others);
}

/// What makes the next edit join the last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    Value { node: String, input: String },
    Places(Vec<String>),
}

impl Merge {
    pub fn of(edit: &Edit) -> Option<Self> {
        match edit {
            Edit::Set { node, input, .. } => Some(Self::Value { node: node.clone(), input: input.clone() }),
            Edit::Move(places) => Some(Self::Places(places.iter().map(|(node, _)| node.clone()).collect())),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Step {
    changes: Vec<Change>,
    merge: Option<Merge>,
    /// Numbers of the states that it leads from and to.
    before: u64,
    after: u64,
}

#[derive(Debug, Clone, Default)]
pub struct History {
    done: VecDeque<Step>,
    undone: Vec<Step>,
    /// The number of the state that the document is in, and of the one that its file has.
    state: u64,
    saved: u64,
    settled: bool,
    is_lost: bool,
}

impl History {
    pub fn push(&mut self, changes: Vec<Change>, merge: Option<Merge>) {
        let before = std::mem::replace(&mut self.state, next_number());
        self.undone.clear();
        let settled = std::mem::take(&mut self.settled);
        if let Some(last) = self.done.back_mut().filter(|last| !settled && merge.is_some() && last.merge == merge) {
            last.after = self.state;
            let mut later = changes.into_iter();
            if last.changes.len() == later.len() {
                let rest: Vec<Change> =
                    last.changes.iter_mut().zip(&mut later).filter_map(|(a, b)| a.join(b)).collect();
                last.changes.extend(rest);
            } else {
                last.changes.extend(later);
            }
            return;
        }
        self.done.push_back(Step { changes, merge, before, after: self.state });
        if self.done.len() > STEPS {
            self.done.pop_front();
        }
    }

    pub fn settle(&mut self) {
        self.settled = true;
    }

    pub fn undo(&mut self, graph: &mut Graph, layout: &mut Layout) -> bool {
        let Some(step) = self.done.pop_back() else { return false };
        for change in step.changes.iter().rev() {
            change.clone().undo(graph, layout);
        }
        self.state = step.before;
        self.settled = true;
        self.undone.push(step);
        true
    }

    pub fn redo(&mut self, graph: &mut Graph, layout: &mut Layout) -> bool {
        let Some(step) = self.undone.pop() else { return false };
        for change in &step.changes {
            change.clone().redo(graph, layout);
        }
        self.state = step.after;
        self.settled = true;
        self.done.push_back(step);
        true
    }

    pub fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// The file has the state of now.
    pub fn saved(&mut self) {
        self.saved = self.state;
        self.is_lost = false;
        self.settled = true;
    }

    /// No file has any state.
    pub fn forget_saved(&mut self) {
        self.is_lost = true;
    }

    pub fn is_changed(&self) -> bool {
        self.is_lost || self.saved != self.state
    }
}
