//! Every stage against diffusers, on the small random models of `tests/golden` (its README says how they were made).

use std::path::Path;

use serde::Deserialize;

use crate::program::{golden, relative_l2, run_well, tensors};

/// Relative L2 against the reference in float32.
pub const EMBEDS: f64 = 5e-6;
const STEP_1: f64 = 1e-6;
pub const FINAL: f64 = 3e-5;
const ENCODED: f64 = 2e-5;
/// Of 255.
const LEVELS: i16 = 1;

#[derive(Debug, Deserialize)]
struct Cases {
    cases: Vec<Case>,
    encode: Option<Encode>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    prompt: String,
    negative: Option<String>,
    guidance: f64,
    width: u32,
    height: u32,
    steps: u32,
    images: u32,
    shift: f64,
    denoise: f64,
    noise: String,
    tensors: String,
    pictures: Vec<String>,
    encoded: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Encode {
    file: String,
    images: std::collections::BTreeMap<String, String>,
}

impl Case {
    fn graph(&self, stop_after: u32) -> String {
        let Self { width, height, steps, images, shift, denoise, guidance, .. } = self;
        let text = |text: &str| serde_json::to_string(text).expect("text");
        let negative = if *guidance > 0.0 {
            format!(
                r#""negative": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": {} }}),"#,
                text(self.negative.as_deref().unwrap_or(""))
            )
        } else {
            String::new()
        };
        let negative_link = if *guidance > 0.0 { r#""negative": Link("negative.conditioning"),"# } else { "" };
        let latent = self.encoded.as_ref().map_or_else(
            || format!(r#""latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": {width}, "height": {height}, "batch": {images} }}),"#),
            |file| format!(r#""latent": (kind: "sampler/LoadLatent", inputs: {{ "file": {} }}),"#, text(file)),
        );
        format!(
            r#"Graph(format: 1, nodes: {{
                "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model" }}),
                "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": {} }}),
                {negative} {latent}
                "noise": (kind: "sampler/LoadLatent", inputs: {{ "file": {} }}),
                "sample": (kind: "sampler/Sample", inputs: {{
                    "model": Link("model.model"), "positive": Link("prompt.conditioning"), {negative_link}
                    "latent": Link("latent.latent"), "noise": Link("noise.latent"), "steps": {steps},
                    "guidance": {guidance:?}, "shift": {shift:?}, "denoise": {denoise:?}, "stop_after": {stop_after} }}),
                "decode": (kind: "vae/DecodeLatent", inputs: {{ "vae": Link("model.vae"), "latent": Link("sample.latent") }}),
                "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("decode.image"), "name": "picture" }}),
            }})"#,
            text(&self.prompt),
            text(&self.noise),
        )
    }
}

fn check(variant: &str) {
    let folder = golden(variant);
    let cases: Cases =
        serde_json::from_slice(&std::fs::read(folder.join("cases.json")).expect("cases")).expect("cases");
    assert!(!cases.cases.is_empty());
    let mut wrong = Vec::new();
    for case in &cases.cases {
        check_case(&folder, case, &mut wrong);
    }
    if let Some(encode) = &cases.encode {
        check_encode(&folder, encode, &mut wrong);
    }
    assert!(wrong.is_empty(), "{variant}:\n{}", wrong.join("\n"));
}

