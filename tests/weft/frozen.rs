//! Plugins of interface 1.0 load for ever: one that is never changed, one in C, and some of another Rust than Weft's.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::program::{Said, root, run, run_well, trust};

fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder for one plugin, and what its runs read and write.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where a library of this name is to be put.
    fn library(&self, name: &str) -> PathBuf {
        std::fs::create_dir_all(self.path("plugins")).expect("a folder");
        self.path("plugins").join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
    }

    /// A run of these nodes with the folder's plugins.
    fn arguments(&self, nodes: &str) -> Vec<String> {
        let graph = self.path("graph.ron");
        std::fs::write(&graph, format!("Graph(format: 1, nodes: {{ {nodes} }})")).expect("a graph");
        trust(self.path("plugins"));
        let at = |path: PathBuf| path.display().to_string();
        let (graph, plugins, here) = (at(graph), at(self.path("plugins")), at(self.path("")));
        ["run", &graph, "--plugins", &plugins, "--input", &here, "-o", &here, "--device", "cpu"]
            .map(str::to_owned)
            .into()
    }

    fn run(&self, nodes: &str) -> Said {
        let arguments = self.arguments(nodes);
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn run_well(&self, nodes: &str) -> Said {
        let arguments = self.arguments(nodes);
        run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn header() -> PathBuf {
    root().join("plugin-api/include")
}

/// Major version and needed minor version of a library, read by a program in C as any host would.
fn version(place: &Place, library: &Path) -> String {
    let (source, program) = (place.path("version.c"), place.path("version"));
    let text = r#"
        #include "plugin_api.h"
        #include <dlfcn.h>
        #include <stdio.h>
        int main(int count, char **words) {
            void *library = count > 1 ? dlopen(words[1], RTLD_NOW) : NULL;
            const WeftPlugin *plugin = library ? dlsym(library, "weft_plugin") : NULL;
            if (!plugin || plugin->magic != WEFT_MAGIC || plugin->size < sizeof(WeftPlugin)) return 1;
            return printf("%u.%u", plugin->major, plugin->needs_minor) < 0;
        }"#;
    std::fs::write(&source, text).expect("a file");
    must(Command::new("cc").arg("-I").arg(header()).arg("-o").arg(&program).arg(&source).arg("-ldl"));
    must(Command::new(program).arg(library))
}

/// Every file of the folder in order of its name, as one number.
fn digest(folder: &str) -> String {
    let entries = std::fs::read_dir(root().join(folder)).expect("the folder");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut digest = Sha256::new();
    paths.iter().for_each(|path| digest.update(std::fs::read(path).expect("a file")));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_frozen_plugin_was_not_changed() {
    let said = "change the host, or add a plugin for the new version beside it";
    assert_eq!(digest("tests/frozen_plugin"), FROZEN_PLUGIN, "{said}");
}

const FROZEN_PLUGIN: &str = "1991c8c4ee3f9a8de0c93df9e3377c62798259c2e5df64feb3d51c20d0f371f7";

#[test]
fn the_frozen_plugin_loads_and_finds_everything_as_it_was() {
    let place = Place::new();
    let library = place.library("frozen");
    let source = root().join("tests/frozen_plugin/plugin.rs");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2021", "--crate-type", "cdylib", "--crate-name", "frozen", "-C", "opt-level=2", "-o"]);
    must(rustc.arg(&library).arg(source));
    assert_eq!(version(&place, &library), "1.0");
    for node in ["Values", "Operations", "Models"] {
        let said = place.run(&format!(r#""n": (kind: "frozen/{node}")"#));
        assert_eq!(said.code, Some(0), "{node}\n{}", said.stderr);
    }
}

#[test]
fn a_plugin_in_c_needs_the_header_alone() {
    let place = Place::new();
    let library = place.library("vignette");
    let source = root().join("tests/c_plugin/vignette.c");
    let strict = ["-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC", "-O2"];
    must(Command::new("cc").args(strict).arg("-I").arg(header()).arg("-o").arg(&library).arg(&source));
    assert_eq!(version(&place, &library), "1.0");
    image::RgbImage::from_pixel(5, 3, image::Rgb([200; 3])).save(place.path("grey.png")).expect("a picture");
    place.run_well(
        r#""load": (kind: "image-io/LoadImage", inputs: { "file": "grey.png" }),
        "darken": (kind: "org.example.vignette/Vignette", inputs: { "image": Link("load.image"), "strength": 1.0 }),
        "save": (kind: "image-io/SaveImage", inputs: { "image": Link("darken.image"), "name": "dark" }),"#,
    );
    let dark = image::open(place.path("dark.png")).expect("a picture").into_rgb8();
    let row: Vec<u8> = (0..5).map(|x| dark.get_pixel(x, 0).0[0]).collect();
    // 200 · (1 − (x² + 1) / 2) with x from −1 to 1; in the middle of the picture nothing is lost.
    assert_eq!((row, dark.get_pixel(2, 1).0), (vec![0, 75, 100, 75, 0], [200; 3]));
    // The same file is C++.
    must(Command::new("cc").args(["-x", "c++", "-std=c++17", "-fsyntax-only", "-I"]).arg(header()).arg(&source));
}

/// Builds tests/other_rust with these features.
fn other_rust(place: &Place, features: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other_rust");
    let manifest = root().join("tests/other_rust/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--offline", "--locked", "--quiet", "--manifest-path"]).arg(manifest);
    // Of the folder of the tests: settings of Weft's own build, which are found from there upwards, are not the plugin's.
    cargo.arg("--target-dir").arg(&target).args(features).current_dir(place.path(""));
    must(&mut cargo);
    let library = place.library("other_rust");
    let built = target.join("release").join(library.file_name().expect("a name"));
    std::fs::copy(&built, &library).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    library
}

#[test]
fn a_plugin_of_another_rust_loads_and_needs_no_more_than_it_says() {
    let place = Place::new();
    assert_eq!(version(&place, &other_rust(&place, &[])), "1.0");
    place.run_well(r#""n": (kind: "other-rust/Sort")"#);
    assert_eq!(std::fs::read_to_string(place.path("sorted.txt")).expect("a file"), "[1.0, 2.0, 3.0]");
    let said = place.run(r#""n": (kind: "other-rust/Overflow")"#);
    assert_eq!(said.code, Some(8), "{}", said.stderr);
    for word in ["overflow", "other-rust 1.2.3", "node `n` (other-rust/Overflow)"] {
        assert!(said.stderr.contains(word), "{word}\n{}", said.stderr);
    }
    // What came in 1.1 is asked for by its feature, and then 1.1 is needed.
    assert_eq!(version(&place, &other_rust(&place, &["--features", "newer"])), "1.1");
    place.run_well(r#""n": (kind: "other-rust/SortAlong", inputs: { "numbers": "9 8 7" })"#);
    assert_eq!(std::fs::read_to_string(place.path("sorted-2.txt")).expect("a file"), "[7.0, 8.0, 9.0]");
}
