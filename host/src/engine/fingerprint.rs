//! What makes two runs of a node the same: its kind, the code that runs it, its params, the files that it reads, and the
//! same of everything that it takes from.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::protocol::Contents;
use crate::graph::{Param, Plan, Source};
use crate::limits;

pub type Fingerprint = [u8; 32];

/// The fingerprints of all steps, in their order. `code` tells which code runs a kind of node, `file` what a file is.
pub fn of_plan<'a>(plan: &Plan, code: impl Fn(&str) -> &'a str, file: impl Fn(&mut Sha256, &Path)) -> Vec<Fingerprint> {
    let mut all: Vec<Fingerprint> = Vec::with_capacity(plan.steps().len());
    for step in plan.steps() {
        let mut hash = Sha256::new();
        text(&mut hash, &step.kind);
        text(&mut hash, code(&step.kind));
        for (name, source) in &step.inputs {
            text(&mut hash, name);
            match source {
                Source::Step { step, output } => {
                    hash.update(all[*step]);
                    text(&mut hash, output);
                }
                Source::Param(value) => param(&mut hash, value, &file),
            }
        }
        all.push(hash.finalize().into());
    }
    all
}

/// What says more of a model that is a single file, where it lies beside it.
const BESIDE: &str = "config.json";

/// A file as it lies on this disk, with what says more of it: nothing of them is read.
pub fn as_it_lies(hash: &mut Sha256, path: &Path) {
    text(hash, &path.to_string_lossy());
    let beside = if path.is_file() { files(&path.with_file_name(BESIDE)) } else { Vec::new() };
    for (file, identity) in files(path).into_iter().chain(beside) {
        text(hash, &file.to_string_lossy());
        hash.update(identity);
    }
}

/// A file by its name and content, which are the same on every machine; one that nobody has read [as it lies](as_it_lies).
pub fn by_content(files: &Contents) -> impl Fn(&mut Sha256, &Path) {
    |hash, path| match files.get(path) {
        Some(content) => {
            text(hash, &content.name);
            text(hash, &content.sha256);
        }
        None => as_it_lies(hash, path),
    }
}

/// What changes when the file, or one in the folder, is written or replaced.
pub fn stamp(path: &Path) -> Fingerprint {
    let mut hash = Sha256::new();
    as_it_lies(&mut hash, path);
    hash.finalize().into()
}

/// Length first, so that `ab`, `c` and `a`, `bc` differ.
fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

fn param(hash: &mut Sha256, value: &Param, file: &impl Fn(&mut Sha256, &Path)) {
    match value {
        Param::Bool(value) => hash.update([0, u8::from(*value)]),
        Param::Int(value) => {
            hash.update([1]);
            hash.update(value.to_le_bytes());
        }
        Param::Float(value) => {
            hash.update([2]);
            hash.update(value.to_le_bytes());
        }
        Param::Text(value) => {
            hash.update([3]);
            text(hash, value);
        }
        Param::File(path) => {
            hash.update([4]);
            file(hash, path);
        }
        Param::Rows(rows) => {
            hash.update([5]);
            for (name, cell) in rows.iter().flatten() {
                text(hash, name);
                param(hash, cell, file);
            }
            hash.update((rows.len() as u64).to_le_bytes());
        }
        Param::Record(entries) => {
            hash.update([6]);
            for (name, value) in entries {
                text(hash, name);
                param(hash, value, file);
            }
        }
    }
}

/// Size, times and place of a file on the disk.
pub type Identity = [u8; 48];

/// Another file, or one that was written since, differs. A copy can bring its time of writing with it, and the place of a file
/// that is gone is given to the next one, but nobody sets the time at which a file got its state.
pub fn identity(metadata: &Metadata) -> Identity {
    let mut identity = [0; size_of::<Identity>()];
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    let numbers = [metadata.size(), metadata.ino()].into_iter().chain(times.map(|time| time as u64));
    for (bytes, number) in identity.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    identity
}

/// The file, or every file below the folder, in order. What cannot be read is left to the node to complain of.
fn files(path: &Path) -> Vec<(PathBuf, Identity)> {
    let mut found = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = path.metadata() else { continue };
        if metadata.is_dir() {
            let mut below: Vec<PathBuf> =
                std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            below.sort();
            waiting.extend(below);
        } else {
            found.push((path, identity(&metadata)));
        }
        if found.len() + waiting.len() > limits::FOLDER_FILES {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn print(value: &Param) -> Vec<u8> {
        let mut hash = Sha256::new();
        param(&mut hash, value, &as_it_lies);
        hash.finalize().to_vec()
    }

    #[test]
    fn a_copy_with_the_times_of_what_was_there_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        std::fs::write(&path, "one").unwrap();
        let (metadata, before) = (path.metadata().unwrap(), stamp(&path));
        assert_eq!(stamp(&path), before);
        let replaced = || {
            std::fs::write(&path, "two").unwrap();
            std::fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(metadata.modified().unwrap())
                .unwrap();
            stamp(&path) != before
        };
        // The clock of a file system may be a coarse one.
        let is_noticed = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            replaced()
        });
        let now = path.metadata().unwrap();
        assert_eq!((now.len(), now.modified().unwrap()), (metadata.len(), metadata.modified().unwrap()));
        assert!(is_noticed);
    }

    #[test]
    fn what_says_more_of_a_file_belongs_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, config) = (folder.path().join("vae.safetensors"), folder.path().join("config.json"));
        std::fs::write(&path, "one").unwrap();
        let alone = stamp(&path);
        std::fs::write(&config, "{}").unwrap();
        let with = stamp(&path);
        std::fs::write(&config, "{ }").unwrap();
        assert!(with != alone && stamp(&path) != with);
    }

    #[test]
    fn a_record_follows_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ink.safetensors");
        std::fs::write(&path, "one").unwrap();
        let row = vec![("file".to_owned(), Param::File(path.clone()))];
        let record = Param::Record(vec![("rows".to_owned(), Param::Rows(vec![row]))]);
        let before = print(&record);
        assert_eq!(print(&record), before);
        std::fs::write(&path, "three").unwrap();
        assert_ne!(print(&record), before);
        let text = |text: &str| Param::Record(vec![("text".to_owned(), Param::Text(text.to_owned()))]);
        assert_ne!(print(&text("a")), print(&text("b")));
    }
}
