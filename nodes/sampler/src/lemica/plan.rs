//! Which steps are computed.

use plugin_api::{Error, Result};

/// How much is computed, in the authors' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Off,
    Slow,
    Medium,
    Fast,
    Budget,
}

impl Mode {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Off, "off"),
        (Self::Slow, "slow"),
        (Self::Medium, "medium"),
        (Self::Fast, "fast"),
        (Self::Budget, "budget"),
    ];

    pub fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|(_, name)| *name).collect()
    }

    pub fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(mode, _)| *mode).ok_or_else(|| Error::invalid(format!("there is no mode `{name}`")))
    }

    /// Computed steps of 8.
    const fn of_8(self) -> usize {
        match self {
            Self::Slow => 6,
            Self::Medium => 5,
            Self::Fast => 4,
            Self::Off | Self::Budget => 8,
        }
    }

    /// The authors' tables for Z-Image, for runs of 8 and of 9 steps.
    const fn published(self, steps: usize) -> Option<&'static [usize]> {
        match (self, steps) {
            (Self::Slow, 8) => Some(&[0, 1, 2, 3, 5, 7]),
            (Self::Medium, 8) => Some(&[0, 1, 2, 4, 6]),
            (Self::Fast, 8) => Some(&[0, 1, 2, 5]),
            (Self::Slow, 9) => Some(&[0, 1, 2, 3, 5, 7, 8]),
            (Self::Medium, 9) => Some(&[0, 1, 2, 4, 6, 8]),
            (Self::Fast, 9) => Some(&[0, 1, 2, 5, 8]),
            _ => None,
        }
    }
}

/// How many steps are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    Mode(Mode),
    Steps(usize),
}

impl Budget {
    /// Of a run of so many steps: at least one, at most all.
    pub fn of(self, steps: usize) -> usize {
        let budget = match self {
            Self::Mode(mode) => mode.published(steps).map_or((steps * mode.of_8()).div_ceil(8), <[usize]>::len),
            Self::Steps(budget) => budget,
        };
        budget.clamp(1, steps)
    }
}

/// For each step of a run whether it is computed. The first always is. Where the authors have a table for the mode and
/// the length it is theirs, unless `compute_last` asks for a last step that it lacks. Otherwise the first third of the
/// steps, as far as the budget goes, and the rest of the budget evenly behind it, up to the last step.
pub fn computed(budget: Budget, steps: usize, compute_last: bool) -> Vec<bool> {
    let published = if let Budget::Mode(mode) = budget { mode.published(steps) } else { None };
    let published = published.filter(|table| !compute_last || table.ends_with(&[steps - 1]));
    let mut indices = published.map_or_else(|| spread(budget.of(steps), steps), <[usize]>::to_vec);
    if compute_last && indices.len() > 1 {
        indices.pop();
        indices.push(steps - 1);
    }
    marked(&indices, steps)
}

/// Whether each of so many steps is in the list.
pub fn marked(indices: &[usize], steps: usize) -> Vec<bool> {
    (0..steps).map(|step| indices.contains(&step)).collect()
}

fn spread(budget: usize, steps: usize) -> Vec<usize> {
    let head = budget.min((steps / 3).max(1));
    let (left, first) = (budget - head, head - 1);
    let behind = (1..=left).map(|i| first + (i * (steps - 1 - first)).div_ceil(left));
    (0..head).chain(behind).collect()
}
