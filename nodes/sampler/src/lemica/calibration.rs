//! A file that `weft calibrate` wrote: what repeating costs between any two steps, for one model and one row of sigmas.

use std::collections::HashMap;

use plugin_api::{Error, Result};
use serde::Deserialize;

use super::plan::{self, Budget};
use super::search::{self, Errors};

/// Sigmas this near are the same: files hold them as decimals.
const NEAR: f64 = 1e-4;

#[derive(Debug, Deserialize)]
pub struct Calibration {
    #[serde(skip)]
    file: String,
    /// One more than there are steps; the last is 0.
    sigmas: Vec<f64>,
    /// From, to, mean error. An edge to the next step costs nothing and is not listed; the end counts as a step.
    edges: Vec<(usize, usize, f64)>,
}

impl Calibration {
    /// # Errors
    /// A file that is missing, broken, or lacks an edge.
    pub fn open(path: &str) -> Result<Self> {
        let again = "make it again with `weft calibrate`";
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::file(format!("{path} cannot be read: {error}")).help(again))?;
        let read: Self = serde_json::from_str(&text)
            .map_err(|error| Error::file(format!("{path} is no calibration: {error}")).help(again))?;
        let calibration = Self { file: path.to_owned(), ..read };
        let known = calibration.table();
        match plan::edges(calibration.steps()).find(|edge| !known.0.contains_key(edge)) {
            Some((from, to)) => {
                let what = format!("{path} is no whole calibration: it has no error from step {from} to {to}");
                Err(Error::file(what).help(again))
            }
            None => Ok(calibration),
        }
    }

    /// For each step of a run with these sigmas whether it is computed. The run may be the end of the calibrated one, as
    /// image to image is.
    ///
    /// # Errors
    /// Other sigmas.
    pub fn computed(&self, budget: Budget, sigmas: &[f64], compute_last: bool) -> Result<Vec<bool>> {
        let steps = sigmas.len().saturating_sub(1).max(1);
        let first = self.sigmas.len().checked_sub(sigmas.len());
        let same = |first: &usize| self.sigmas[*first..].iter().zip(sigmas).all(|(a, b)| (a - b).abs() < NEAR);
        let first = first.filter(same).ok_or_else(|| {
            let what =
                format!("{} is for {} steps with other sigmas than this run of {steps}", self.file, self.steps());
            Error::invalid(what).help("calibrate for these steps, schedule and shift, or leave `schedule` empty")
        })?;
        let end = first + steps;
        let indices = search::path(&self.table(), first, end, budget.of(steps), compute_last);
        let indices: Vec<usize> = indices.into_iter().map(|index| index - first).collect();
        Ok(plan::marked(&indices, steps))
    }

    fn steps(&self) -> usize {
        self.sigmas.len().saturating_sub(1)
    }

    fn table(&self) -> Table {
        Table(self.edges.iter().map(|(from, to, error)| ((*from, *to), *error)).collect())
    }
}

struct Table(HashMap<(usize, usize), f64>);

impl Errors for Table {
    fn between(&self, from: usize, to: usize) -> f64 {
        if to == from + 1 { 0.0 } else { self.0.get(&(from, to)).copied().unwrap_or(f64::INFINITY) }
    }
}
