//! Plugins of others: nothing of them runs before a person approved it, and graphs say which they were made with.

mod graphs;
mod store;
mod window;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{Said, command};

/// A home of its own, with a folder of plugins.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(home.path("plugins")).expect("a folder");
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        // Weft tells real paths.
        self.folder.path().canonicalize().expect("a folder").join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        command(arguments).env("HOME", self.path("")).current_dir(self.path("")).output().expect("it starts").into()
    }

    /// Runs with the folder of plugins named.
    pub fn with_plugins(&self, arguments: &[&str]) -> Said {
        self.run(&[arguments, &["--plugins", &self.text("plugins")]].concat())
    }

    /// `weft plugin list --json`.
    pub fn list(&self) -> Value {
        let said = self.with_plugins(&["plugin", "list", "--json"]);
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr))
    }

    pub fn store(&self) -> PathBuf {
        self.list()["store"].as_str().expect("a path").into()
    }

    /// A plugin `broken` of this version that leaves the file `opened` when it is opened.
    pub fn compile(&self, version: &str) -> PathBuf {
        let library = self.path(&format!("plugins/libbroken.{}", std::env::consts::DLL_EXTENSION));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("weft");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
        compiler.arg(format!("-DMARK=\"{}\"", self.text("opened"))).arg(format!("-DVERSION=\"{version}\""));
        compiler.arg(sources.join("trust/mark.c")).arg(sources.join("bad_input/broken_plugin.c"));
        let output = compiler.output().expect("a C compiler `cc`, which Rust links with as well");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    }

    /// Whether the plugin was opened since this was asked last.
    pub fn was_opened(&self) -> bool {
        std::fs::remove_file(self.path("opened")).is_ok()
    }
}

/// What `weft plugin list --json` tells of the plugin `broken`, where it is loaded.
pub fn loaded(list: &Value) -> Option<&Value> {
    list["plugins"].as_array()?.iter().find(|plugin| plugin["id"] == "broken")
}
