//! What was not saved survives a crash: versions of the document in a folder of their own, never in the user's file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Document;
use crate::atomic;

/// A version is written when nothing was edited for so long,
const QUIET: Duration = Duration::from_secs(1);
/// and at the latest so long after the first edit that none has.
const LATEST: Duration = Duration::from_secs(8);
/// Versions that are kept of a session.
const VERSIONS: usize = 20;
/// The file that a session keeps locked as long as it lives; the system unlocks it even when the process is killed.
const LOCK: &str = "lock";
/// Beginning of the first line of a version; the path of the document's file follows, as JSON.
const MARK: &str = "// weft journal ";

/// The journal of one session.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    _lock: File,
    /// The document's state that was seen last and when, and the one that is written.
    seen: u64,
    edited: Instant,
    written: u64,
    /// The first edit that is in no version.
    first: Option<Instant>,
    last: Option<String>,
    number: u64,
}

/// What a session left that ended without saving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The file that the document had.
    pub path: Option<PathBuf>,
    /// The graph's text.
    pub text: String,
    pub written: SystemTime,
    /// The session's folder.
    pub folder: PathBuf,
}

impl Journal {
    /// Begins a session in a new folder below `root`.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn start(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut folder = root.join(format!("{}-{now}", std::process::id()));
        let mut again = 0;
        while let Err(error) = fs::create_dir(&folder) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            again += 1;
            folder = root.join(format!("{}-{now}-{again}", std::process::id()));
        }
        let lock = File::create(folder.join(LOCK))?;
        // File systems that cannot lock have the process's number in the folder's name.
        drop(lock.try_lock());
        let now = Instant::now();
        Ok(Self { folder, _lock: lock, seen: 0, edited: now, written: 0, first: None, last: None, number: 0 })
    }

    /// Writes a version where one is due, and says when to call again.
    ///
    /// # Errors
    /// Whatever the file system says; it is tried again a second later.
    pub fn tick(&mut self, document: &Document, now: Instant) -> io::Result<Option<Duration>> {
        let revision = document.revision();
        if !document.is_changed() || revision == self.written {
            self.first = None;
            return Ok(None);
        }
        if revision != self.seen {
            self.seen = revision;
            self.edited = now;
        }
        let first = *self.first.get_or_insert(now);
        let due = (self.edited + QUIET).min(first + LATEST);
        if now < due {
            return Ok(Some(due - now));
        }
        if let Err(error) = self.write(document) {
            self.edited = now;
            self.first = Some(now);
            return Err(error);
        }
        self.written = revision;
        self.first = None;
        Ok(None)
    }

    fn write(&mut self, document: &Document) -> io::Result<()> {
        let path = document.path().and_then(|path| std::path::absolute(path).ok());
        let path = path.as_deref().and_then(Path::to_str);
        let version = format!("{MARK}{}\n{}", serde_json::json!(path), document.text());
        if self.last.as_ref() == Some(&version) {
            return Ok(());
        }
        self.number += 1;
        atomic::replace(&self.folder.join(name(self.number)), version.as_bytes())?;
        self.last = Some(version);
        for (_, old) in versions(&self.folder).into_iter().skip(VERSIONS) {
            fs::remove_file(old)?;
        }
        Ok(())
    }

    /// The document was saved, or given up: its versions go.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn saved(&mut self) -> io::Result<()> {
        self.last = None;
        self.first = None;
        versions(&self.folder).into_iter().try_for_each(|(_, version)| fs::remove_file(version))
    }

    /// Ends the session; nothing is left to recover.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn finish(self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }
}

/// The newest version of every session below `root` whose process is dead, newest first. Folders without a version go.
pub fn recover(root: &Path) -> Vec<Recovered> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let dead = entries.flatten().map(|entry| entry.path()).filter(|folder| is_dead(folder));
    let mut recovered: Vec<Recovered> = dead
        .filter_map(|folder| {
            let versions = versions(&folder);
            // A session that begins at this moment may not have its lock yet.
            if versions.is_empty() && pid(&folder).is_some_and(|pid| !atomic::is_running(pid)) {
                drop(fs::remove_dir_all(&folder));
            }
            versions.into_iter().find_map(|(_, version)| read(&folder, &version))
        })
        .collect();
    recovered.sort_by_key(|found| std::cmp::Reverse(found.written));
    recovered
}

impl Recovered {
    /// Removes all that the session left.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn discard(self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }
}

/// The process of the session whose folder this is. None for other folders.
fn pid(folder: &Path) -> Option<u32> {
    let (pid, start) = folder.file_name()?.to_str()?.split_once('-')?;
    let is_start = !start.is_empty() && start.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    pid.parse().ok().filter(|_| is_start && folder.is_dir())
}

/// Whether this is the folder of a session that has ended.
fn is_dead(folder: &Path) -> bool {
    let Some(pid) = pid(folder) else { return false };
    // Numbers of processes are given again, after a restart even soon; a lock is not.
    match File::open(folder.join(LOCK)).map(|lock| lock.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(fs::TryLockError::WouldBlock)) => false,
        _ => !atomic::is_running(pid),
    }
}

