//! A changed weight of a LoRA runs again what depends on it, and nothing else.

use std::path::Path;

use weft::engine::Engine;
use weft::graph::{Graph, Roots};

use super::goldens;
use crate::engine::{evaluated, follow, job_in, start};
use crate::program::golden;

const GRAPH: &str = r#"Graph(format: 1, nodes: {
    "model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),
    "first": (kind: "lora/ApplyLora", inputs: { "model": Link("model.model"), "file": "style.safetensors", "weight": 0.5 }),
    "second": (kind: "lora/ApplyLora", inputs: { "model": Link("first.model"), "file": "loha.safetensors" }),
    "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "a fox" }),
    "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 64, "height": 64 }),
    "sample": (kind: "sampler/Sample", inputs: { "model": Link("second.model"), "positive": Link("prompt.conditioning"), "latent": Link("latent.latent"), "steps": 2 }),
    "decode": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("sample.latent") }),
    "save": (kind: "image-io/SaveImage", inputs: { "image": Link("decode.image"), "name": "fox" }),
})"#;

fn run(engine: &mut Engine, graph: &Graph, output: &Path) -> Vec<String> {
    let roots = Roots { models: vec![golden("plain"), goldens("plain")], ..Roots::default() };
    let job = job_in(engine, graph, roots, output);
    engine.run(job);
    evaluated(&follow(engine).expect("the engine lives"))
}

#[test]
fn a_changed_weight_runs_what_depends_on_it() {
    let out = tempfile::tempdir().expect("a folder");
    let mut engine = start();
    let mut graph = Graph::parse(GRAPH, "the test's graph").expect("a graph");
    assert_eq!(run(&mut engine, &graph, out.path()).len(), 8);
    assert_eq!(run(&mut engine, &graph, out.path()), Vec::<String>::new(), "an identical run");
    graph.set("second.weight=-0.25").expect("an input");
    assert_eq!(run(&mut engine, &graph, out.path()), ["second", "sample", "decode", "save"], "the second weight");
    graph.set("first.weight=0.75").expect("an input");
    assert_eq!(
        run(&mut engine, &graph, out.path()),
        ["first", "second", "sample", "decode", "save"],
        "the first weight"
    );
    graph.set("prompt.text=a dog").expect("an input");
    assert_eq!(run(&mut engine, &graph, out.path()), ["prompt", "sample", "decode", "save"], "the prompt");
}
