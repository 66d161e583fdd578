//! The outputs of nodes on the disk, for later processes and other machines: one file for each key, written whole or not at all,
//! held against its SHA-256 when it is read. No process waits for another: the last rename wins, and both wrote the same.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::cache::Told;
use super::fingerprint::{self, Fingerprint};
use super::plain;
use super::protocol::DiskCache;
use crate::atomic;
use crate::error::io_cause;
use crate::graph::Plan;
use crate::table::{Device, Value};
use crate::text::hex;

/// Of keys and files. Another one finds nothing of this one.
const FORMAT: u32 = 1;
const ENDING: &str = ".safetensors";

/// The folder, as one run sees it.
#[derive(Debug)]
pub struct Disk<'a> {
    cache: &'a DiskCache,
    /// Of all steps, in their order.
    keys: Vec<Fingerprint>,
}

impl<'a> Disk<'a> {
    /// A key covers all that the numbers depend on and nothing of where things lie: the build, the machine, what files hold.
    pub fn new(cache: &'a DiskCache, plan: &Plan, device: Device) -> Self {
        let world = format!("{FORMAT} {} {} {}", cache.build, device.name(), machine(device));
        Self { cache, keys: fingerprint::of_plan(plan, |_| &world, fingerprint::by_content(&cache.files)) }
    }

    /// The outputs of a step, and what its node said.
    ///
    /// # Errors
    /// A file that cannot be read, or one that was damaged, which is gone now.
    pub fn get(&self, step: usize) -> Result<Option<(Value, Vec<Told>)>, String> {
        let (key, path) = self.place(step);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(format!("what the cache has of it cannot be read: {}; it runs again", io_cause(&error)));
            }
        };
        let found = plain::decode(&key, &bytes).map_err(|why| {
            drop(fs::remove_file(&path));
            format!("what the cache had of it was damaged ({why}) and is removed: it runs again")
        })?;
        // The time of change is that of the last use. On a folder of another user it stays what it is.
        drop(File::open(&path).and_then(|file| file.set_modified(SystemTime::now())));
        Ok(Some(found))
    }

    /// Keeps the outputs of a step, where they are plain data and the files that they came from are still what they were.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(&self, step: usize, outputs: &Value, told: Vec<Told>) -> Result<(), String> {
        let (key, path) = self.place(step);
        let failed = |why: String| format!("its outputs are not in the cache: {why}");
        let Some(bytes) = plain::encode(&key, outputs, told).map_err(failed)? else { return Ok(()) };
        let is_as_read = || self.cache.files.iter().all(|(path, content)| fingerprint::stamp(path) == content.stamp);
        if bytes.len() as u64 > self.cache.limit || !is_as_read() {
            return Ok(());
        }
        atomic::replace(&path, &bytes)
            .map_err(|error| failed(format!("{} was not written: {}", path.display(), io_cause(&error))))?;
        prune(&self.cache.folder, self.cache.limit);
        Ok(())
    }

    fn place(&self, step: usize) -> (String, PathBuf) {
        let key = hex(&self.keys[step]);
        let path = self.cache.folder.join(format!("{key}{ENDING}"));
        (key, path)
    }
}

/// What of this machine decides which code computes: other instructions round otherwise, and so do other GPUs. A Mac's chip
/// has both, and its system brings the libraries.
fn machine(device: Device) -> String {
    let mut words = vec![std::env::consts::OS.to_owned(), std::env::consts::ARCH.to_owned()];
    words.extend(instructions().into_iter().map(str::to_owned));
    if cfg!(target_os = "macos") {
        words.extend(System::os_version());
        let refresh = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
        let cores = System::new_with_specifics(refresh);
        words.extend(cores.iter().flat_map(System::cpus).map(|core| core.brand().to_owned()).next());
    } else if device == Device::Gpu {
        words.extend(nvidia(Path::new("/proc/driver/nvidia/gpus")));
    }
    words.join(" ")
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    let has = [
        ("fma", is_x86_feature_detected!("fma")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512dq", is_x86_feature_detected!("avx512dq")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    has.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
}

/// All of them have those that are asked for.
#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}

/// The models of NVIDIA's GPUs, as their driver tells under Linux: a folder with a text for each.
fn nvidia(driver: &Path) -> BTreeSet<String> {
    let texts = fs::read_dir(driver).into_iter().flatten().flatten();
    let texts = texts.filter_map(|gpu| fs::read_to_string(gpu.path().join("information")).ok());
    texts
        .filter_map(|text| Some(text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().to_owned()))
        .collect()
}

/// Removes what was not used for the longest time, until the rest is within the limit. A reader of such a file has it open or
/// computes what it held. Files that are none of the cache's stay.
fn prune(folder: &Path, limit: u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<(SystemTime, u64, PathBuf)> = entries
        .filter(|entry| is_entry(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        })
        .collect();
    let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
    entries.sort();
    for (_, size, path) in entries {
        if bytes <= limit {
            return;
        }
        // Another process may have been quicker.
        if fs::remove_file(path).map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true) {
            bytes -= size;
        }
    }
}

fn is_entry(name: &str) -> bool {
    let key = name.strip_suffix(ENDING);
    key.is_some_and(|key| {
        key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_gpu_is_known_by_its_model() {
        let driver = tempfile::tempdir().unwrap();
        for (place, model) in [("0000:01:00.0", "NVIDIA H200"), ("0000:02:00.0", "NVIDIA H100")] {
            let folder = driver.path().join(place);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("information"), format!("Model: \t\t {model}\nIRQ:   \t\t 11\n")).unwrap();
        }
        assert_eq!(nvidia(driver.path()).into_iter().collect::<Vec<_>>(), ["NVIDIA H100", "NVIDIA H200"]);
        assert!(nvidia(&driver.path().join("none")).is_empty());
    }

    #[test]
    fn what_was_not_used_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, age: u64| {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let then = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
            path
        };
        let entry = |digit: &str, age| write(&format!("{}{ENDING}", digit.repeat(64)), age);
        let (old, used, new) = (entry("a", 300), entry("b", 200), entry("c", 100));
        let others = [write("mine.safetensors", 900), write(&format!("{}.txt", "d".repeat(64)), 900)];
        prune(folder.path(), 200);
        assert_eq!([&old, &used, &new].map(|path| path.exists()), [false, true, true]);
        prune(folder.path(), 199);
        assert_eq!([&used, &new].map(|path| path.exists()), [false, true]);
        prune(folder.path(), 0);
        assert!(!new.exists() && others.iter().all(|path| path.exists()));
    }
}
