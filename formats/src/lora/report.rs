//! The fate of every key, and a sentence on what is not applied.

use super::delta::Fault;
use super::{Fit, Key, Part, State, family};
use crate::Tensor;

/// Collects the fate of each key of a file.
#[derive(Debug)]
pub(super) struct Report<'a> {
    file: &'a [Tensor],
    fates: Vec<Option<Key>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a [Tensor]) -> Self {
        Self { file, fates: vec![None; file.len()] }
    }

    pub(super) fn applied(&mut self, key: usize, part: Part, target: &str) {
        let state = match part {
            Part::Model => State::Applied,
            Part::TextEncoder => State::AppliedToTextEncoder,
        };
        self.set(key, state, Some(target), None);
    }

    pub(super) fn fault(&mut self, key: usize, target: Option<&str>, fault: &Fault) {
        self.set(key, fault.state, target, Some(fault.why.clone()));
    }

    fn set(&mut self, key: usize, state: State, target: Option<&str>, why: Option<String>) {
        let name = self.file[key].name.clone();
        self.fates[key] = Some(Key { name, state, target: target.map(str::to_owned), why });
    }

    /// All keys in the order of the file.
    pub(super) fn keys(self) -> Vec<Key> {
        self.fates.into_iter().flatten().collect()
    }
}

/// The states of what is not applied, as a sentence says them.
const FAULTS: [(State, &str); 4] = [
    (State::Unknown, "unknown"),
    (State::ShapeMismatch, "of the wrong shape"),
    (State::IncompletePair, "without their other half"),
    (State::NoTextEncoder, "for a text encoder, and none is connected"),
];

/// Names that a sentence gives of each state.
const MOST_NAMES: usize = 3;

impl Fit {
    /// One sentence on what is not applied, none where everything is: "12 of 240 keys are not applied: 12 unknown (…)."
    pub fn problem(&self) -> Option<String> {
        if self.keys.is_empty() {
            return Some("The file has no tensors.".to_owned());
        }
        let lost = self.keys.iter().filter(|key| !key.state.is_applied()).count();
        if lost == 0 {
            return None;
        }
        let parts: Vec<_> = FAULTS.iter().filter_map(|&(state, words)| self.part(state, words)).collect();
        let all = self.keys.len();
        Some(format!("{lost} of {all} keys are not applied: {}{}.", parts.join("; "), self.guess(lost)))
    }

    fn part(&self, state: State, words: &str) -> Option<String> {
        let keys: Vec<_> = self.keys.iter().filter(|key| key.state == state).collect();
        let names: Vec<_> = keys.iter().take(MOST_NAMES).map(|key| key.name.as_str()).collect();
        let rest = keys.len() - names.len();
        let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
        // Why a name is unknown is clear; of the others the first reason speaks for all.
        let why = keys.first()?.why.as_ref().filter(|_| matches!(state, State::ShapeMismatch | State::IncompletePair));
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        Some(format!("{} {words} (`{}`{more}){why}", keys.len(), names.join("`, `")))
    }

    /// What the file is for, where no name of it is known.
    fn guess(&self, lost: usize) -> String {
        let unknown = self.keys.iter().filter(|key| key.state == State::Unknown).count();
        let family = family(self.keys.iter().map(|key| key.name.as_str()));
        family
            .filter(|_| lost == self.keys.len() && unknown == lost)
            .map_or_else(String::new, |family| format!("; by its names it is {family}"))
    }
}
