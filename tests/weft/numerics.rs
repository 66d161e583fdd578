//! Numbers that are none never become a picture, and the same graph gives the same bytes wherever it runs.

use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use weft::engine::Engine;
use weft::engine::protocol::Event;
use weft::graph::Graph;

use crate::bad_input::{Place, fault_of};
use crate::engine::{follow, forget, job, start};
use crate::program::{golden, run_well, text_to_image};

/// Puts a number into the middle of each float32 tensor of a file whose name holds `part`.
fn spoil(at: &Place, file: &str, part: &str, number: f32) {
    let path = at.path(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let all: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, view)| {
            let mut data = view.data().to_vec();
            if name.contains(part) && view.dtype() == Dtype::F32 {
                let middle = data.len() / 8 * 4;
                data[middle..middle + 4].copy_from_slice(&number.to_le_bytes());
            }
            (name.to_owned(), view.dtype(), view.shape().to_vec(), data)
        })
        .collect();
    let views = all.iter().map(|(name, dtype, shape, data)| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), data).expect("as many bytes as before"))
    });
    at.write(file, safetensors::serialize(views, None).expect("a file"));
}

/// Parts of a model with the file of each and tensors that every run uses, and the node that tells of them.
const PARTS: [(&str, &str, &str); 4] = [
    ("models/model/transformer/diffusion_pytorch_model.safetensors", "layers.0.attention.to_q", "sample"),
    ("models/model/transformer/diffusion_pytorch_model.safetensors", "final_layer", "sample"),
    ("models/model/text_encoder/model.safetensors", "layers.0.self_attn.o_proj", ""),
    ("models/model/vae/diffusion_pytorch_model.safetensors", "decoder.conv_in", "decode"),
];

#[test]
fn weights_that_are_no_numbers_draw_nothing() {
    let mut failed = Vec::new();
    for (file, part, node) in PARTS {
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let at = Place::new();
            let arguments = at.own_model("plain");
            spoil(&at, file, part, number);
            let node = format!("node `{node}");
            let fault = fault_of(&at, &arguments, 8, &["not finite", &node]);
            let left = (!at.written().is_empty()).then(|| "a picture".to_owned());
            failed.extend(fault.or(left).map(|why| format!("{part} {number}: {why}")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn latents_that_are_no_numbers_draw_nothing() {
    for number in [f32::NAN, f32::INFINITY] {
        let at = Place::new();
        let numbers: Vec<u8> = (0..16 * 64).flat_map(|i| if i == 77 { number } else { 0.1 }.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![1, 16, 8, 8], &numbers).expect("a latent");
        at.write("latent.safetensors", safetensors::serialize([("samples", view)], None).expect("a file"));
        let graph = r#"Graph(format: 1, nodes: {
            "model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),
            "latent": (kind: "sampler/LoadLatent", inputs: { "file": "latent.safetensors" }),
            "decode": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("latent.latent") }),
            "save": (kind: "image-io/SaveImage", inputs: { "image": Link("decode.image"), "name": "fox" }) })"#;
        let fault = fault_of(&at, &at.run(graph), 8, &["not finite", "node `latent`"]);
        assert!(fault.is_none() && at.written().is_empty(), "{number}: {fault:?}");
    }
}

/// One run in this engine, into a folder of its own, and its picture.
fn picture(engine: &mut Engine, at: &Place, round: &str) -> Vec<u8> {
    let out = at.path(&format!("out/{round}"));
    std::fs::create_dir_all(&out).expect("a folder");
    let graph = Graph::parse(&text_to_image(), "the test's graph").expect("a graph");
    let job = job(engine, &graph, Path::new(&out));
    engine.run(job);
    follow(engine).expect("the engine lives");
    std::fs::read(Path::new(&out).join("fox.png")).expect("a picture")
}

/// A run of something else, which is cancelled at its first step where `cancel` says so.
fn something_else(engine: &mut Engine, at: &Place, seed: u32, cancel: bool) {
    let mut graph = Graph::parse(&text_to_image(), "the test's graph").expect("a graph");
    let steps = if cancel { 1000 } else { 2 };
    let size = 48 + 16 * (seed % 4);
    for set in [format!("sample.seed={seed}"), format!("sample.steps={steps}"), format!("latent.width={size}")] {
        graph.set(&set).expect("a node");
    }
    let job = job(engine, &graph, Path::new(&at.path("out/other")));
    engine.run(job);
    while cancel && !matches!(engine.next(std::time::Duration::from_secs(120)), Ok(Some(Event::Progress { .. }))) {}
    if cancel {
        engine.cancel();
    }
    follow(engine).expect("the engine lives");
}

/// Four fresh processes, eight times after another run and eight times after a cancelled one.
#[test]
fn the_same_bytes_twenty_times() {
    let at = Place::new();
    std::fs::create_dir_all(at.path("out/other")).expect("a folder");
    let graph = at.write("graph.ron", text_to_image());
    let models = golden("plain").display().to_string();
    let fresh = |round: u32| {
        let out = at.path(&format!("out/fresh-{round}"));
        run_well(&["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"]);
        std::fs::read(Path::new(&out).join("fox.png")).expect("a picture")
    };
    let mut pictures: Vec<Vec<u8>> = (0..4).map(fresh).collect();
    let mut engine = start();
    for round in 0..16 {
        something_else(&mut engine, &at, 100 + round, round % 2 == 1);
        if round % 4 < 2 {
            forget(&mut engine);
        }
        pictures.push(picture(&mut engine, &at, &round.to_string()));
        forget(&mut engine);
    }
    // What the engine writes holds the graph as the client of the test made it: the pixels are what is compared there.
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).expect("a picture").to_rgb8().into_raw();
    assert!(pictures[..4].iter().all(|bytes| *bytes == pictures[0]), "fresh processes");
    assert!(pictures[4..].iter().all(|bytes| *bytes == pictures[4]), "one engine");
    assert_eq!(pixels(&pictures[0]), pixels(&pictures[4]));
    assert_eq!(pictures.len(), 20);
}
