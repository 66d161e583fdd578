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