fn check_case(folder: &Path, case: &Case, wrong: &mut Vec<String>) {
    let out = tempfile::tempdir().expect("a folder");
    let run = |stop_after: u32, name: &str| {
        let graph = out.path().join(format!("{name}.ron"));
        std::fs::write(&graph, case.graph(stop_after)).expect("the graph");
        let dump = |link: &str, file: &str| format!("{link}={}", out.path().join(format!("{name}-{file}")).display());
        let at = |path: &Path| path.display().to_string();
        let (folder, pictures) = (at(folder), at(&out.path().join(name)));
        let (embeds, latent) = (dump("prompt.conditioning", "embeds"), dump("sample.latent", "latent"));
        let negative = dump("negative.conditioning", "negative");
        let graph = at(&graph);
        let mut arguments =
            vec!["run", &graph, "--models", &folder, "--input", &folder, "-o", &pictures, "--device", "cpu", "--quiet"];
        arguments.extend(["--dump", &embeds, "--dump", &latent]);
        if case.guidance > 0.0 {
            arguments.extend(["--dump", &negative]);
        }
        run_well(&arguments);
    };
    run(1, "step");
    run(0, "all");
    let expected = tensors(&folder.join(&case.tensors));
    let mut compare = |name: &str, file: &str, key: &str, limit: f64| {
        let found = tensors(&out.path().join(file));
        let (shape, numbers) = &found[key];
        assert_eq!(shape, &expected[name].0, "{}: {name}", case.name);
        let error = relative_l2(numbers, &expected[name].1);
        println!("{}: {name} {error:.1e}", case.name);
        // Not `error > limit`: a NaN must fail too.
        if error.is_nan() || error > limit {
            wrong.push(format!("{}: {name} is {error:.2e} off, at most {limit:.0e} is right", case.name));
        }
    };
    compare("embeds", "all-embeds", "embeds", EMBEDS);
    if case.guidance > 0.0 {
        compare("negative_embeds", "all-negative", "embeds", EMBEDS);
    }
    compare("step1", "step-latent", "samples", STEP_1);
    compare("final", "all-latent", "samples", FINAL);
    for (index, expected) in case.pictures.iter().enumerate() {
        let name = if index == 0 { "picture.png".to_owned() } else { format!("picture-{}.png", index + 1) };
        let found = pixels(&out.path().join("all").join(name));
        let expected = pixels(&folder.join(expected));
        assert_eq!(found.dimensions(), expected.dimensions());
        let worst = found.iter().zip(expected.iter()).map(|(a, b)| (i16::from(*a) - i16::from(*b)).abs()).max();
        if worst > Some(LEVELS) {
            wrong.push(format!("{}: picture {index} is {worst:?} levels off", case.name));
        }
    }
}

fn check_encode(folder: &Path, encode: &Encode, wrong: &mut Vec<String>) {
    let expected = tensors(&folder.join(&encode.file));
    for (name, picture) in &encode.images {
        let (width, height) = image::image_dimensions(folder.join(picture)).expect("a picture");
        if width % 16 != 0 || height % 16 != 0 {
            // The node takes multiples of 16 alone, because no latent of another size can be sampled.
            continue;
        }
        let out = tempfile::tempdir().expect("a folder");
        let graph = out.path().join("encode.ron");
        let text = format!(
            r#"Graph(format: 1, nodes: {{
                "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model" }}),
                "image": (kind: "image-io/LoadImage", inputs: {{ "file": "{picture}" }}),
                "encode": (kind: "vae/EncodeImage", inputs: {{ "vae": Link("model.vae"), "image": Link("image.image") }}),
            }})"#
        );
        std::fs::write(&graph, text).expect("the graph");
        let file = out.path().join("latent");
        let dump = format!("encode.latent={}", file.display());
        let (graph, folder) = (graph.display().to_string(), folder.display().to_string());
        run_well(&[
            "run", &graph, "--models", &folder, "--input", &folder, "--device", "cpu", "--quiet", "--dump", &dump,
        ]);
        let (shape, numbers) = &tensors(&file)["samples"];
        assert_eq!(shape, &expected[name].0);
        let error = relative_l2(numbers, &expected[name].1);
        println!("{name}: {error:.1e}");
        if error.is_nan() || error > ENCODED {
            wrong.push(format!("{name} is {error:.2e} off"));
        }
    }
}

fn pixels(path: &Path) -> image::RgbImage {
    image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8()
}

macro_rules! variants {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            check(stringify!($name));
        }
    )* };
}
variants!(half plain sharded wide);

/// A variant that is added must not be forgotten above.
#[test]
fn every_variant_has_its_test() {
    // Upscalers have cases of their own, and no model folder.
    let has = |entry: &std::fs::DirEntry, name| entry.path().join(name).exists();
    let is_variant = |entry: &std::fs::DirEntry| has(entry, "cases.json") && has(entry, "model");
    let folder = std::fs::read_dir(golden("")).expect("goldens");
    let mut names: Vec<String> =
        folder.flatten().filter(is_variant).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["half", "plain", "sharded", "wide"]);
}
