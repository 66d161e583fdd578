//! What a finished row leaves behind: a folder that is called by its hash and appears whole, with the pictures and `row.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::fingerprint;
use crate::engine::protocol::Contents;
use crate::error::{Code, Error, Result};
use crate::graph::Plan;
use crate::new_folder::NewFolder;
use crate::text::hex;
use crate::walk::{Meets, walk};
use crate::{atomic, limits, output};

/// Of hashes and records. Rows of another one are computed again.
const FORMAT: u32 = 1;
const RECORD: &str = "row.json";
/// Digits of the hash that folders are called by: among a million rows two are alike with a chance of 1 to 37 millions.
const DIGITS: usize = 16;

/// What a row is: all that its nodes compute with, and the content of the files that they read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

/// Says that a row is whole.
#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    hash: String,
    /// Those of the table, by their inputs.
    values: Vec<(String, String)>,
    files: Vec<Written>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    name: String,
    bytes: u64,
}

impl Id {
    pub fn of(plan: &Plan, files: &Contents) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("row {FORMAT}"));
        for print in fingerprint::of_plan(plan, |_| "", fingerprint::by_content(files)) {
            hash.update(print);
        }
        Self(hex(&hash.finalize()))
    }

    /// The name of its folder.
    pub fn folder(&self) -> &str {
        &self.0[..DIGITS]
    }

    /// The files of a row that is whole; none where it is to be computed.
    ///
    /// # Errors
    /// Its folder is there and not whole, so somebody changed it.
    pub fn finished(&self, output: &Path) -> Result<Option<Vec<PathBuf>>> {
        let folder = output.join(self.folder());
        let is_taken = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
        if !is_taken {
            return Ok(None);
        }
        let spoilt = |why: String| {
            let what = format!("{} is there, but is no whole row", folder.display());
            Error::new(Code::Output, what)
                .cause(why)
                .help("remove that folder, or choose another output folder with -o")
        };
        let text = std::fs::read(folder.join(RECORD)).unwrap_or_default();
        let record = serde_json::from_slice(&text)
            .ok()
            .filter(|record: &Record| record.format == FORMAT && record.hash == self.0);
        let record = record.ok_or_else(|| spoilt(format!("its {RECORD} is missing, or not this row's")))?;
        let is_there = |file: &&Written| folder.join(&file.name).metadata().is_ok_and(|now| now.len() == file.bytes);
        match record.files.iter().find(|file| !is_there(file)) {
            Some(missing) => Err(spoilt(format!("`{}` is missing, or was changed", missing.name))),
            None => Ok(Some(record.files.iter().map(|file| folder.join(&file.name)).collect())),
        }
    }

    /// Makes what was written the row's folder, and gives the files in it. A process that was quicker with the same row has
    /// written the same.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(&self, folder: NewFolder, output: &Path, values: Vec<(String, String)>) -> Result<Vec<PathBuf>> {
        let found = walk(folder.path(), limits::FOLDER_DEPTH, |_, _| Meets::Enter, |_| true);
        let mut files: Vec<Written> =
            found.into_iter().map(|entry| Written { name: entry.name, bytes: entry.bytes }).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let record = Record { format: FORMAT, hash: self.0.clone(), values, files };
        let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        let place = folder.path().join(RECORD);
        atomic::create(&place, &text).map_err(|error| output::failed(&place, &error))?;
        match (folder.publish(&output.join(self.folder())), self.finished(output)?) {
            (_, Some(files)) => Ok(files),
            (Err(error), None) => Err(error),
            (Ok(()), None) => Err(Error::new(Code::Output, "the row's folder is gone as soon as it was written")),
        }
    }
}
