//! Pictures carry their graph, whatever their format, and run again.

use std::path::{Path, PathBuf};

use weft::graph::Graph;

use crate::program::{golden, root, run, run_well, text_to_image};

/// The usual graph with this prompt, saved in this format, in the form in which Weft writes graphs.
fn graph(prompt: &str, format: &str) -> String {
    let text = format!("// Made by a test.\n{}", text_to_image().replace("a red fox in the snow", prompt));
    let mut graph = Graph::parse(&text, "the graph").expect("a graph");
    graph.set(&format!("save.format={format}")).expect("an input");
    graph.set("sample.steps=1").expect("an input");
    graph.to_ron()
}

/// The picture that a graph or a picture makes.
fn picture_of(graph: &Path, out: &Path) -> PathBuf {
    let [graph, models, out] = [graph, &golden("plain"), out].map(|path| path.display().to_string());
    let said = run_well(&["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"]);
    PathBuf::from(said.stdout.trim())
}

fn info(picture: &Path) -> String {
    let said = run_well(&["info", &picture.display().to_string(), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    json["graph"].as_str().expect("a text").to_owned()
}

#[test]
fn every_format_gives_its_graph_back_and_runs_again() {
    for prompt in ["a red fox", "ein Füchslein 🦊 im Schnee"] {
        for (format, ending) in [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")] {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("graph.ron");
            let text = graph(prompt, format);
            std::fs::write(&file, &text).expect("the graph");
            let picture = picture_of(&file, &folder.path().join("first"));
            assert!(picture.extension().is_some_and(|found| found == ending), "{}", picture.display());
            assert_eq!(info(&picture), text, "{format}");
            let again = picture_of(&picture, &folder.path().join("second"));
            let bytes = |path: &Path| std::fs::read(path).expect("a picture");
            assert!(bytes(&picture) == bytes(&again), "{format} came out otherwise");
        }
    }
}

/// `graphs/pictures` makes them again after a graph was changed.
#[test]
fn pictures_of_the_graphs_hold_them() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("graphs")).expect("graphs").flatten() {
        let path = entry.path();
        let picture = path.with_extension("png");
        if path.extension().is_none_or(|ending| ending != "ron") || !picture.exists() {
            continue;
        }
        let inside = Graph::parse(&info(&picture), "inside").expect("a graph");
        assert_eq!(inside.nodes, Graph::open(&path).expect("a graph").nodes, "run graphs/pictures");
        seen += 1;
    }
    assert_eq!(seen, 7);
}

/// The parameters that our own pictures bring for other programs are read as theirs would be.
#[test]
fn parameters_alone_are_a_prompt() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("graph.ron");
    std::fs::write(&file, graph("a red fox", "png")).expect("the graph");
    let picture = picture_of(&file, &folder.path().join("out"));
    let mut bytes = std::fs::read(&picture).expect("a picture");
    // Another keyword for the graph. The chunk's checksum is wrong then, and the chunk is passed over.
    let at = bytes.windows(9).position(|part| part == b"iTXtweft\0").expect("the graph's chunk");
    bytes[at + 4..at + 8].copy_from_slice(b"Xxxx");
    std::fs::write(&picture, bytes).expect("a picture");
    let weft::picture::Found::Prompt(prompt) = weft::picture::found_in(&picture).expect("a prompt") else {
        panic!("no prompt")
    };
    assert_eq!((prompt.prompt.as_str(), prompt.steps, prompt.seed), ("a red fox", Some(1), Some(1)));
    assert_eq!((prompt.guidance, prompt.width, prompt.tool), (Some(0.0), Some(64), "Weft"));
    let said = run(&["run", &picture.display().to_string()]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(said.stderr.contains("holds no graph, but a prompt"), "{}", said.stderr);
}
