//! The SHA-256 of model files, computed once and kept in a file of the user's cache folder.
//!
//! A folder's hash is that of the list which `sha256sum` prints of its weights and configurations in the order of their
//! names (bytes): `HASH  NAME\n` for each, with names relative to the folder.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::model::in_cache;
use crate::error::{Code, Error, Result};
use crate::graph::Identity;
use crate::walk::{Meets, walk};
use crate::{atomic, limits, text};

/// Endings of the files in a folder that make it what it is: pictures and texts about it do not.
const COUNTED: [&str; 7] = [".safetensors", ".gguf", ".pth", ".pt", ".ckpt", ".bin", ".json"];
/// A tokenizer's list of merges is a text, but no text about the model.
const MERGES: &str = "merges.txt";
const BLOCK: usize = 1 << 20;

/// What is known of files, by their paths without links.
#[derive(Debug, Default)]
pub struct Hashes {
    /// None keeps nothing.
    path: Option<PathBuf>,
    known: Mutex<BTreeMap<PathBuf, Known>>,
}

/// A file as it was when it was hashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    /// When it was written: seconds and nanoseconds.
    changed: (i64, i64),
    /// When it got its state, which no copy brings with it.
    placed: (i64, i64),
    inode: u64,
    sha256: String,
}

impl Known {
    fn new(metadata: &Metadata, sha256: String) -> Self {
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        let placed = (metadata.ctime(), metadata.ctime_nsec());
        Self { bytes: metadata.size(), changed, placed, inode: metadata.ino(), sha256 }
    }

    fn is_of(&self, metadata: &Metadata) -> bool {
        *self == Self::new(metadata, self.sha256.clone())
    }
}

/// Told the bytes that were read since it was told last; false gives up.
pub type Told<'a> = &'a mut dyn FnMut(u64) -> bool;

impl Hashes {
    /// Those of this user. A file that cannot be read is as good as none.
    pub fn of_user() -> Self {
        Self::open(Self::path_of_user())
    }

    /// Where they are kept; none where the system has no such place.
    pub fn path_of_user() -> Option<PathBuf> {
        dirs::cache_dir().map(|folder| folder.join("weft").join("hashes.json"))
    }

    pub fn open(path: Option<PathBuf>) -> Self {
        let known = path.as_deref().map(read).unwrap_or_default();
        Self { path, known: Mutex::new(known) }
    }

    /// What a file or a model's folder is, where all of it was hashed before.
    pub fn known(&self, path: &Path) -> Option<Identity> {
        if !path.is_dir() {
            return Some(Identity { bytes: path.metadata().ok()?.len(), sha256: self.of_file(path)? });
        }
        let files = files(path);
        let hashes = files.iter().map(|(_, file)| self.of_file(file)).collect::<Option<Vec<_>>>()?;
        of_list(&files, &hashes)
    }

    /// The same, computed where it is not known. None where `told` gave up.
    ///
    /// # Errors
    /// A file that cannot be read, or that changed meanwhile; a folder without weights and configurations.
    pub fn compute(&self, path: &Path, told: Told<'_>) -> Result<Option<Identity>> {
        if !path.is_dir() {
            let bytes = path.metadata().map_err(|error| Error::reading(Code::File, path, &error))?.len();
            return Ok(self.hash(path, told)?.map(|sha256| Identity { bytes, sha256 }));
        }
        let files = files(path);
        let mut hashes = Vec::new();
        for (_, file) in &files {
            let Some(hash) = self.hash(file, told)? else { return Ok(None) };
            hashes.push(hash);
        }
        let empty = || Error::new(Code::File, format!("{} holds no weights and no configuration", path.display()));
        of_list(&files, &hashes).map(Some).ok_or_else(empty)
    }

    /// Writes what was computed, beside what other processes wrote meanwhile. That this fails is no matter: it is computed
    /// again.
    pub fn save(&self) {
        let Some(path) = &self.path else { return };
        let mut all = read(path);
        all.extend(self.files().clone());
        if all.len() > limits::KNOWN_HASHES {
            all.retain(|path, known| path.metadata().is_ok_and(|metadata| known.is_of(&metadata)));
        }
        let text = serde_json::to_vec_pretty(&Kept { format: FORMAT, files: all }).unwrap_or_default();
        let folder = path.parent().unwrap_or(path);
        drop(std::fs::create_dir_all(folder).and_then(|()| atomic::replace(path, &text)));
    }

    fn of_file(&self, path: &Path) -> Option<String> {
        let metadata = path.metadata().ok()?;
        let real = path.canonicalize().ok()?;
        self.files().get(&real).filter(|known| known.is_of(&metadata)).map(|known| known.sha256.clone())
    }

