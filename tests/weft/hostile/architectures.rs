//! Architectures that end the engine in the nodes of another plugin, which does not get the blame alone.

use std::path::Path;

use super::queue::{problem, start};
use super::{Fault, Where, folder_of};
use crate::bad_input::{Place, fault_of};

const BLAMED: &str = "at work was the plugin `esrgan 0.1.0`, with code of `hostile 0.1.0`";
const LOAD: &str = "node `load`";
const UPSCALE: &str = "node `upscale`";

/// `at` is what the weights ask for.
const fn deadly(at: &'static str, says: &'static [&'static str]) -> Fault {
    Fault { node: at, inputs: "", place: Where::Alone, code: 8, says }
}

const FAULTS: [Fault; 12] = [
    deadly("detect.fault", &[BLAMED, LOAD, "memory fault"]),
    deadly("detect.abort", &[BLAMED, LOAD, "it aborted"]),
    deadly("detect.exit", &[BLAMED, LOAD, "exited by itself with the code 0"]),
    deadly("detect.overflow", &[BLAMED, LOAD]),
    deadly("build.fault", &[BLAMED, UPSCALE, "memory fault"]),
    deadly("build.abort", &[BLAMED, UPSCALE, "it aborted"]),
    deadly("build.exit", &[BLAMED, UPSCALE, "exited by itself with the code 0"]),
    deadly("build.overflow", &[BLAMED, UPSCALE]),
    deadly("call.fault", &[BLAMED, UPSCALE, "memory fault"]),
    deadly("call.abort", &[BLAMED, UPSCALE, "it aborted"]),
    deadly("call.exit", &[BLAMED, UPSCALE, "exited by itself with the code 0"]),
    deadly("call.overflow", &[BLAMED, UPSCALE]),
];

/// Writes the weights that ask for it, and gives a graph of Weft's own nodes that use them.
fn graph(at: &str, folder: &Path) -> String {
    let file = folder.join("deadly.safetensors");
    let head = format!(r#"{{"hostile.{at}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    let bytes = [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), &[0; 4]].concat();
    std::fs::write(&file, bytes).expect("a file");
    format!(
        r#"Graph(format: 1, nodes: {{
            "image": (kind: "hostile/Image", inputs: {{ "what": "sound" }}),
            "load": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": {file:?} }}),
            "upscale": (kind: "esrgan/UpscaleImage",
                inputs: {{ "upscale_model": Link("load.upscale_model"), "image": Link("image.image") }}),
            "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("upscale.image"), "name": "large" }}),
        }})"#
    )
}

fn assert_none_fails(problem: impl Fn(usize, &Fault) -> Option<String>) {
    let told = |(index, fault): (usize, &Fault)| Some(format!("{}: {}", fault.node, problem(index, fault)?));
    let failed: Vec<String> = FAULTS.iter().enumerate().filter_map(told).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn their_plugin_is_named_in_the_queue_and_the_next_run_works() {
    let (plugins, out) = (folder_of("hostile"), tempfile::tempdir().expect("a folder"));
    let queue = start(plugins.path());
    assert_none_fails(|index, fault| problem(&queue, fault, &graph(fault.node, out.path()), out.path(), index));
}

#[test]
fn their_plugin_is_named_on_the_command_line() {
    let plugins = folder_of("hostile");
    assert_none_fails(|_, fault| {
        let place = Place::new();
        let graph = graph(fault.node, Path::new(&place.path("")));
        let more = vec!["--plugins".to_owned(), plugins.path().display().to_string()];
        let problem = fault_of(&place, &[place.run(&graph), more].concat(), fault.code, fault.says);
        problem.or_else(|| (!place.written().is_empty()).then(|| format!("{:?} is left", place.written())))
    });
}
