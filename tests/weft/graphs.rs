//! The graphs that people meet first, with the model that ships.

use std::path::{Path, PathBuf};

use crate::program::{root, run, run_well};

fn graphs() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("graphs")).expect("graphs");
    let mut paths: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "ron"));
    paths.sort();
    paths
}

/// The one that needs the released weights, which do not ship.
const RELEASED: &str = "z-image-turbo.ron";

/// Of the picture that a graph makes.
fn size(path: &Path) -> (u32, u32) {
    let upscaled = ["esrgan.ron", "pipeline.ron"].iter().any(|name| path.ends_with(name));
    if upscaled { (512, 512) } else { (128, 128) }
}

#[test]
fn every_graph_with_the_demo_model_makes_its_picture() {
    let out = tempfile::tempdir().expect("a folder");
    let models = root().join("models").display().to_string();
    let mut made = 0;
    for path in graphs().iter().filter(|path| !path.ends_with(RELEASED)) {
        let folder = out.path().join(path.file_stem().expect("a name")).display().to_string();
        let said = run_well(&["run", &path.display().to_string(), "--models", &models, "-o", &folder, "--quiet"]);
        let picture = said.stdout.lines().last().expect("the picture's path");
        let picture = image::open(picture).expect("a picture").to_rgb8();
        assert_eq!(picture.dimensions(), size(path), "{}", path.display());
        made += 1;
    }
    assert!(made >= 3, "only {made} graphs were run");
}

/// Without its model the graph is right but for that one file, and the message says so. The name is changed because
/// who runs this may have the weights.
#[test]
fn the_graph_of_the_released_model_needs_nothing_but_the_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(root().join("graphs").join(RELEASED)).expect("the graph");
    let graph = folder.path().join("graph.ron");
    std::fs::write(&graph, text.replace("\"z-image-turbo\"", "\"nobody-has-this\"")).expect("the graph");
    let said = run(&["check", &graph.display().to_string()]);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert_eq!(said.stderr.matches("error:").count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("nobody-has-this"), "{}", said.stderr);
}

#[test]
fn every_graph_says_at_its_top_what_it_shows() {
    for path in graphs() {
        let text = std::fs::read_to_string(&path).expect("a graph");
        assert!(text.starts_with("// "), "{} opens without a comment", path.display());
    }
}
