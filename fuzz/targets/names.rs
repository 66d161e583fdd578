//! Names that a graph gives to what it writes.

use std::path::{Component, Path};

use weft::output::checked_name;

/// What is let through stays below the folder.
pub fn output(data: &[u8]) {
    let Ok(name) = std::str::from_utf8(data) else { return };
    let Ok(path) = checked_name(name) else { return };
    assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{name:?}");
    assert!(path.file_name().is_some() && Path::new("/out").join(&path).starts_with("/out"), "{name:?}");
    assert!(!name.contains(['\\', ':', '\0']) && !name.chars().any(char::is_control), "{name:?}");
}
