//! A library as it was read, once: what is hashed, judged and opened are the same bytes, whatever happens to the file.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::form::form;
use crate::error::io_cause;
use crate::{atomic, limits};

/// The bytes of a file that may be a library, and their SHA-256 in hexadecimal.
#[derive(Debug)]
pub struct Library {
    pub file: PathBuf,
    pub sha256: String,
    bytes: Vec<u8>,
}

impl Library {
    /// Reads a file. Nothing of it is executed.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence.
    pub fn read(file: &Path) -> Result<Self, String> {
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let bytes = read(&file).map_err(|error| format!("it cannot be read: {}", io_cause(&error)))?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { file, sha256, bytes })
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// What kind of library it is, from its first bytes.
    ///
    /// # Errors
    /// What this machine cannot load, with the reason.
    pub fn form(&self) -> Result<String, String> {
        form(&self.bytes)
    }

    /// Calls `load` with a file that holds these bytes and that nobody else can write, and removes it. What the loader
    /// has mapped by then stays.
    ///
    /// # Errors
    /// What `load` says, or why there is no such file, as a sentence.
    pub fn with_copy<T>(&self, load: impl FnOnce(&Path) -> Result<T, String>) -> Result<T, String> {
        let failed = |error: io::Error| format!("its private copy was not made: {}", io_cause(&error));
        let folder = private_folder().map_err(failed)?;
        let copy = atomic::temporary(&folder).with_extension(std::env::consts::DLL_EXTENSION);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy).map_err(failed)?;
        let result = file.write_all(&self.bytes).map_err(failed).and_then(|()| load(&copy));
        drop(fs::remove_file(&copy));
        result
    }
}

/// A regular file of bounded size: a pipe or a device would never end.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(limits::LIBRARY_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits::LIBRARY_BYTES {
        return Err(io::Error::other(format!("it is larger than {} MiB", limits::LIBRARY_BYTES >> 20)));
    }
    Ok(bytes)
}

/// A folder that only this user can look into, freed of what a killed process left.
fn private_folder() -> io::Result<PathBuf> {
    let cache = dirs::cache_dir().ok_or_else(|| io::Error::other("there is no home folder"))?;
    let folder = cache.join("weft").join("plugins");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let metadata = folder.symlink_metadata()?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!("{} is a link, or belongs to somebody else", folder.display())));
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    }
    atomic::clean(&folder);
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_what_was_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("liba.so");
        fs::write(&path, "abc").unwrap();
        let library = Library::read(&path).unwrap();
        assert_eq!(library.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        fs::write(&path, "exchanged").unwrap();
        let mut seen = PathBuf::new();
        let read = library.with_copy(|copy| {
            seen = copy.to_owned();
            let mode = copy.metadata().unwrap().mode() | copy.parent().unwrap().metadata().unwrap().mode();
            assert_eq!(mode & 0o077, 0);
            fs::read(copy).map_err(|error| error.to_string())
        });
        assert_eq!(read.unwrap(), b"abc");
        assert!(!seen.exists());
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        assert!(Library::read(Path::new("/dev/zero")).unwrap_err().contains("no file"));
        assert!(Library::read(Path::new("/no/such/file")).unwrap_err().contains("cannot be read"));
    }
}
