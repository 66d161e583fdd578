//! Cancels at random moments of everything that takes time, and what comes after them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use weft::engine::Engine;
use weft::engine::protocol::{Event, Job};
use weft::graph::{Graph, Roots};

use crate::bad_input::Place;
use crate::engine::{forget, job_in, start};
use crate::faults::{moment, rounds};
use crate::program::{golden, root, tree};

/// Longer than any of these runs takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Loads, encodes text and a picture, merges, samples, decodes and upscales: with the models that ship.
const EVERYTHING: &str = r#"Graph(format: 1, nodes: {
    "model": (kind: "model-loader/LoadModel", inputs: { "path": "demo" }),
    "other": (kind: "model-loader/LoadDiffusionModel", inputs: { "path": "demo/transformer" }),
    "merge": (kind: "model-merge/WeightedSum", inputs: { "a": Link("model.model"), "b": Link("other.model"), "alpha": 0.25 }),
    "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "a red star" }),
    "load": (kind: "image-io/LoadImage", inputs: { "file": "square.png" }),
    "encode": (kind: "vae/EncodeImage", inputs: { "vae": Link("model.vae"), "image": Link("load.image") }),
    "sample": (kind: "sampler/Sample", inputs: { "model": Link("merge.model"), "positive": Link("prompt.conditioning"),
        "latent": Link("encode.latent"), "steps": 6, "seed": 1 }),
    "decode": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("sample.latent") }),
    "upscaler": (kind: "esrgan/LoadUpscaler", inputs: { "file": "demo_x4.safetensors" }),
    "large": (kind: "esrgan/UpscaleImage", inputs: { "upscale_model": Link("upscaler.upscale_model"), "image": Link("decode.image") }),
    "save": (kind: "image-io/SaveImage", inputs: { "image": Link("large.image"), "name": "star" }),
    "mix": (kind: "model-merge/SaveModel", inputs: { "model": Link("merge.model"), "name": "mix" }),
})"#;

fn job(engine: &Engine, output: &Path) -> Job {
    std::fs::create_dir_all(output).expect("a folder");
    let graph = Graph::parse(EVERYTHING, "the test's graph").expect("a graph");
    let roots = Roots { models: vec![root().join("models")], inputs: vec![golden("plain")], ..Roots::default() };
    job_in(engine, &graph, roots, output)
}

/// Runs it, with a cancel after `cancel`; whether it came to its end, and which node was under way when it was cancelled.
fn run(engine: &mut Engine, output: &Path, cancel: Option<Duration>) -> (bool, String) {
    let job = job(engine, output);
    let (begin, mut cancel, mut node, mut whole) = (Instant::now(), cancel, String::new(), true);
    engine.run(job);
    loop {
        if cancel.is_some_and(|after| begin.elapsed() >= after) {
            cancel = None;
            engine.cancel();
        }
        match engine.next(Duration::from_millis(1)).expect("the engine lives") {
            Some(Event::Started { node: started }) => node = started,
            Some(Event::Failed { node, error }) => panic!("{node}: {error}"),
            Some(Event::Cancelled) => whole = false,
            Some(Event::Finished { .. }) => return (whole, node),
            _ => assert!(begin.elapsed() < PATIENCE, "no end"),
        }
    }
}

#[test]
fn after_cancels_at_any_moment_a_run_gives_the_bytes_of_a_clean_one() {
    let at = Place::new();
    let out = |name: &str| PathBuf::from(at.path(name));
    let clean = out("clean");
    let begin = Instant::now();
    assert!(run(&mut start(), &clean, None).0);
    let span = begin.elapsed();
    let (mut engine, times, mut stopped) = (start(), rounds(12), BTreeMap::new());
    for round in 0..times {
        let output = out(&round.to_string());
        let (whole, node) = run(&mut engine, &output, Some(moment(span)));
        *stopped.entry(if whole { "nothing: it was at its end".to_owned() } else { node }).or_insert(0) += 1;
        let left = tree(&output).into_keys().collect::<Vec<_>>();
        assert!(left.iter().all(|name| !name.contains(".weft-tmp-")), "round {round}: {left:?}");
        // Half of them go on with what the run before had made.
        if round % 2 == 0 {
            forget(&mut engine);
        }
    }
    eprintln!("{times} cancels, during {stopped:?}");
    for name in ["with", "without"] {
        let output = out(name);
        assert!(run(&mut engine, &output, None).0);
        assert!(tree(&output) == tree(&clean), "{name} what the cancelled runs had made: other bytes");
        forget(&mut engine);
    }
}
