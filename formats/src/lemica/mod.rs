//! Calibrations for LeMiCa: what it costs to repeat a network's main layers between any two steps of a run, for one model and one
//! row of noise levels, and the steps that are best computed.

mod search;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// Noise levels this near are the same: files hold them as decimals.
const NEAR: f64 = 1e-4;

/// A file of `weft calibrate`, JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Of this description: 1.
    pub format: u32,
    /// The files that the model came from (model, LoRAs, …), each with the SHA-256 of its content.
    pub made_with: BTreeMap<String, String>,
    /// Of the pictures, in pixels.
    pub size: (u32, u32),
    /// Prompts times seeds.
    pub pictures: u32,
    /// One more than there are steps; the last is 0.
    pub sigmas: Vec<f64>,
    /// From, to, error: the mean change of a number of the last latent where the layers are computed at `from` and at `to` and
    /// repeated between them. The end counts as a step. An edge to the next step costs nothing and is not listed.
    pub edges: Vec<(usize, usize, f64)>,
    /// The best steps to compute by their number, the last step among them: for people.
    pub schedules: BTreeMap<usize, Vec<usize>>,
}

/// Between which steps something could be repeated.
pub fn edges(steps: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..steps).flat_map(move |from| (from + 2..=steps).map(move |to| (from, to)))
}

impl Calibration {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Why it is none, to follow "it is no calibration: ".
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if read.format != 1 {
            return Err(format!("it has the format {}, and this version of Weft knows 1", read.format));
        }
        let known = read.table();
        match edges(read.steps()).find(|edge| !known.0.contains_key(edge)) {
            Some((from, to)) => Err(format!("it has no error from step {from} to step {to}")),
            None => Ok(read),
        }
    }

    /// Steps of a whole run.
    pub fn steps(&self) -> usize {
        self.sigmas.len().saturating_sub(1)
    }

    /// Where in the calibrated run one with these noise levels begins: image to image is its end. None where the levels are others.
    pub fn first_step(&self, sigmas: &[f64]) -> Option<usize> {
        let first = self.sigmas.len().checked_sub(sigmas.len())?;
        let same = self.sigmas[first..].iter().zip(sigmas).all(|(a, b)| (a - b).abs() < NEAR);
        (same && sigmas.len() > 1).then_some(first)
    }

    /// The `budget` steps from `first` on to compute, counted from `first`: of all choices the one whose errors in falling order are
    /// lexicographically least. The first step is always among them, with `compute_last` the last one as well.
    pub fn best(&self, first: usize, budget: usize, compute_last: bool) -> Vec<usize> {
        let end = self.steps();
        let budget = budget.clamp(1, (end - first).max(1));
        let path = search::path(&self.table(), first, end, budget, compute_last);
        path.into_iter().map(|step| step - first).collect()
    }

    fn table(&self) -> Table {
        Table(self.edges.iter().map(|(from, to, error)| ((*from, *to), *error)).collect())
    }
}

struct Table(HashMap<(usize, usize), f64>);

impl search::Errors for Table {
    fn between(&self, from: usize, to: usize) -> f64 {
        if to == from + 1 { 0.0 } else { self.0.get(&(from, to)).copied().unwrap_or(f64::INFINITY) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        let sigmas = vec![1.0, 0.9, 0.75, 0.5, 0.0];
        let edges =
            edges(4).map(|(from, to)| (from, to, (to - from) as f64 * if from == 0 { 2.0 } else { 1.0 })).collect();
        let (made_with, schedules) = Default::default();
        Calibration { format: 1, made_with, size: (128, 128), pictures: 1, sigmas, edges, schedules }
    }

    #[test]
    fn the_end_of_a_run_is_known_by_its_levels() {
        let whole = calibration();
        assert_eq!(whole.first_step(&[1.0, 0.9, 0.75, 0.5, 0.0]), Some(0));
        assert_eq!(whole.first_step(&[0.75, 0.500_01, 0.0]), Some(2));
        assert_eq!(whole.first_step(&[0.8, 0.5, 0.0]), None);
        assert_eq!(whole.first_step(&[0.0]), None);
        assert_eq!(whole.first_step(&[1.0; 9]), None);
        assert_eq!(whole.best(0, 3, true), [0, 1, 3]);
        assert_eq!(whole.best(2, 9, true), [0, 1]);
    }

    #[test]
    fn files_come_back_and_lame_ones_are_told() {
        let text = serde_json::to_string(&calibration()).unwrap();
        assert_eq!(Calibration::parse(&text), Ok(calibration()));
        assert!(Calibration::parse("{}").unwrap_err().contains("missing field"));
        assert!(Calibration::parse(&text.replace("\"format\":1", "\"format\":2")).unwrap_err().contains("format 2"));
        let lame = Calibration { edges: vec![(0, 2, 1.0)], ..calibration() };
        let said = Calibration::parse(&serde_json::to_string(&lame).unwrap()).unwrap_err();
        assert_eq!(said, "it has no error from step 0 to step 3");
    }
}
