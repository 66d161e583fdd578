//! Where a run may write: below its output folder and nowhere else, never over an existing file.

use std::io;
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::error::{Code, Error, Result, io_cause};
use crate::plugins::trust_folder;

/// Writes a new file `name.extension` below `root`. Where it exists, the next free number is put behind the name.
///
/// # Errors
/// A name that leaves the folder, or what the file system says; nothing is left half written.
pub fn write_new(root: &Path, name: &str, extension: &str, bytes: &[u8]) -> Result<PathBuf> {
    let (folder, stem) = place(root, name)?;
    for number in 1..=u32::MAX {
        let numbered = if number == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{number}.{extension}") };
        let path = folder.join(numbered);
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match atomic::create(&path, bytes) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&path, &error)),
        }
    }
    Err(Error::new(Code::Output, format!("there is no free number for `{name}`")))
}

/// The folder below `root` in which an output of this name goes, made where it is missing, and the last part of the name.
///
/// # Errors
/// As [`write_new`].
pub fn place(root: &Path, name: &str) -> Result<(PathBuf, String)> {
    let relative = checked_name(name)?;
    let folder = root.join(relative.parent().unwrap_or(Path::new("")));
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
    refuse_symlink_out(root, &folder)?;
    refuse_settings(&folder)?;
    Ok((folder, relative.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// # Errors
/// A name that leads out of the folder that it is used in, or that some system does not take.
pub fn checked_name(name: &str) -> Result<PathBuf> {
    safe_name(name).map_err(|why| {
        Error::new(Code::Output, format!("`{name}` cannot be the name of an output"))
            .cause(why)
            .help("use letters, digits, spaces, `-`, `_`, `.`, and `/` for folders below the output folder")
    })
}

/// What the file system says of a path that was to be written.
pub fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Output, format!("{} was not written", path.display()))
        .cause(io_cause(error))
        .help("choose another output folder with -o, or make room")
}

/// A folder inside that is a link to the outside would lead writes out.
fn refuse_symlink_out(root: &Path, folder: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().map_err(|error| Error::reading(Code::Output, path, &error));
    if real(folder)?.starts_with(real(root)?) {
        return Ok(());
    }
    Err(Error::new(Code::Output, format!("{} leads out of the output folder", folder.display()))
        .cause("a part of it is a symbolic link")
        .help("remove the link, or name its target with -o"))
}

/// # Errors
/// The folder of settings, in which the trust store lies, or one in it: no graph writes there, not even where the output
/// folder contains it.
pub fn refuse_settings(folder: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    let settings = trust_folder().as_deref().and_then(real);
    if !settings.zip(real(folder)).is_some_and(|(settings, folder)| folder.starts_with(settings)) {
        return Ok(());
    }
    Err(Error::new(Code::Output, format!("{} is no place for outputs", folder.display()))
        .cause("Weft keeps there which plugins may be opened")
        .help("choose another folder, on the command line with -o"))
}

/// The relative path that `name` means, or why it may not be one. As strict as the strictest system that a graph may
/// be shared with.
fn safe_name(name: &str) -> std::result::Result<PathBuf, &'static str> {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    if name.len() > 200 {
        return Err("it is longer than 200 bytes");
    }
    if name.chars().any(|c| c.is_control() || "\\:*?\"<>|".contains(c)) {
        return Err("it has a character that not every system takes");
    }
    for part in name.split('/') {
        let stem = part.split('.').next().unwrap_or(part).trim().to_lowercase();
        let numbered = |prefix| stem.strip_prefix(prefix).is_some_and(|rest: &str| rest.len() == 1 && rest.is_ascii());
        if part.is_empty() || part.trim_matches('.').is_empty() {
            return Err("a part of it is empty, `.` or `..`, or it is an absolute path");
        }
        if part.ends_with('.') || part.ends_with(' ') || part.starts_with(' ') {
            return Err("a part of it begins or ends with a space, or ends with a dot");
        }
        if RESERVED.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
            return Err("Windows reserves that name");
        }
        if part.starts_with(".weft-tmp-") {
            return Err("Weft's own temporary files are called so");
        }
    }
    Ok(PathBuf::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_nothing_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        for expected in ["fox.png", "fox-2.png", "fox-3.png"] {
            let path = write_new(root.path(), "fox", "png", b"x").unwrap();
            assert_eq!(path, root.path().join(expected));
        }
        assert_eq!(write_new(root.path(), "a/b/fox", "png", b"x").unwrap(), root.path().join("a/b/fox.png"));
    }

    #[test]
    fn hostile_names_stay_out() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("out");
        std::fs::create_dir(&inside).unwrap();
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/../../x",
            "/etc/x",
            "a//b",
            "a\\b",
            "C:x",
            "c:\\x",
            "nul",
            "NUL.txt",
            "a/CON",
            "com1",
            "x.",
            "x ",
            " x",
            "x\0",
            "x\ny",
            "a/",
            "/",
            "...",
            "lpt9.png",
            "a|b",
            "a?b",
            "a*b",
            "\u{7f}",
        ] {
            assert_eq!(write_new(&inside, name, "png", b"x").unwrap_err().code, Code::Output, "{name:?}");
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_to_the_outside_is_refused() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        assert_eq!(write_new(root.path(), "link/x", "png", b"x").unwrap_err().code, Code::Output);
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
