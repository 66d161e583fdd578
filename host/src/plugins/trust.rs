//! The trust store: which libraries a person approved or denied, by the SHA-256 of their bytes. A file in the user's
//! folder of settings that this user alone can write; no graph can name it, see `output`.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::date::today;
use crate::error::{Code, Error, Result, io_cause};
use crate::{atomic, limits};

/// The version of the store's format that is written, and the highest that is read.
const FORMAT: u32 = 1;
const HEADER: &str =
    "// Libraries that may be opened, or may not: `weft plugin trust` and `weft plugin deny` write this.\n";

/// The folder of the store and of the settings.
pub fn folder() -> Option<PathBuf> {
    dirs::config_dir().map(|folder| folder.join("weft"))
}

/// What people decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    format: u32,
    libraries: Vec<Entry>,
}

/// What was decided of one library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 64 hexadecimal digits.
    pub sha256: String,
    /// Its real path when it was decided.
    pub file: String,
    pub decision: Decision,
    /// The day of the decision.
    pub since: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    Trusted,
    Denied,
}

/// What the store says of a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    Trusted,
    /// Nobody was asked yet.
    Unknown,
    /// Another file was approved under this path, on that day.
    Changed(String),
    /// On that day.
    Denied(String),
}

impl Default for Store {
    fn default() -> Self {
        Self { format: FORMAT, libraries: Vec::new() }
    }
}

impl Store {
    /// The user's store; an empty one where there is none yet.
    ///
    /// # Errors
    /// One that cannot be read, or that others can write.
    pub fn open() -> Result<Self> {
        folder().map_or_else(|| Ok(Self::default()), |folder| Self::open_in(&folder))
    }

    /// Adds a decision to the user's store.
    ///
    /// # Errors
    /// A store that cannot be read or written; it is as it was then.
    pub fn decide(file: &str, sha256: &str, decision: Decision) -> Result<()> {
        let folder = folder().ok_or_else(|| Error::new(Code::Output, "there is no home folder for the trust store"))?;
        Self::decide_in(&folder, file, sha256, decision)
    }

    /// What was decided of these bytes, or of this file when it was another. A denied file stays closed, however it
    /// changes, until its new bytes are approved.
    pub fn standing(&self, file: &str, sha256: &str) -> Standing {
        let of_bytes = self.libraries.iter().find(|entry| entry.sha256 == sha256);
        let of_file = || self.libraries.iter().find(|entry| entry.file == file);
        match of_bytes.or_else(of_file) {
            None => Standing::Unknown,
            Some(entry) if entry.decision == Decision::Denied => Standing::Denied(entry.since.clone()),
            Some(entry) if entry.sha256 == sha256 => Standing::Trusted,
            Some(entry) => Standing::Changed(entry.since.clone()),
        }
    }

    fn open_in(folder: &Path) -> Result<Self> {
        let path = folder.join("trust.ron");
        let broken = |why: String| {
            Error::new(Code::Plugin, format!("the trust store {} cannot be used", path.display()))
                .cause(why)
                .help("correct or delete it, then approve plugins again with `weft plugin trust FILE`")
        };
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file.map_err(|error| broken(io_cause(&error)))?,
        };
        let text = read_private(file).map_err(&broken)?;
        let store: Self =
            ron::from_str(&text).map_err(|error| broken(format!("{} at {}", error.code, error.span.start)))?;
        if store.format != FORMAT {
            return Err(broken(format!("it has the format {}, this version of Weft reads {FORMAT}", store.format)));
        }
        match store.libraries.iter().find(|entry| !is_sha256(&entry.sha256)) {
            Some(entry) => Err(broken(format!("the SHA-256 of {} is none", entry.file))),
            None => Ok(store),
        }
    }

    /// As [`Store::decide`], with the store in this folder.
    ///
    /// # Errors
    /// As there.
    pub fn decide_in(folder: &Path, file: &str, sha256: &str, decision: Decision) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::new(Code::Output, format!("the trust store in {} was not written", folder.display()))
                .cause(io_cause(&error))
                .help("make the folder writable, or make room")
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        // Two windows may decide at once. The lock ends with the handle.
        let lock = File::open(folder).map_err(failed)?;
        lock.lock().map_err(failed)?;
        atomic::clean(folder);
        let mut store = Self::open_in(folder)?;
        store.libraries.retain(|entry| entry.file != file && entry.sha256 != sha256);
        store.libraries.push(Entry { sha256: sha256.to_owned(), file: file.to_owned(), decision, since: today() });
        let text = ron::ser::to_string_pretty(&store, ron::ser::PrettyConfig::default());
        // Numbers and text can always be written.
        let text = HEADER.to_owned() + &text.unwrap_or_default() + "\n";
        atomic::replace_private(&folder.join("trust.ron"), text.as_bytes()).map_err(failed)
    }
}

