//! A new folder of output, whole or not at all: written under a temporary name and renamed when it is complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::error::{Code, Error, Result};
use crate::output::{self, failed};

/// A folder under its temporary name. Dropped, it is gone.
#[derive(Debug)]
pub struct NewFolder {
    root: PathBuf,
    temporary: PathBuf,
}

impl NewFolder {
    /// Begins a folder below the output folder `root`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn begin(root: &Path) -> Result<Self> {
        let temporary = atomic::temporary(root);
        fs::create_dir(&temporary).map_err(|error| failed(&temporary, &error))?;
        Ok(Self { root: root.to_owned(), temporary })
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// A path that leaves it or is taken, what the file system says, and what `fill` fails with.
    pub fn write<E: From<Error>>(
        &self,
        path: &str,
        fill: impl FnOnce(&mut File) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let place = self.temporary.join(output::checked_name(path)?);
        let broken = |error: io::Error| failed(Path::new(path), &error);
        fs::create_dir_all(place.parent().unwrap_or(&self.temporary)).map_err(broken)?;
        let mut file = File::create_new(&place).map_err(broken)?;
        fill(&mut file)?;
        Ok(file.sync_all().map_err(broken)?)
    }

    /// Gives it its name, or that name with the next free number.
    ///
    /// # Errors
    /// A name that leaves the output folder, what the file system says.
    pub fn finish(self, name: &str) -> Result<PathBuf> {
        let (parent, stem) = output::place(&self.root, name)?;
        for number in 1..=u32::MAX {
            let target = parent.join(if number == 1 { stem.clone() } else { format!("{stem}-{number}") });
            match self.take(&target) {
                Ok(()) => return Ok(target),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&target, &error)),
            }
        }
        Err(Error::new(Code::Output, format!("there is no free number for `{name}`")))
    }

    /// Gives it this name and no other.
    ///
    /// # Errors
    /// As [`NewFolder::finish`], and a name that is taken.
    pub fn finish_as(self, name: &str) -> Result<PathBuf> {
        let (parent, stem) = output::place(&self.root, name)?;
        let target = parent.join(stem);
        self.take(&target).map_err(|error| failed(&target, &error))?;
        Ok(target)
    }

    /// Where it is until it has its name.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Gives it this place in one step, which is free then or an empty folder.
    ///
    /// # Errors
    /// There is something else, or what the file system says.
    pub fn publish(self, target: &Path) -> Result<()> {
        let renamed = fs::rename(&self.temporary, target).and_then(|()| File::open(&self.root)?.sync_all());
        renamed.map_err(|error| failed(target, &error))
    }

    /// Making the folder reserves the name among all processes; a rename then takes the place of an empty one.
    fn take(&self, target: &Path) -> io::Result<()> {
        fs::create_dir(target)?;
        let parent = target.parent().unwrap_or(Path::new("."));
        let renamed = fs::rename(&self.temporary, target).and_then(|()| File::open(parent)?.sync_all());
        renamed.inspect_err(|_| drop(fs::remove_dir(target)))
    }

    /// Bytes that the disk still takes; none where the system does not tell.
    pub fn free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.temporary).ok()?;
        disk.f_bavail.checked_mul(disk.f_frsize)
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // It is there no more where it was renamed.
        drop(fs::remove_dir_all(&self.temporary));
    }
}

/// Writes all of `bytes`.
///
/// # Errors
/// What the file system says of the file that goes by `name`.
pub fn put(file: &mut File, name: &str, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes).map_err(|error| failed(Path::new(name), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &NewFolder, path: &str) -> Result<()> {
        folder.write(path, |file| put(file, path, b"x"))
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_under_a_free_name() {
        let root = tempfile::tempdir().unwrap();
        for expected in ["model", "model-2"] {
            let folder = NewFolder::begin(root.path()).unwrap();
            write(&folder, "a/b.json").unwrap();
            write(&folder, "c.json").unwrap();
            assert!(!root.path().join(expected).exists());
            assert_eq!(folder.finish("model").unwrap(), root.path().join(expected));
            assert_eq!(fs::read(root.path().join(expected).join("a/b.json")).unwrap(), b"x");
        }
        assert_eq!(names(root.path()), ["model", "model-2"]);
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = NewFolder::begin(root.path()).unwrap();
        write(&folder, "a").unwrap();
        drop(folder);
        assert_eq!(names(root.path()), Vec::<String>::new());
    }

    #[test]
    fn paths_stay_inside_and_are_taken_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = NewFolder::begin(root.path()).unwrap();
        write(&folder, "a").unwrap();
        for path in ["a", "../b", "/etc/b", "", "a/../b", "a/b"] {
            assert_eq!(write(&folder, path).unwrap_err().code, Code::Output, "{path}");
        }
        assert_eq!(folder.finish("../out").unwrap_err().code, Code::Output);
        assert_eq!(names(root.path()), Vec::<String>::new());
    }
}
