//! Progress and cancellation tile by tile: the refinement, both ways through the VAE, and the upscaler.

use rustix::process::{Pid, Signal, kill_process};

use crate::bad_input::{Place, Running};
use crate::program::{root, run_well};

/// The four nodes, each on its own.
const NODES: [&str; 4] = ["encode", "refine", "decode", "upscale"];

/// A graph of one of the four, in small tiles of `side`² pixels.
fn graph(at: &Place, node: &str, side: u32) -> Vec<String> {
    let picture = image::RgbImage::from_fn(side, side, |x, y| image::Rgb([(x / 2) as u8, (y / 2) as u8, 90]));
    picture.save(at.path("picture.png")).expect("the picture");
    let graph = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "demo" }}),
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": "a star" }}),
            "upscaler": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "demo_x4.safetensors" }}),
            "picture": (kind: "image-io/LoadImage", inputs: {{ "file": "picture.png" }}),
            "latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": {side}, "height": {side} }}),
            "encode": (kind: "vae/EncodeImage", inputs: {{ "vae": Link("model.vae"), "image": Link("picture.image"), "tile": "128" }}),
            "refine": (kind: "sampler/Sample", inputs: {{ "model": Link("model.model"), "positive": Link("prompt.conditioning"),
                "latent": Link("latent.latent"), "steps": 3, "tile": "64" }}),
            "decode": (kind: "vae/DecodeLatent", inputs: {{ "vae": Link("model.vae"), "latent": Link("latent.latent"), "tile": "128" }}),
            "upscale": (kind: "esrgan/UpscaleImage", inputs: {{
                "upscale_model": Link("upscaler.upscale_model"), "image": Link("picture.image"), "tile": 64, "overlap": 16 }}),
        }})"#
    );
    let output = if matches!(node, "encode" | "refine") { "latent" } else { "image" };
    let dump = format!("{node}.{output}={}", at.path("out.safetensors"));
    let models = root().join("models").display().to_string();
    let path = at.write("graph.ron", graph);
    ["run", &path, "--models", &models, "--device", "cpu", "--dump", &dump].map(str::to_owned).to_vec()
}

/// What a run has told of a node's progress: how much of how much.
fn told(stderr: &str, node: &str) -> Vec<(usize, usize)> {
    let begin = format!("  {node}: ");
    let numbers = |line: &str| {
        let (done, total) = line.split_once(&begin)?.1.split_once('/')?;
        Some((done.parse().ok()?, total.parse().ok()?))
    };
    stderr.lines().filter_map(numbers).collect()
}

/// 160² pixels are 2 × 2 tiles of 128, and 3 × 3 of 64.
#[test]
fn progress_moves_with_every_tile() {
    for node in NODES {
        let at = Place::new();
        let arguments = graph(&at, node, 160);
        let said = run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let mut told = told(&said.stderr, node);
        told.retain(|(done, _)| *done > 0);
        let total = told.first().expect("progress").1;
        assert_eq!(told, (1..=total).map(|done| (done, total)).collect::<Vec<_>>(), "{node}");
        let tiles = if matches!(node, "encode" | "decode") { 4 } else { 9 };
        assert_eq!(total % tiles, 0, "{node}: {total} for {tiles} tiles");
        assert!(node != "refine" || total == 3 * tiles, "{total} for 3 steps of {tiles} tiles");
    }
}

/// At 1024² pixels there are more than 80 tiles, so that most are still to come when the run is told to stop.
#[test]
fn a_run_stops_at_its_tile() {
    for node in NODES {
        let at = Place::new();
        let mut run = Running::start(&graph(&at, node, 1024));
        run.wait_for(&format!("  {node}: 1/"));
        let process = Pid::from_raw(run.child.id().try_into().expect("a process id")).expect("a process id");
        kill_process(process, Signal::INT).expect("it is ours");
        let said = run.end();
        assert_eq!(said.code, Some(130), "{node}: {}", said.stderr);
        let (done, total) = *told(&said.stderr, node).last().expect("progress");
        assert!(done < total && total > 80, "{node}: {done} of {total}");
        assert!(!std::path::Path::new(&at.path("out.safetensors")).exists(), "{node}");
    }
}
