//! Single facts that everything else rests on, through the program's own nodes.

use crate::program::{golden, run_well, tensors};

/// A seed gives the same noise on every machine: MLX's counter-based generator, one key a picture.
#[test]
fn noise_is_mlx_counter_based_random_numbers() {
    let expected = tensors(&golden("plain").join("pair.noise.safetensors"));
    let (shape, expected) = &expected["samples"];
    let out = tempfile::tempdir().expect("a folder");
    let graph = out.path().join("noise.ron");
    // At denoise 1 the first latent is the noise; with σ₁ = 1 and no step taken nothing else is in it.
    let text = r#"Graph(format: 1, nodes: {
        "model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),
        "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "two dogs" }),
        "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 80, "height": 64, "batch": 2 }),
        "noise": (kind: "sampler/LoadLatent", inputs: { "file": "pair.noise.safetensors" }),
        "drawn": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("latent.latent"), "steps": 4, "seed": 21, "stop_after": 1 }),
        "given": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("latent.latent"), "steps": 4, "seed": 0, "noise": Link("noise.latent"), "stop_after": 1 }),
    })"#;
    std::fs::write(&graph, text).expect("the graph");
    let folder = golden("plain").display().to_string();
    let file = |name: &str| out.path().join(name);
    let dumps = ["drawn", "given"].map(|name| format!("{name}.latent={}", file(name).display()));
    let graph = graph.display().to_string();
    run_well(&[
        "run", &graph, "--models", &folder, "--input", &folder, "--quiet", "--dump", &dumps[0], "--dump", &dumps[1],
        "--device", "cpu",
    ]);
    let (drawn, given) = (tensors(&file("drawn")), tensors(&file("given")));
    assert_eq!(&drawn["samples"].0, shape);
    assert_eq!(drawn["samples"], given["samples"], "seed 21 draws other noise than MLX");
    assert_ne!(&drawn["samples"].1, expected, "no step was taken");
}
