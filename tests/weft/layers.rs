//! Who may use whom. A layer that nothing enforces does not exist.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::root;

/// Every Rust file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The files below `folder` that name `word`, relative to `folder`.
fn naming(folder: &str, word: &str) -> Vec<String> {
    let folder = root().join(folder);
    let names = |path: &PathBuf| std::fs::read_to_string(path).expect("a source file").contains(word);
    let relative = |path: PathBuf| path.strip_prefix(&folder).expect("below it").to_string_lossy().into_owned();
    let mut found: Vec<String> = sources(&folder).into_iter().filter(names).map(relative).collect();
    found.sort();
    found
}

#[test]
fn mlx_is_touched_by_the_table_and_the_weights_alone() {
    for word in ["mlx_rs", "mlx_sys"] {
        for file in naming("host/src", word) {
            let allowed = file.starts_with("table/") || file.starts_with("weights/") || file == "engine/dump.rs";
            assert!(allowed, "host/src/{file} names {word}");
        }
        for folder in ["nodes", "plugin-api/src"] {
            assert_eq!(naming(folder, word), Vec::<String>::new(), "{folder} names {word}");
        }
    }
}

#[test]
fn one_file_names_the_dynamic_loader() {
    assert_eq!(naming("host/src", "use libloading"), ["plugins/load.rs"]);
}

/// The graph that is edited, its undo, clipboard and files, the queue and the library know no window.
#[test]
fn the_window_is_drawn_by_the_editor_alone() {
    for word in ["egui::", "eframe::", "rfd::"] {
        for file in naming("host/src", word) {
            assert!(file.starts_with("editor/"), "host/src/{file} names {word}");
        }
    }
    assert_eq!(naming("host/src", "use egui_node_graph"), ["editor/canvas/view.rs"]);
}

#[test]
fn clients_touch_no_tensor() {
    for file in ["headless", "graph", "document", "queue", "library", "editor"] {
        assert_eq!(naming(&format!("host/src/{file}"), "table::Tensor"), Vec::<String>::new());
    }
}

/// A plugin depends on plugin-api and on crates from outside, never on the host or on another plugin.
#[test]
fn plugins_depend_on_the_interface_alone() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let own: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let nodes = root().join("nodes");
    let mut seen = 0;
    for package in packages {
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        if !manifest.starts_with(&nodes) {
            continue;
        }
        seen += 1;
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().expect("a name");
            let allowed = name == "plugin-api" || (!own.contains(&name) && !name.starts_with("mlx"));
            assert!(allowed, "{} depends on {name}", package["name"]);
        }
    }
    assert!(seen >= 6, "only {seen} plugins were looked at");
}

/// What a plugin may depend on of this workspace: the interface, and the formats, which compute and open nothing.
#[test]
fn plugins_know_the_interface_and_the_formats_alone() {
    let manifest = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        toml_names(&text).filter(|name| name.starts_with("weft") || name.starts_with("plugin-api")).collect::<Vec<_>>()
    };
    for entry in std::fs::read_dir(root().join("nodes")).expect("the plugins").flatten() {
        for name in manifest(&entry.path()) {
            assert!(["plugin-api", "weft-formats"].contains(&name.as_str()), "{} needs {name}", entry.path().display());
        }
    }
    assert_eq!(manifest(&root().join("formats")), Vec::<String>::new());
    for word in ["std::fs", "plugin_api", "File::"] {
        assert_eq!(naming("formats/src", word), Vec::<String>::new(), "formats/src names {word}");
    }
}

/// The names of dependencies: the keys at the beginning of the lines of `[…dependencies]`.
fn toml_names(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut inside = false;
    text.lines().filter_map(move |line| {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]");
            return None;
        }
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        (inside && !name.is_empty() && !name.starts_with('#')).then(|| name.to_owned())
    })
}
