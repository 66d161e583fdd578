//! Latents made larger and refined, through the whole program.

use std::path::Path;

use crate::program::{golden, run_well, tensors};

const METHODS: [&str; 3] = ["nearest", "linear", "cubic"];
const SCALES: [f64; 6] = [1.25, 1.75, 2.0, 2.5, 3.25, 4.0];
/// Which part of the larger latents the golden file has.
const PICTURE: usize = 1;
const CHANNELS: [usize; 3] = [0, 7, 15];

/// A graph that makes the golden latent larger in every way.
fn graph() -> String {
    let ways = METHODS.iter().flat_map(|method| SCALES.iter().map(move |scale| (method, scale)));
    let node = |(method, scale): (&&str, &f64)| {
        format!(
            r#""{}": (kind: "latent-upscale/UpscaleLatent", inputs: {{ "latent": Link("load.latent"),
                "method": "{method}", "scale": {scale:?} }}),"#,
            id(method, *scale)
        )
    };
    let load = r#""load": (kind: "sampler/LoadLatent", inputs: { "file": "upscale.safetensors" }),"#;
    format!("Graph(format: 1, nodes: {{ {load} {} }})", ways.map(node).collect::<String>())
}

fn id(method: &str, scale: f64) -> String {
    format!("{method}-{}", (scale * 100.0) as u32)
}

/// `[n, c, h, w]` of every method and scale.
fn upscaled(folder: &Path) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let path = folder.join("graph.ron");
    std::fs::write(&path, graph()).expect("a graph");
    let ways: Vec<_> = METHODS.iter().flat_map(|method| SCALES.map(|scale| (method, scale))).collect();
    let file = |method: &str, scale: f64| folder.join(id(method, scale));
    let dumps: Vec<String> = ways
        .iter()
        .map(|(method, scale)| format!("{}.latent={}", id(method, *scale), file(method, *scale).display()))
        .collect();
    let (graph, input) = (path.display().to_string(), golden("units").display().to_string());
    let mut arguments = vec!["run", &graph, "--input", &input, "--quiet", "--device", "cpu"];
    arguments.extend(dumps.iter().flat_map(|dump| ["--dump", dump]));
    run_well(&arguments);
    let read = |(method, scale): &(&&str, f64)| {
        let (shape, numbers) = tensors(&file(method, *scale)).remove("samples").expect("a latent");
        (format!("{method}.{scale:?}"), shape, numbers)
    };
    ways.iter().map(read).collect()
}

#[test]
fn latents_become_larger_as_torch_makes_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = tensors(&golden("units").join("upscale.safetensors"));
    for (name, shape, numbers) in upscaled(folder.path()) {
        let (golden_shape, golden) = &expected[&name];
        let [count, channels, height, width] = shape[..] else { panic!("{name}: {shape:?}") };
        assert_eq!((count, channels, &[height, width][..]), (2, 16, &golden_shape[1..]), "{name}");
        let size = height * width;
        let compared = CHANNELS.iter().flat_map(|channel| &numbers[(PICTURE * channels + channel) * size..][..size]);
        let worst = compared.zip(golden).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 2e-6, "{name}: {worst:e}");
    }
}

/// Two samplings with a larger latent between them, the second as these inputs say; LeMiCa computes every step.
fn refined(inputs: &str, model: &str) -> (Vec<usize>, Vec<f32>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (graph, file) = (folder.path().join("graph.ron"), folder.path().join("latent.safetensors"));
    let text = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model" }}),
            "cache": (kind: "sampler/LeMiCa", inputs: {{ "model": Link("model.model"), "mode": "budget", "budget": 99 }}),
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": "two dogs" }}),
            "latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": 96, "height": 64, "batch": 2 }}),
            "base": (kind: "sampler/Sample", inputs: {{ "model": Link("model.model"), "positive": Link("prompt.conditioning"),
                "latent": Link("latent.latent"), "steps": 2 }}),
            "larger": (kind: "latent-upscale/UpscaleLatent", inputs: {{ "latent": Link("base.latent"), "scale": 1.25 }}),
            "refine": (kind: "sampler/Sample", inputs: {{ "model": Link("{model}.model"), "positive": Link("prompt.conditioning"),
                "latent": Link("larger.latent"), "steps": 0, "denoise": 0.3, {inputs} }}),
        }})"#
    );
    std::fs::write(&graph, text).expect("a graph");
    let dump = format!("refine.latent={}", file.display());
    let (graph, models) = (graph.display().to_string(), golden("plain").display().to_string());
    let said = run_well(&["run", &graph, "--models", &models, "--device", "cpu", "--json", "--quiet", "--dump", &dump]);
    let said: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    // What the loader says of memory is another matter.
    let notes = said["notes"].as_array().expect("notes").iter().filter(|note| note["node"] != "model");
    let notes = notes.map(|note| note["text"].as_str().expect("text").to_owned());
    let (shape, numbers) = tensors(&file).remove("samples").expect("a latent");
    (shape, numbers, notes.collect())
}

#[test]
fn a_larger_latent_is_refined_whole_and_in_tiles() {
    let (shape, whole, notes) = refined(r#""tile": "off""#, "model");
    assert_eq!(shape, [2, 16, 10, 16]);
    let larger = "96×64 to 128×80 pixels: 120×80 rounded to multiples of 16";
    assert_eq!(notes, [larger, "3 steps: what denoise 0.3 leaves of 8"]);
    for one_tile in ["auto", "128", "1024"] {
        assert!(refined(&format!(r#""tile": "{one_tile}""#), "model").1 == whole, "{one_tile}: the same bytes");
    }
    let (shape, tiles, notes) = refined(r#""tile": "64""#, "model");
    assert_eq!(shape, [2, 16, 10, 16]);
    assert_eq!(notes.last().map(String::as_str), Some("128×80 in 6 tiles of 64"));
    let distance = crate::program::relative_l2(&tiles, &whole);
    assert!(distance > 0.0 && distance < 0.5, "{distance}");
    let (_, cached, notes) = refined(r#""tile": "64""#, "cache");
    assert!(notes.contains(&"LeMiCa computes 3 of 3 steps: 1 2 3".to_owned()), "{notes:?}");
    assert!(cached == tiles, "the same bytes where every step is computed");
}
