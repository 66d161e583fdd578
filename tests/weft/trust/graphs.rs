//! Graphs that name the plugins they were made with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Home;
use crate::plugin;
use crate::program::{Said, golden, run, text_to_image};

/// A graph that makes `plain.png`, and with the probe `hooked.png`.
fn both() -> String {
    let nodes = r#"nodes: {
        "hook": (kind: "probe/Around", inputs: { "model": Link("model.model"), "mode": "twice" }),
        "sample2": (kind: "sampler/Sample", inputs: { "model": Link("hook.model"), "positive": Link("prompt.conditioning"), "latent": Link("latent.latent"), "steps": 2, "seed": 1 }),
        "decode2": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("sample2.latent") }),
        "save2": (kind: "image-io/SaveImage", inputs: { "image": Link("decode2.image"), "name": "hooked" }),"#;
    text_to_image().replace("nodes: {", nodes).replace("\"fox\"", "\"plain\"")
}

fn run_in(folder: &Path, graph: &Path, more: &[&str]) -> Said {
    let (graph, out) = (graph.display().to_string(), folder.join("out").display().to_string());
    let models = golden("plain").display().to_string();
    let start = ["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"];
    run(&[&start[..], more].concat())
}

/// The picture that the probe was needed for, and what the probe's library is.
fn made(folder: &Path) -> (PathBuf, String) {
    let plugins = plugin::plugins();
    let graph = folder.join("graph.ron");
    fs::write(&graph, both()).expect("a graph");
    let named = plugins.path().display().to_string();
    let said = run_in(folder, &graph, &["--plugins", &named]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let said = run(&["nodes", "--json", "--plugins", &named]);
    let nodes: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let mut plugins = nodes["plugins"].as_array().expect("a list").iter();
    let probe = plugins.find(|plugin| plugin["id"] == "probe").expect("it is loaded");
    (folder.join("out/hooked.png"), probe["sha256"].as_str().expect("a hash").to_owned())
}

#[test]
fn a_picture_names_the_plugins_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (picture, sha256) = made(folder.path());
    let graph = run(&["info", &picture.display().to_string()]).stdout;
    let version = env!("CARGO_PKG_VERSION");
    assert!(graph.contains(&format!("\"probe\": (version: \"{version}\", sha256: \"{sha256}\"),")), "{graph}");
    assert!(!graph.contains("\"sampler\": ("), "Weft's own are not named: {graph}");
}

#[test]
fn without_the_plugin_the_rest_runs_and_it_says_what_to_get() {
    let folder = tempfile::tempdir().expect("a folder");
    let (picture, sha256) = made(folder.path());
    let again = tempfile::tempdir().expect("a folder");
    let said = run_in(again.path(), &picture, &["--json"]);
    assert_eq!(said.code, Some(5), "{}", said.stderr);
    for part in ["`probe` is not loaded", "ask who made the graph", &sha256, "`save2` does not run"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
    let json: Value = serde_json::from_str(&said.stdout).expect("one JSON object");
    assert_eq!(json["errors"][0]["code"], 5);
    assert_eq!(json["files"][0]["node"], "save");
    assert!(again.path().join("out/plain.png").exists() && !again.path().join("out/hooked.png").exists());
    let said = run(&["check", &picture.display().to_string(), "--models", &golden("plain").display().to_string()]);
    assert_eq!(said.code, Some(5), "{}", said.stderr);

    // What nobody names may be a slip of the pen: then nothing runs.
    let graph = again.path().join("graph.ron");
    fs::write(&graph, both()).expect("a graph");
    let said = run_in(again.path(), &graph, &[]);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
}

#[test]
fn a_library_with_the_named_bytes_is_found_by_them() {
    let home = Home::new();
    let library = home.compile("1.0.0");
    home.run(&["plugin", "trust", "plugins"]);
    let sha256 = super::loaded(&home.list()).expect("it")["sha256"].as_str().expect("a hash").to_owned();
    home.run(&["plugin", "deny", "plugins"]);
    let other = home.path(&format!("plugins/libx.{}", std::env::consts::DLL_EXTENSION));
    fs::rename(library, &other).expect("another name");
    let graph = format!(
        "Graph(format: 1, nodes: {{ \"n\": (kind: \"broken/Node\") }}, plugins: {{ \"broken\": (sha256: \"{sha256}\") }})"
    );
    fs::write(home.path("graph.ron"), graph).expect("a graph");
    let said = home.with_plugins(&["check", "graph.ron"]);
    assert_eq!(said.code, Some(5), "{}", said.stderr);
    let command = format!("weft plugin trust '{}'", other.display());
    assert!(said.stderr.contains("you denied it on") && said.stderr.contains(&command), "{}", said.stderr);
}

#[test]
fn another_version_is_a_warning() {
    let home = Home::new();
    home.compile("2.0.0");
    home.run(&["plugin", "trust", "plugins"]);
    let graph = "Graph(format: 1, nodes: { \"n\": (kind: \"broken/Node\") },
        plugins: { \"broken\": (version: \"1.0.0\", sha256: \"abc\", from: \"a friend\") })\n";
    fs::write(home.path("graph.ron"), graph).expect("a graph");
    let said = home.with_plugins(&["check", "graph.ron", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("made with the plugin broken 1.0.0") && said.stderr.contains("2.0.0"),
        "{}",
        said.stderr
    );
    let json: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(1));
}
