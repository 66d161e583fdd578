//! Upscalers against spandrel, on the small random networks of `tests/golden/esrgan` (see `tests/golden/README.md`).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use weft::engine::protocol::Event;
use weft::graph::{Graph, Roots};

use crate::engine::{evaluated, follow, job_in, start};
use crate::program::{golden, relative_l2, run_well, tensors};

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
            "{name}-save": (kind: "image-io/{}", inputs: {{ "image": Link("{name}-large.image") {} }}),"#,
            // A picture of one colour is not saved.
            if *name == "dot" { "PreviewImage" } else { "SaveImage" },
            if *name == "dot" { String::new() } else { format!(r#", "name": "{name}""#) },
        )
    };
    let nodes: String = PICTURES.iter().map(one).collect();
    format!(
        r#"Graph(format: 1, nodes: {{ "model": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "{file}" }}), {nodes} }})"#
    )
}

/// Runs such a graph in `out`: the numbers of each picture.
fn upscale(out: &Path, file: &str, inputs: &str) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let at = |name: &str| out.join(name).display().to_string();
    let graph_file = at("graph.ron");
    std::fs::write(&graph_file, graph(file, inputs)).expect("the graph");
    let folder = golden("esrgan");
    link_models(out);
    let (models, input) = (at("models"), folder.display().to_string());
    let dumps = PICTURES.map(|name| format!("{name}-large.image={}", at(&format!("{name}.safetensors"))));
    let (out_folder, [a, b, c]) = (at("out"), &dumps);
    run_well(&[
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
    PICTURES.iter().map(|name| ((*name).to_owned(), numbers(name))).collect()
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
    faults_of(&format!("{}.safetensors", case.name), case, scale, ending)
}

/// The same, of a file that holds the network of a case.
fn faults_of(file: &str, case: &Case, scale: f64, ending: &str) -> Vec<String> {
    let out = tempfile::tempdir().expect("a folder");
    let found = upscale(out.path(), file, &format!(r#""scale": {scale:?}"#));
    let expected = tensors(&golden("esrgan").join(format!("{}.safetensors", case.name)));
    let fault = |name: &&str| {
        let ((shape, numbers), (wanted_shape, wanted)) = (&found[*name], &expected[&format!("{name}{ending}")]);
        assert_eq!(shape, wanted_shape, "{} {name}{ending}", case.name);
        let error = relative_l2(numbers, wanted);
        println!("{} {name}{ending}: {error:.1e}", case.name);
        let saved = out.path().join(format!("out/{name}.png"));
        let levels = if *name == "dot" { 0 } else { levels(&saved, wanted) };
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

/// An archive with `params` beside `params_ema`, and a bare pickle with a `state_dict`.
#[test]
fn files_of_torch_hold_the_same_networks() {
    let cases = cases();
    let eight = cases.iter().filter(|case| ["old-8x", "new-8x"].contains(&case.name.as_str()));
    let wrong: Vec<String> =
        eight.flat_map(|case| faults_of(&format!("{}.pth", case.name), case, 4.0, "@4.0")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Waves and edges, so large that there are several tiles.
fn large_picture(folder: &Path, width: u32, height: u32) {
    let pixel = |x: u32, y: u32| {
        let wave = |step: f64| (120.0 + 100.0 * ((f64::from(x) / step).sin() * (f64::from(y) / 7.0).cos())) as u8;
        image::Rgba([
            wave(5.0),
            wave(9.0),
            if (x / 8 + y / 8).is_multiple_of(2) { 240 } else { 30 },
            (x * 255 / width) as u8,
        ])
    };
    image::RgbaImage::from_fn(width, height, pixel).save(folder.join("large.png")).expect("a picture");
}

/// The numbers of a large picture that was upscaled with these inputs, and what is saved with its mask.
fn tiled(out: &Path, file: &str, inputs: &str) -> (Vec<usize>, Vec<f32>) {
    link_models(out);
    large_picture(out, 170, 133);
    let graph = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "{file}" }}),
            "load": (kind: "image-io/LoadImage", inputs: {{ "file": "large.png" }}),
            "large": (kind: "esrgan/UpscaleImage", inputs: {{
                "upscale_model": Link("model.upscale_model"), "image": Link("load.image"), "mask": Link("load.mask"), {inputs} }}),
            "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("large.image"), "mask": Link("large.mask") }}) }})"#
    );
    let at = |name: &str| out.join(name).display().to_string();
    std::fs::write(at("graph.ron"), graph).expect("the graph");
    let dump = format!("large.image={}", at("large.safetensors"));
    let (graph, models, pictures) = (at("graph.ron"), at("models"), at("out"));
    run_well(&["run", &graph, "--models", &models, "-o", &pictures, "--device", "cpu", "--quiet", "--dump", &dump]);
    tensors(&out.join("large.safetensors")).remove("image").expect("an image")
}

/// `old-4x` sees 35 pixels to each side, the others less; the second's tiles begin at multiples of four.
#[test]
fn tiles_that_overlap_by_the_receptive_field_give_the_whole_picture() {
    for (file, scale, overlap) in [("old-4x", 2.0, 70), ("unshuffle-2x", 2.0, 80)] {
        let out = tempfile::tempdir().expect("a folder");
        let run = |inputs: &str| {
            tiled(out.path(), &format!("{file}.safetensors"), &format!(r#""scale": {scale:?}, {inputs}"#))
        };
        let (shape, whole) = run(r#""tile": 4096"#);
        assert_eq!(shape, [1, (133.0 * scale + 0.5) as usize, (170.0 * scale) as usize, 3]);
        let (_, tiles) = run(&format!(r#""tile": {}, "overlap": {overlap}"#, overlap.max(64) + 24));
        let off = whole.iter().zip(&tiles).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{file}: {off:.1e}");
        assert!(off * 255.0 <= 0.01, "{file}: {off}");
    }
}

/// With the overlap that is asked for where nothing is said.
#[test]
fn tiles_that_overlap_by_less_show_no_seam() {
    let out = tempfile::tempdir().expect("a folder");
    for file in ["old-4x.safetensors", "old-2x.safetensors"] {
        let (_, whole) = tiled(out.path(), file, r#""scale": 2.0, "tile": 4096"#);
        let (_, tiles) = tiled(out.path(), file, r#""scale": 2.0, "tile": 64"#);
        let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        let error = whole.iter().zip(&tiles).map(square).sum::<f64>() / whole.len() as f64;
        let psnr = -10.0 * error.log10();
        println!("{file}: {psnr:.1} dB");
        assert!(psnr >= 50.0 && error > 0.0, "{file}: {psnr} dB");
    }
}

#[test]
fn transparency_is_kept() {
    let out = tempfile::tempdir().expect("a folder");
    tiled(out.path(), "old-2x.safetensors", r#""scale": 2.0"#);
    let pixels = image::open(out.path().join("out/image.png")).expect("a picture");
    assert_eq!((pixels.width(), pixels.height(), pixels.color().has_alpha()), (340, 266, true));
    let pixels = pixels.to_rgba8();
    let off = |x: u32, y: u32| i32::from(pixels.get_pixel(x, y)[3]) - (x as i32 / 2) * 255 / 170;
    assert!((4..336).all(|x| off(x, 100).abs() <= 2), "{:?}", (0..340).map(|x| off(x, 100)).collect::<Vec<_>>());
}

/// The network stays with the loader's output, which the engine keeps: another scale reads nothing.
#[test]
fn an_upscaler_is_read_once_an_engine() {
    let out = tempfile::tempdir().expect("a folder");
    link_models(out.path());
    let mut engine = start();
    let mut run = |scale: f64| {
        let text = graph("old-4x.safetensors", &format!(r#""scale": {scale:?}"#));
        let graph = Graph::parse(&text, "the test's graph").expect("a graph");
        let roots =
            Roots { models: vec![out.path().join("models")], inputs: vec![golden("esrgan")], ..Roots::default() };
        let job = job_in(&engine, &graph, roots, &out.path().join("out"));
        engine.run(job);
        let events = follow(&mut engine).expect("the engine lives");
        let read = events.iter().filter(|event| matches!(event, Event::Loading { .. })).count();
        (evaluated(&events).contains(&"model".to_owned()), evaluated(&events).contains(&"odd-large".to_owned()), read)
    };
    let (loaded, upscaled, read) = run(4.0);
    assert!(loaded && upscaled && read > 0);
    assert_eq!(run(2.0), (false, true, 0));
}