    fn hash(&self, path: &Path, told: Told<'_>) -> Result<Option<String>> {
        if let Some(known) = self.of_file(path) {
            return Ok(Some(known));
        }
        let unreadable = |error: std::io::Error| {
            Error::reading(Code::File, path, &error).help("check that the file is there and may be read")
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK]);
        loop {
            match file.read(&mut block).map_err(unreadable)? {
                0 => break,
                count => {
                    hash.update(&block[..count]);
                    if !told(count as u64) {
                        return Ok(None);
                    }
                }
            }
        }
        let sha256 = hex(hash);
        let known = Known::new(&before, sha256.clone());
        if !file.metadata().is_ok_and(|after| known.is_of(&after)) {
            let error = Error::new(Code::File, format!("{} changed while it was read", path.display()));
            return Err(error.help("try again when nothing writes to the file"));
        }
        self.files().insert(path.canonicalize().map_err(unreadable)?, known);
        Ok(Some(sha256))
    }

    /// Whole at any time, also when a thread that held it panicked.
    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes that a hash of this path covers; of a folder those of its weights and configurations.
pub fn bytes(path: &Path) -> u64 {
    if path.is_dir() {
        return files(path).iter().map(|(_, file)| size(file)).sum();
    }
    size(path)
}

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// The files of a folder that make it what it is, by their names relative to it, in order.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let is_counted = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        file == MERGES || COUNTED.iter().any(|ending| file.ends_with(ending))
    };
    let found = walk(&in_cache(folder), limits::FOLDER_DEPTH, |_, _| Meets::Enter, is_counted);
    let mut files: Vec<_> = found.into_iter().map(|entry| (entry.name, entry.path)).collect();
    files.sort();
    files
}

/// What `sha256sum` prints of the files, hashed. None of no files.
fn of_list(files: &[(String, PathBuf)], hashes: &[String]) -> Option<Identity> {
    let mut list = Sha256::new();
    files.iter().zip(hashes).for_each(|((name, _), hash)| list.update(format!("{hash}  {name}\n")));
    let bytes = files.iter().map(|(_, file)| size(file)).sum();
    (!files.is_empty()).then(|| Identity { bytes, sha256: hex(list) })
}

fn hex(hash: Sha256) -> String {
    text::hex(&hash.finalize())
}

/// Of the cache's file.
const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    files: BTreeMap<PathBuf, Known>,
}

fn read(path: &Path) -> BTreeMap<PathBuf, Known> {
    let small = path.metadata().ok().filter(|metadata| metadata.len() <= limits::HASHES_BYTES);
    let text = small.and_then(|_| std::fs::read(path).ok()).unwrap_or_default();
    let kept: Option<Kept> = serde_json::from_slice(&text).ok();
    kept.filter(|kept| kept.format == FORMAT).map(|kept| kept.files).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn computed(hashes: &Hashes, path: &Path) -> Identity {
        hashes.compute(path, &mut |_| true).unwrap().unwrap()
    }

    #[test]
    fn a_hash_is_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, file) = (folder.path().join("cache/hashes.json"), folder.path().join("a.safetensors"));
        std::fs::write(&file, "").unwrap();
        let hashes = Hashes::open(Some(cache.clone()));
        assert_eq!(hashes.known(&file), None);
        assert_eq!(computed(&hashes, &file), Identity { bytes: 0, sha256: EMPTY.to_owned() });
        hashes.save();
        let again = Hashes::open(Some(cache.clone()));
        assert_eq!(again.known(&file).map(|identity| identity.sha256).as_deref(), Some(EMPTY));
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(again.known(&file), None);
        assert!(computed(&again, &file).sha256.starts_with("ba7816bf"));
        std::fs::write(&cache, "{ broken").unwrap();
        assert_eq!(Hashes::open(Some(cache)).known(&file), None);
    }

    #[test]
    fn a_folder_is_its_weights_and_configurations() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("m/vae/x.safetensors", "");
        write("m/config.json", "abc");
        let hashes = Hashes::default();
        let m = folder.path().join("m");
        let first = computed(&hashes, &m);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let list = format!("{abc}  config.json\n{EMPTY}  vae/x.safetensors\n");
        let mut hash = Sha256::new();
        hash.update(&list);
        assert_eq!(first, Identity { bytes: 3, sha256: hex(hash) });
        assert_eq!((hashes.known(&m), bytes(&m)), (Some(first.clone()), 3));
        write("m/README.md", "about it");
        write("m/.cache/x.json", "");
        assert_eq!(computed(&hashes, &m), first);
        // The same files under a download cache's folder are the same model.
        write("models--a/snapshots/1/vae/x.safetensors", "");
        write("models--a/snapshots/1/config.json", "abc");
        assert_eq!(computed(&hashes, &folder.path().join("models--a")), first);
        write("m/merges.txt", "");
        assert_ne!(computed(&hashes, &m), first);
        std::fs::create_dir(folder.path().join("none")).unwrap();
        assert!(hashes.compute(&folder.path().join("none"), &mut |_| true).is_err());
        assert!(hashes.compute(&folder.path().join("gone"), &mut |_| true).is_err());
    }

    #[test]
    fn who_gives_up_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), "abc").unwrap();
        let mut read = 0;
        let mut told = |bytes| {
            read += bytes;
            false
        };
        assert_eq!(Hashes::default().compute(folder.path(), &mut told), Ok(None));
        assert_eq!(read, 3);
    }
}
