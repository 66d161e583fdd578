//! The one way in which Weft writes files: whole or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Beginning of the temporary files' names, by which leftovers of a killed process are known.
const TEMPORARY: &str = ".weft-tmp-";

/// After so long without a change, nobody finishes what another machine began.
const ABANDONED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Writes a new file. Fails with `AlreadyExists` where there is one: nothing is overwritten.
///
/// # Errors
/// Whatever the file system says; the target is untouched then.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, 0o666)?;
    // A hard link fails where the target exists, in one step, which a rename does not.
    let linked = fs::hard_link(&temporary, path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        // File systems without hard links: FAT, some network folders.
        _ => rename_new(&temporary, path),
    });
    drop(fs::remove_file(&temporary));
    linked?;
    sync_folder(path)
}

/// Renames a file where nothing has the new name yet, in one step where the file system can do that.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => reserve_and_rename(from, to),
        renamed => Ok(renamed?),
    }
}

/// The same in two steps: killed between them, a process leaves an empty file.
fn reserve_and_rename(from: &Path, to: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(to)?;
    fs::rename(from, to).inspect_err(|_| drop(fs::remove_file(to)))
}

/// Writes a file, in the place of one that may exist.
///
/// # Errors
/// Whatever the file system says; the target is untouched then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(path, bytes, 0o666)
}

/// As [`replace`], for a file that nobody else can read or write.
///
/// # Errors
/// As [`replace`].
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(path, bytes, 0o600)
}

fn replace_as(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, mode)?;
    fs::rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    sync_folder(path)
}

/// Removes temporaries that a killed process of this machine left in `folder`. A process that still runs keeps its own, and so
/// does one of another machine, which cannot be seen from here, for a week: containers have another name each time.
pub fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY)) else { continue };
        let mut parts = rest.splitn(3, '-');
        let owner = parts.next().and_then(|pid| pid.parse::<u32>().ok());
        let is_here = parts.nth(1).is_none_or(|name| name == machine());
        let path = entry.path();
        let is_left = if is_here { owner.is_some_and(|pid| !is_running(pid)) } else { is_abandoned(&path) };
        if is_left {
            // A link is a file here: what it leads to is not ours.
            let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
            drop(if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) });
        }
    }
}

/// Whether nothing of it, and nothing in it, has changed for long. A clock that goes ahead keeps it.
fn is_abandoned(path: &Path) -> bool {
    let Ok(metadata) = path.symlink_metadata() else { return false };
    let is_old = metadata.modified().is_ok_and(|then| then.elapsed().is_ok_and(|age| age > ABANDONED));
    let inside = || fs::read_dir(path).into_iter().flatten().flatten().all(|entry| is_abandoned(&entry.path()));
    is_old && (!metadata.is_dir() || inside())
}

/// [`clean`], where this process has not been yet: whoever writes into a folder frees it of what the dead left there.
fn clean_once(folder: &Path) {
    static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if SEEN.lock().is_ok_and(|mut seen| seen.insert(folder.to_owned())) {
        clean(folder);
    }
}

/// Whether a process of this number is there and has not ended.
pub(crate) fn is_running(pid: u32) -> bool {
    pid == std::process::id()
        || i32::try_from(pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
            && !is_zombie(pid)
}

/// Whether it has ended, and only its number is left: its parent has not asked for it. In a container nobody may ever do so.
/// The state stands behind the name, which is in brackets and may hold any.
fn is_zombie(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// `mode` is what the user's mask takes from.
fn write_temporary(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let folder = folder_of(path);
    clean_once(folder);
    let temporary = temporary(folder);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    Ok(temporary)
}

/// A name for something in `folder` that is not complete yet, which [`clean`] removes where this process dies.
pub fn temporary(folder: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{TEMPORARY}{}-{number}-{}", std::process::id(), machine()))
}

/// The name of this machine, as a file name takes it: machines that share a folder have processes of the same number. So have
/// containers under one name, which Linux tells apart by their name space of processes.
fn machine() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let name = sysinfo::System::host_name().unwrap_or_default();
        let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).take(32).collect::<String>();
        letters(&name) + &letters(&space.to_string_lossy())
    });
    &NAME
}

/// Without it a crash of the machine may lose the new name.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// A bare name has an empty parent, which cannot be opened.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create(&path, b"first").unwrap();
        assert_eq!(create(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_bare_name_lies_in_the_current_folder() {
        let folders = ["a", "./a", "b/a", "/a"].map(|path| folder_of(Path::new(path)).display().to_string());
        assert_eq!(folders, [".", ".", "b", "/"]);
    }

    #[test]
    fn nothing_is_overwritten_without_hard_links_either() {
        for rename in [rename_new, reserve_and_rename] {
            let folder = tempfile::tempdir().unwrap();
            let (from, to) = (folder.path().join("from"), folder.path().join("to"));
            fs::write(&from, b"new").unwrap();
            fs::write(&to, b"old").unwrap();
            assert_eq!(rename(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&to).unwrap(), b"old");
            fs::remove_file(&to).unwrap();
            rename(&from, &to).unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"new");
            fs::remove_file(&to).unwrap();
            assert!(rename(&from, &to).is_err());
            assert!(!to.exists(), "a name that was reserved for nothing");
        }
    }

    /// The number of a process that has ended.
    fn dead() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_zombie_left_is_cleaned() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let left = folder.path().join(format!("{TEMPORARY}{}-0", child.id()));
        fs::write(&left, b"half").unwrap();
        while !is_zombie(child.id()) {
            std::thread::yield_now();
        }
        clean(folder.path());
        assert!(!left.exists());
        child.wait().unwrap();
    }

    #[test]
    fn the_first_write_into_a_folder_cleans_it() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(format!("{TEMPORARY}{}-0", dead()));
        fs::write(&left, b"half").unwrap();
        create(&folder.path().join("a"), b"whole").unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn what_another_machine_left_goes_after_a_week() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (SystemTime::now(), SystemTime::now() - ABANDONED * 2);
        let aged = |path: &Path, then| File::open(path).unwrap().set_modified(then).unwrap();
        let dead = dead();
        let name = |number: u32| folder.path().join(format!("{TEMPORARY}{dead}-{number}-another"));
        fs::write(name(0), b"half").unwrap();
        aged(&name(0), old);
        // A folder is as old as the newest file in it.
        for (number, then) in [(1, old), (2, new)] {
            fs::create_dir(name(number)).unwrap();
            fs::write(name(number).join("part"), b"half").unwrap();
            aged(&name(number).join("part"), then);
            aged(&name(number), old);
        }
        clean(folder.path());
        assert_eq!([0, 1, 2].map(|number| name(number).exists()), [false, false, true]);
    }

    #[test]
    fn leftovers_of_the_dead_are_cleaned() {
        let folder = tempfile::tempdir().unwrap();
        let dead = dead();
        fs::write(folder.path().join(format!("{TEMPORARY}{dead}-0")), b"half").unwrap();
        let half = folder.path().join(format!("{TEMPORARY}{dead}-1/transformer"));
        fs::create_dir_all(&half).unwrap();
        fs::write(half.join("part"), b"half").unwrap();
        let mine = folder.path().join(format!("{TEMPORARY}{}-7", std::process::id()));
        fs::write(&mine, b"being written").unwrap();
        let theirs = folder.path().join(format!("{TEMPORARY}{dead}-0-another"));
        fs::write(&theirs, b"being written").unwrap();
        clean(folder.path());
        let mut left: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        let mut expected = [mine, theirs];
        expected.sort();
        assert_eq!(left, expected);
    }
}
