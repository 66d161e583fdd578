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

/// A plugin depends on plugin-api, on the formats and on crates from outside, never on the host or on another plugin.
#[test]
fn plugins_depend_on_the_interface_and_the_formats_alone() {
    let (mut plugins, mut formats) = (0, 0);
    for (manifest, dependencies) in dependencies() {
        let allowed: &[&str] = match manifest.strip_prefix(root()) {
            Ok(path) if path.starts_with("nodes") => &["plugin-api", "weft-formats"],
            Ok(path) if path.starts_with("formats") => &[],
            _ => continue,
        };
        plugins += usize::from(!allowed.is_empty());
        formats += usize::from(allowed.is_empty());
        let known = |name: &&String| allowed.contains(&name.as_str());
        let wrong: Vec<&String> = dependencies.iter().filter(|name| !known(name)).collect();
        assert!(wrong.is_empty(), "{} depends on {wrong:?}", manifest.display());
    }
    assert!(plugins >= 7 && formats == 1, "{plugins} plugins were looked at");
}

/// The formats open nothing and know no tensor.
#[test]
fn formats_are_pure() {
    for word in ["std::fs", "File::", "plugin_api", "weft::"] {
        assert_eq!(naming("formats/src", word), Vec::<String>::new(), "formats/src names {word}");
    }
}

/// Of every package its manifest, and what it depends on of this workspace and of MLX.
fn dependencies() -> Vec<(PathBuf, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
    let own: Vec<String> = packages.iter().map(name).collect();
    let of = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().expect("dependencies").iter().map(name);
        let named = all.filter(|name| own.contains(name) || name.starts_with("mlx")).collect();
        (PathBuf::from(package["manifest_path"].as_str().expect("a path")), named)
    };
    packages.iter().map(of).collect()
}
