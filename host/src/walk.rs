//! Walking folders that may be anything: links in circles, trees without end, names that are no text.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use crate::limits;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As a graph names it: relative to its folder, with `/`.
    pub name: String,
    pub path: PathBuf,
    /// A folder that is one thing, such as a whole model.
    pub is_folder: bool,
    pub bytes: u64,
}

/// What a walk does with a folder that it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    /// It looks into it.
    Enter,
    /// It takes it as one thing.
    Take,
    Skip,
}

/// The files below a folder of models that have one of these extensions, or any where there are none; those near it first.
pub fn files(folder: &Path, extensions: &[String]) -> Vec<Entry> {
    walk(folder, limits::FOLDER_DEPTH, |_, _| Meets::Enter, |name| has_extension(name, extensions))
}

/// What a name without a folder may mean there: the folders, and the files that have one of these extensions, in order.
pub fn directly_in(folder: &Path, extensions: &[String]) -> Vec<Entry> {
    let entries = names(folder, &mut limits::LISTED_FILES.clone()).into_iter().filter_map(|(name, path)| {
        let is_folder = path.is_dir();
        (is_folder || has_extension(&name, extensions)).then_some(Entry { name, path, is_folder, bytes: 0 })
    });
    entries.collect()
}

/// Whether a file's name ends in one of the extensions, or in any where there are none.
pub fn has_extension(name: &str, extensions: &[String]) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    extensions.is_empty() || extensions.iter().any(|extension| extension.eq_ignore_ascii_case(ending))
}

/// Files and taken folders below `root`, those near it first. `meets` is asked for each folder with its name, relative
/// to `root`, and its path; `takes` for each file with its name.
pub fn walk(
    root: &Path,
    depth: usize,
    meets: impl Fn(&str, &Path) -> Meets,
    takes: impl Fn(&str) -> bool,
) -> Vec<Entry> {
    let mut found = Vec::new();
    // Links may lead in circles, or to a folder that was there already.
    let mut seen: HashSet<PathBuf> = root.canonicalize().into_iter().collect();
    let mut waiting = VecDeque::from([(root.to_owned(), String::new(), depth)]);
    let mut left = limits::LISTED_FILES;
    while let Some((folder, prefix, depth)) = waiting.pop_front() {
        for (file, path) in names(&folder, &mut left) {
            let name = format!("{prefix}{file}");
            // Of the file that a link leads to.
            let Ok(metadata) = path.metadata() else { continue };
            if metadata.is_file() && takes(&name) {
                found.push(Entry { name, path, is_folder: false, bytes: metadata.len() });
            } else if metadata.is_dir() {
                match meets(&name, &path) {
                    Meets::Take => found.push(Entry { bytes: size(&in_cache(&path)), name, path, is_folder: true }),
                    Meets::Enter if depth > 1 && path.canonicalize().is_ok_and(|real| seen.insert(real)) => {
                        waiting.push_back((path, name + "/", depth - 1));
                    }
                    _ => {}
                }
            }
        }
    }
    found
}

/// What lies directly in a folder, in order, as far as `left` goes. A name that a graph cannot hold is left out, and so
/// is a hidden one.
fn names(folder: &Path, left: &mut usize) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let visible = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        Some((name, entry.path()))
    };
    let read: Vec<std::fs::DirEntry> = entries.flatten().take(*left).collect();
    *left -= read.len();
    let mut names: Vec<_> = read.into_iter().filter_map(visible).collect();
    names.sort();
    names
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> u64 {
    let files = walk(folder, limits::FOLDER_DEPTH, |_, _| Meets::Enter, |_| true);
    files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
}

/// Whether a folder holds files whose names end so.
pub fn holds(folder: &Path, ending: &str) -> bool {
    names(folder, &mut limits::LISTED_FILES.clone()).iter().any(|(name, _)| name.ends_with(ending))
}

/// The folder that a path in the cache of Hugging Face's downloads means: of `models--NAME`, the snapshot that `refs/main`
/// names, or the only one. Any other path is itself.
pub fn in_cache(path: &Path) -> PathBuf {
    let snapshots = path.join("snapshots");
    let Ok(entries) = snapshots.read_dir() else { return path.to_owned() };
    let main = std::fs::read_to_string(path.join("refs/main")).unwrap_or_default();
    let named = snapshots.join(main.trim());
    let mut all = entries.flatten().map(|entry| entry.path());
    match (all.next(), all.next()) {
        _ if !main.trim().is_empty() && named.is_dir() => named,
        (Some(only), None) => only,
        _ => path.to_owned(),
    }
}