fn name(number: u64) -> String {
    format!("{number:08}.ron")
}

/// The versions in a session's folder, newest first.
fn versions(folder: &Path) -> Vec<(u64, PathBuf)> {
    let number = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".ron")?.parse::<u64>().ok();
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut versions: Vec<(u64, PathBuf)> = paths.filter_map(|path| Some((number(&path)?, path))).collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions
}

fn read(folder: &Path, version: &Path) -> Option<Recovered> {
    let text = fs::read_to_string(version).ok()?;
    let written = fs::metadata(version).and_then(|about| about.modified()).ok()?;
    let (line, text) = text.strip_prefix(MARK)?.split_once('\n')?;
    let path = serde_json::from_str::<Option<PathBuf>>(line).ok()?;
    Some(Recovered { path, text: text.to_owned(), written, folder: folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Edit;
    use crate::graph::Graph;

    const GRAPH: &str = "Graph(format: 1, nodes: {\"a\": (kind: \"x/A\", inputs: {\"v\": 0})})";

    fn document() -> Document {
        Document::untitled(Graph::parse(GRAPH, "g").unwrap(), None)
    }

    fn set(document: &mut Document, value: u32) {
        let value = Some(value.to_string());
        document.edit(Edit::Set { node: "a".into(), input: "v".into(), value }).unwrap();
    }

    #[test]
    fn writes_when_nothing_was_edited_for_a_while() {
        let root = tempfile::tempdir().unwrap();
        let mut journal = Journal::start(root.path().to_owned()).unwrap();
        let (mut document, start) = (document(), Instant::now());
        assert_eq!(journal.tick(&document, start).unwrap(), None, "nothing to save");
        set(&mut document, 1);
        assert_eq!(journal.tick(&document, start).unwrap(), Some(QUIET));
        assert_eq!(journal.tick(&document, start + QUIET).unwrap(), None);
        assert_eq!(versions(&journal.folder).len(), 1);
        assert_eq!(journal.tick(&document, start + 2 * QUIET).unwrap(), None);
        assert_eq!(versions(&journal.folder).len(), 1, "no second one of the same");
        assert!(recover(root.path()).is_empty(), "its process lives");
        document.undo();
        assert_eq!(journal.tick(&document, start + 3 * QUIET).unwrap(), None, "nothing to save");
        journal.saved().unwrap();
        assert_eq!(versions(&journal.folder).len(), 0);
        journal.finish().unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_comes_back_is_at_most_ten_seconds_old() {
        let root = tempfile::tempdir().unwrap();
        let mut journal = Journal::start(root.path().to_owned()).unwrap();
        let file = root.path().join("new\nline \"fox\".ron");
        fs::write(&file, GRAPH).unwrap();
        let (mut document, start) = (Document::open(&file).unwrap(), Instant::now());
        let step = Duration::from_millis(100);
        for tick in 0..2000_u32 {
            set(&mut document, tick);
            journal.tick(&document, start + step * tick).unwrap();
            let newest = versions(&journal.folder).first().and_then(|(_, path)| read(&journal.folder, path));
            let newest = newest.map_or(0, |newest| {
                let graph = Graph::parse(&newest.text, "g").unwrap();
                let crate::graph::Input::Value(value) = &graph.nodes["a"].inputs["v"] else { panic!() };
                value.parse::<u32>().unwrap()
            });
            assert!(step * (tick - newest) <= Duration::from_secs(10));
        }
        assert_eq!(versions(&journal.folder).len(), VERSIONS);
        assert_eq!(fs::read_to_string(&file).unwrap(), GRAPH, "the user's file is left alone");
        let (folder, text) = (journal.folder.clone(), journal.last.clone().unwrap());
        drop(journal);
        // The process still runs, but the lock is gone, as after a kill.
        let found = recover(root.path());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path.as_deref(), Some(std::path::absolute(&file).unwrap().as_path()));
        assert_eq!(found[0].folder, folder);
        assert!(text.ends_with(&found[0].text));
        let again = Document::recovered(&found[0].text, found[0].path.clone()).unwrap();
        assert!(again.is_changed());
        found[0].clone().discard().unwrap();
        assert!(recover(root.path()).is_empty());
    }

    #[test]
    fn a_process_that_was_killed_leaves_its_work() {
        let root = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let folder = root.path().join(format!("{pid}-12"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(name(1)), format!("{MARK}null\n\u{feff}{GRAPH}")).unwrap();
        fs::write(folder.join(name(2)), [0xff, 0xfe]).unwrap();
        fs::create_dir(root.path().join("other")).unwrap();
        let found = recover(root.path());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].text.as_str(), &found[0].path), (format!("\u{feff}{GRAPH}").as_str(), &None));
        assert!(root.path().join("other").is_dir(), "folders of others are left alone");
    }
}
