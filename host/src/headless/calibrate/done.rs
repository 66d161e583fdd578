//! What was measured so far, kept in a file beside the output, so that a calibration goes on where it was ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use weft_formats::lemica::Calibration;

use crate::atomic;
use crate::error::{Code, Error, Result, io_cause};

/// One picture that is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    pub prompt: String,
    pub seed: u64,
}

/// What the node reported of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    sigmas: Vec<f64>,
    size: (u32, u32),
    edges: Vec<(usize, usize, f64)>,
}

impl Measured {
    /// From the tables of a run.
    ///
    /// # Errors
    /// The node reported something else.
    pub fn read(reports: &[Value]) -> Result<Self> {
        let other = || Error::new(Code::Internal, "the measuring node did not report what it measured");
        Self::find(reports).ok_or_else(other)
    }

    fn find(reports: &[Value]) -> Option<Self> {
        let rows = |title: &str| reports.iter().find(|report| report["title"] == title)?["rows"].as_array();
        let run = rows("run")?.first()?;
        let sigmas = run["sigmas"].as_str()?.split(' ').map(|sigma| sigma.parse().ok()).collect::<Option<_>>()?;
        let size = (number(&run["width"])?, number(&run["height"])?);
        let edge = |row: &Value| Some((number(&row["from"])?, number(&row["to"])?, number(&row["error"])?));
        Some(Self { sigmas, size, edges: rows("edges")?.iter().map(edge).collect::<Option<_>>()? })
    }
}

fn number<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// The file beside the output.
pub struct Done {
    path: PathBuf,
    kept: Kept,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Of the graph and the model's files: pictures of others count for nothing.
    of: String,
    pictures: Vec<(Picture, Measured)>,
}

impl Done {
    /// Takes up what an earlier run of the same left.
    pub fn open(output: &Path, graph: &str, made_with: &BTreeMap<String, String>) -> Result<Self> {
        let mut path = output.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let of = identity(graph, made_with);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let what = format!("{} cannot be read", path.display());
                return Err(Error::new(Code::Output, what).cause(io_cause(&error)).help("remove it to begin anew"));
            }
        };
        let kept = text.and_then(|text| serde_json::from_str::<Kept>(&text).ok()).filter(|kept| kept.of == of);
        Ok(Self { path, kept: kept.unwrap_or(Kept { of, pictures: Vec::new() }) })
    }

    pub fn has(&self, picture: &Picture) -> bool {
        self.find(picture).is_some()
    }

    fn find(&self, picture: &Picture) -> Option<&Measured> {
        self.kept.pictures.iter().find(|(done, _)| done == picture).map(|(_, measured)| measured)
    }

    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, picture: Picture, measured: Measured) -> Result<()> {
        self.kept.pictures.push((picture, measured));
        let text = serde_json::to_string(&self.kept).unwrap_or_default();
        atomic::replace(&self.path, text.as_bytes()).map_err(|error| {
            Error::new(Code::Output, format!("{} was not written", self.path.display()))
                .cause(io_cause(&error))
                .help("make room, or choose another place with -o")
        })
    }

    /// The errors of all pictures together, with the best schedules for these budgets, or for all where there are none.
    pub fn mean(
        &self,
        pictures: &[Picture],
        made_with: BTreeMap<String, String>,
        budgets: &[usize],
    ) -> Result<Calibration> {
        let all: Vec<&Measured> = pictures.iter().filter_map(|picture| self.find(picture)).collect();
        let Some(first) = all.first() else { return Err(Error::new(Code::Internal, "nothing was measured")) };
        let mean = |index: usize| all.iter().map(|measured| measured.edges[index].2).sum::<f64>() / all.len() as f64;
        let edges = first.edges.iter().enumerate().map(|(index, (from, to, _))| (*from, *to, mean(index))).collect();
        let mut calibration = Calibration {
            format: 1,
            made_with,
            size: first.size,
            pictures: all.len() as u32,
            sigmas: first.sigmas.clone(),
            edges,
            schedules: BTreeMap::new(),
        };
        let steps = calibration.steps();
        let budgets = if budgets.is_empty() { (1..steps).collect() } else { budgets.to_vec() };
        let of = |budget: usize| (budget, calibration.best(0, budget, true));
        calibration.schedules = budgets.into_iter().filter(|budget| (1..=steps).contains(budget)).map(of).collect();
        Ok(calibration)
    }

    /// Everything stands in the output now.
    pub fn forget(&self) {
        drop(std::fs::remove_file(&self.path));
    }
}

fn identity(graph: &str, made_with: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    hash.update(graph);
    for (name, content) in made_with {
        hash.update(name);
        hash.update(content);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
