//! What the window remembers from one start to the next.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// None is the system's.
    pub is_dark: Option<bool>,
    /// Size of everything; 1 is normal.
    pub text: f32,
    pub sidebar: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { is_dark: None, text: 1.0, sidebar: true }
    }
}

/// The settings' file, and what stands in it.
#[derive(Debug, Default)]
pub struct Stored {
    path: Option<PathBuf>,
    settings: Settings,
}

impl Stored {
    /// What is there; the defaults where there is nothing, or nothing that can be read.
    pub fn open(path: Option<PathBuf>) -> Self {
        let read = |path: &Path| ron::from_str(&std::fs::read_to_string(path).ok()?).ok();
        let settings = path.as_deref().and_then(read).unwrap_or_default();
        Self { path, settings }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            text: if self.settings.text.is_finite() { self.settings.text.clamp(0.6, 2.5) } else { 1.0 },
            ..self.settings
        }
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// Why they are not kept, as a sentence. From then on they are no more.
    pub fn keep(&mut self, settings: Settings) -> Result<(), String> {
        if settings == self.settings {
            return Ok(());
        }
        self.settings = settings;
        let Some(path) = &self.path else { return Ok(()) };
        let text = ron::to_string(&settings).unwrap_or_default();
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| crate::atomic::replace(path, text.as_bytes()));
        written.map_err(|error| {
            self.path = None;
            format!("The settings were not kept: {}", crate::error::io_cause(&error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_there_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().join("weft/settings.ron"));
        let mut stored = Stored::open(path.clone());
        assert_eq!(stored.settings(), Settings::default());
        let changed = Settings { is_dark: Some(false), text: 1.3, sidebar: false };
        stored.keep(changed).unwrap();
        assert_eq!(Stored::open(path.clone()).settings(), changed);
        std::fs::write(path.as_ref().unwrap(), "(text: 1e300").unwrap();
        assert_eq!(Stored::open(path.clone()).settings(), Settings::default());
        std::fs::write(path.as_ref().unwrap(), "(text: NaN, later: 1)").unwrap();
        assert_eq!(Stored::open(path).settings().text, 1.0);
    }
}
