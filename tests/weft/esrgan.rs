//! Upscalers against spandrel, on the small random networks of `tests/golden/esrgan` (see `tests/golden/README.md`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::program::{Said, golden, relative_l2, run_well, tensors};

/// Relative L2 against spandrel in float32, whose numbers Pillow resized where `resized` says so.
const EXACT: f64 = 2e-5;
/// Of 255.
const LEVELS: i16 = 1;
const PICTURES: [&str; 3] = ["picture", "odd", "dot"];

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    scale: f64,
    resized: Vec<f64>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read(golden("esrgan/cases.json")).expect("cases");
    serde_json::from_slice(&text).expect("cases")
}

/// A graph that upscales every picture by an upscaler, with these inputs.
fn graph(file: &str, inputs: &str) -> String {
    let one = |name: &&str| {
        format!(
            r#""{name}": (kind: "image-io/LoadImage", inputs: {{ "file": "{name}.png" }}),
            "{name}-large": (kind: "esrgan/UpscaleImage", inputs: {{
                "upscale_model": Link("model.upscale_model"), "image": Link("{name}.image"), "mask": Link("{name}.mask"), {inputs} }}),
            "{name}-save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("{name}-large.image"), "name": "{name}" }}),"#
        )
    };
    let nodes: String = PICTURES.iter().map(one).collect();
    format!(
        r#"Graph(format: 1, nodes: {{ "model": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "{file}" }}), {nodes} }})"#
    )
}

/// Runs such a graph in `out`: what it said, and the numbers of each picture.
fn upscale(out: &Path, file: &str, inputs: &str) -> (Said, BTreeMap<String, (Vec<usize>, Vec<f32>)>) {
    let at = |name: &str| out.join(name).display().to_string();
    let graph_file = at("graph.ron");
    std::fs::write(&graph_file, graph(file, inputs)).expect("the graph");
    let folder = golden("esrgan");
    link_models(out);
    let (models, input) = (at("models"), folder.display().to_string());
    let dumps = PICTURES.map(|name| format!("{name}-large.image={}", at(&format!("{name}.safetensors"))));
    let (out_folder, [a, b, c]) = (at("out"), &dumps);
    let said = run_well(&[
        "run",
        &graph_file,
        "--models",
        &models,
        "--input",
        &input,
        "-o",
        &out_folder,
        "--device",
        "cpu",
        "--dump",
        a,
        "--dump",
        b,
        "--dump",
        c,
    ]);
    let numbers = |name: &str| tensors(&out.join(format!("{name}.safetensors"))).remove("image").expect("an image");
    (said, PICTURES.iter().map(|name| ((*name).to_owned(), numbers(name))).collect())
}

fn link_models(out: &Path) {
    std::fs::create_dir_all(out.join("models")).expect("a folder");
    let target = out.join("models/upscale_models");
    if !target.exists() {
        std::os::unix::fs::symlink(golden("esrgan/models"), target).expect("a link");
    }
}

/// What is wrong with a run's pictures.
fn faults(case: &Case, scale: f64, ending: &str) -> Vec<String> {
    let out = tempfile::tempdir().expect("a folder");
    let (_, found) = upscale(out.path(), &format!("{}.safetensors", case.name), &format!(r#""scale": {scale:?}"#));
    let expected = tensors(&golden("esrgan").join(format!("{}.safetensors", case.name)));
    let fault = |name: &&str| {
        let ((shape, numbers), (wanted_shape, wanted)) = (&found[*name], &expected[&format!("{name}{ending}")]);
        assert_eq!(shape, wanted_shape, "{} {name}{ending}", case.name);
        let error = relative_l2(numbers, wanted);
        println!("{} {name}{ending}: {error:.1e}", case.name);
        let levels = levels(&out.path().join(format!("out/{name}.png")), wanted);
        // Not `error > limit`: a NaN must fail too.
        let is_right = error <= EXACT && levels <= LEVELS;
        (!is_right).then(|| format!("{} {name}{ending} is {error:.2e} off, and {levels} levels", case.name))
    };
    PICTURES.iter().filter_map(fault).collect()
}

/// How many levels a picture is off at most.
fn levels(picture: &Path, numbers: &[f32]) -> i16 {
    let pixels = image::open(picture).expect("a picture").to_rgb8();
    let level = |number: &f32| (number.clamp(0.0, 1.0) * 255.0).round() as i16;
    pixels.iter().zip(numbers).map(|(a, b)| (i16::from(*a) - level(b)).abs()).max().unwrap_or(i16::MAX)
}

#[test]
fn every_layout_and_factor_is_spandrel_s() {
    let cases = cases();
    // The node makes pictures at most four times as large: the networks of eight are seen in the next test.
    let wrong: Vec<String> =
        cases.iter().filter(|case| case.scale <= 4.0).flat_map(|case| faults(case, case.scale, "")).collect();
    assert!(cases.len() >= 11 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn another_size_is_the_network_s_output_resampled() {
    let cases = cases();
    let resized = cases.iter().flat_map(|case| case.resized.iter().map(move |scale| (case, *scale)));
    let wrong: Vec<String> = resized.flat_map(|(case, scale)| faults(case, scale, &format!("@{scale:?}"))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
