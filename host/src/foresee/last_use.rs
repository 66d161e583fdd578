//! When an output of a step is needed for the last time.

use std::collections::HashMap;

use crate::graph::{Plan, Source};

/// The outputs, by step and name, that nobody takes after a step, for each step that is the last to take one.
#[derive(Debug, Default)]
pub struct LastUse(HashMap<usize, Vec<(usize, String)>>);

impl LastUse {
    /// Of the steps that are `needed`.
    pub fn of(plan: &Plan, needed: impl Fn(usize) -> bool) -> Self {
        let mut last: HashMap<(usize, &str), usize> = HashMap::new();
        for (taker, step) in plan.steps().iter().enumerate().filter(|(taker, _)| needed(*taker)) {
            for (_, source) in &step.inputs {
                if let Source::Step { step, output } = source {
                    last.insert((*step, output), taker);
                }
            }
        }
        let mut by_taker: HashMap<usize, Vec<(usize, String)>> = HashMap::new();
        for ((step, output), taker) in last {
            by_taker.entry(taker).or_default().push((step, output.to_owned()));
        }
        Self(by_taker)
    }

    /// The outputs that nobody takes once step number `taker` is done.
    pub fn after(&self, taker: usize) -> impl Iterator<Item = (usize, &str)> {
        self.0.get(&taker).into_iter().flatten().map(|(step, output)| (*step, output.as_str()))
    }

    /// The outputs that somebody takes after step number `done`, whether they are there already or not.
    pub fn beyond(&self, done: usize) -> impl Iterator<Item = (usize, &str)> {
        self.0.keys().filter(move |taker| **taker > done).flat_map(|taker| self.after(*taker))
    }
}
