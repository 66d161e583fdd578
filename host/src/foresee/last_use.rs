//! When an output of a step is needed for the last time.

use std::collections::HashMap;

use crate::graph::{Plan, Source};

/// The last step that takes each output, by step and name.
#[derive(Debug, Default)]
pub struct LastUse(HashMap<(usize, String), usize>);

impl LastUse {
    /// Of the steps that are `needed`.
    pub fn of(plan: &Plan, needed: impl Fn(usize) -> bool) -> Self {
        let mut last = HashMap::new();
        for (taker, step) in plan.steps().iter().enumerate().filter(|(taker, _)| needed(*taker)) {
            for (_, source) in &step.inputs {
                if let Source::Step { step, output } = source {
                    last.insert((*step, output.clone()), taker);
                }
            }
        }
        Self(last)
    }

    /// The outputs that nobody takes once step number `taker` is done.
    pub fn after(&self, taker: usize) -> impl Iterator<Item = (usize, &str)> {
        let over = self.0.iter().filter(move |(_, last)| **last == taker);
        over.map(|((step, output), _)| (*step, output.as_str()))
    }
}
