//! Where libraries lie: beside the executable, in the user's folder of plugins, and in the folders of the command line.

use std::path::{Path, PathBuf};

/// What the plugins that come with Weft are called, beside the executable.
const OWN_PREFIX: &str = "libweft_";

/// The plugins that come with Weft: they are trusted with the executable that they lie beside.
pub fn beside_executable() -> Vec<PathBuf> {
    let folder = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let is_own = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(OWN_PREFIX))
    };
    folder.map(|folder| libraries(&folder)).unwrap_or_default().into_iter().filter(is_own).collect()
}

/// Whether a library comes with Weft, under whatever path.
pub fn is_own(path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    beside_executable().iter().any(|own| real(own).is_some_and(|own| Some(own) == real(path)))
}

/// The user's own folder of plugins, whether it is there or not.
pub fn user_folder() -> Option<PathBuf> {
    dirs::data_dir().map(|folder| folder.join("weft").join("plugins"))
}

/// The real paths of all libraries that do not come with Weft: those of the user's folder, then those of `folders`.
pub fn third_party(folders: &[PathBuf]) -> Vec<PathBuf> {
    let own: Vec<PathBuf> = beside_executable().iter().filter_map(|own| own.canonicalize().ok()).collect();
    let mut found: Vec<PathBuf> = Vec::new();
    for path in user_folder().iter().chain(folders).flat_map(|folder| libraries(folder)) {
        // A link that leads nowhere is told of by its own name.
        let path = path.canonicalize().unwrap_or(path);
        if !own.contains(&path) && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// The libraries of a folder, in order of their names.
pub fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_library = |path: &PathBuf| path.extension().is_some_and(|ending| ending == std::env::consts::DLL_EXTENSION);
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_library).collect();
    paths.sort();
    paths
}