/// The text of a file that only its owner, this user, can write.
fn read_private(file: File) -> std::result::Result<String, String> {
    let metadata = file.metadata().map_err(|error| io_cause(&error))?;
    if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it is no file, or belongs to somebody else".to_owned());
    }
    if metadata.mode() & 0o022 != 0 {
        return Err("others can write it: take that right away with `chmod 600`".to_owned());
    }
    if metadata.len() > limits::STORE_BYTES {
        return Err(format!("it is larger than {} MiB", limits::STORE_BYTES >> 20));
    }
    let mut text = String::new();
    file.take(limits::STORE_BYTES).read_to_string(&mut text).map_err(|error| io_cause(&error))?;
    Ok(text)
}

/// Whether a text is a SHA-256 as Weft writes it.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sha(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn decide(folder: &Path, file: &str, digit: char, decision: Decision) -> Store {
        Store::decide_in(folder, file, &sha(digit), decision).unwrap();
        Store::open_in(folder).unwrap()
    }

    #[test]
    fn bytes_are_trusted_not_names() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("weft");
        assert_eq!(Store::open_in(&folder).unwrap().standing("/a", &sha('a')), Standing::Unknown);
        let store = decide(&folder, "/a", 'a', Decision::Trusted);
        assert_eq!(store.standing("/a", &sha('a')), Standing::Trusted);
        assert_eq!(store.standing("/moved", &sha('a')), Standing::Trusted);
        assert_eq!(store.standing("/a", &sha('b')), Standing::Changed(today()));
        assert_eq!(store.standing("/b", &sha('b')), Standing::Unknown);
        assert_eq!(folder.join("trust.ron").metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_last_word_holds() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        decide(folder, "/a", 'a', Decision::Trusted);
        let store = decide(folder, "/a", 'b', Decision::Trusted);
        assert_eq!(store.standing("/c", &sha('a')), Standing::Unknown, "the file was replaced by a newer one");
        let store = decide(folder, "/c", 'b', Decision::Denied);
        assert_eq!(store.standing("/a", &sha('b')), Standing::Denied(today()));
        assert_eq!(store.standing("/c", &sha('d')), Standing::Denied(today()), "denied, whatever it becomes");
        let store = decide(folder, "/c", 'd', Decision::Trusted);
        assert_eq!(store.standing("/c", &sha('d')), Standing::Trusted);
        assert_eq!(store.libraries.len(), 1);
    }

    #[test]
    fn a_store_that_is_not_sound_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.ron");
        let refusal = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Store::open_in(folder.path()).map_err(|error| error.cause)
        };
        assert_eq!(refusal("(format: 1, libraries: [], later: 7)", 0o600), Ok(Store::default()));
        for (text, mode, says) in [
            ("", 0o600, "at 1:1"),
            ("(format: 1, libraries: [", 0o600, "at 1:"),
            ("(format: 2, libraries: [])", 0o600, "format 2"),
            (
                "(format: 1, libraries: [(sha256: \"ab\", file: \"/a\", decision: Trusted, since: \"\")])",
                0o600,
                "of /a",
            ),
            ("(format: 1, libraries: [])", 0o620, "others can write it"),
            ("(format: 1, libraries: [])", 0o602, "others can write it"),
        ] {
            let cause = refusal(text, mode).unwrap_err();
            assert!(cause.contains(says), "{cause}");
            assert!(Store::decide_in(folder.path(), "/a", &sha('a'), Decision::Trusted).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is left as it is");
        }
    }

    #[test]
    fn decisions_of_many_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for digit in "0123456789abcdef".chars() {
                let folder = folder.path();
                scope.spawn(move || decide(folder, &format!("/{digit}"), digit, Decision::Trusted));
            }
        });
        assert_eq!(Store::open_in(folder.path()).unwrap().libraries.len(), 16);
    }
}
