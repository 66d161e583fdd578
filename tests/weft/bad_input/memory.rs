//! What the memory does not hold: foreseen and done in parts, or refused with the numbers before it begins.

use image::{Rgb, RgbImage};
use rustix::process::{Pid, Signal, kill_process};

use super::{Case, Place, Running, assert_all_with, end};
use crate::program::{command, root, text_to_image};

/// A graph with a picture of 2048² pixels, the models that ship, and this node `large`.
fn large(at: &Place, node: &str) -> Vec<String> {
    RgbImage::from_pixel(2048, 2048, Rgb([60, 140, 220])).save(at.path("picture.png")).expect("the picture");
    let graph = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "demo" }}),
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": "a star" }}),
            "upscaler": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "demo_x4.safetensors" }}),
            "picture": (kind: "image-io/LoadImage", inputs: {{ "file": "picture.png" }}),
            "latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": 2048, "height": 2048, "batch": 2 }}),
            "huge": (kind: "sampler/EmptyLatent", inputs: {{ "width": 8192, "height": 8192 }}),
            "large": {node},
        }})"#
    );
    let models = root().join("models").display().to_string();
    let output = if node.contains("UpscaleImage") || node.contains("Decode") { "image" } else { "latent" };
    let dump = format!("large.{output}={}", at.path("out/large.safetensors"));
    let path = at.write("graph.ron", graph);
    ["run", &path, "--models", &models, "--device", "cpu", "--dump", &dump].map(str::to_owned).to_vec()
}

const UPSCALE: &str = r#"(kind: "esrgan/UpscaleImage", inputs: {
    "upscale_model": Link("upscaler.upscale_model"), "image": Link("picture.image") })"#;

fn sample(at: &Place, tile: &str) -> Vec<String> {
    let node = format!(
        r#"(kind: "sampler/Sample", inputs: {{ "model": Link("model.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("latent.latent"), "steps": 1, "tile": "{tile}" }})"#
    );
    large(at, &node)
}

fn vae(at: &Place, what: &str, from: &str, tile: &str) -> Vec<String> {
    large(at, &format!(r#"(kind: "vae/{what}", inputs: {{ "vae": Link("model.vae"), {from}, "tile": "{tile}" }})"#))
}

#[test]
fn with_a_small_part_of_a_gigabyte() {
    assert_all_with(
        &[("WEFT_MEMORY", "0.4")],
        &[
            Case {
                name: "a picture of 8192 × 8192 pixels from the upscaler",
                arrange: |at| large(at, UPSCALE),
                code: 7,
                says: &[
                    "upscaling 8192×8192 pixels in tiles of 64",
                    "0.40 GB can be had",
                    "node `large` (esrgan/UpscaleImage)",
                    "help: lower `scale`",
                ],
            },
            Case {
                name: "a latent of 8192 × 8192 pixels decoded",
                arrange: |at| vae(at, "DecodeLatent", r#""latent": Link("huge.latent")"#, "auto"),
                code: 7,
                says: &[
                    "decoding 8192×8192 pixels in tiles of 128",
                    "0.40 GB can be had",
                    "node `large` (vae/DecodeLatent)",
                    "smaller",
                ],
            },
            Case {
                name: "2048 × 2048 pixels decoded at once",
                arrange: |at| vae(at, "DecodeLatent", r#""latent": Link("latent.latent")"#, "off"),
                code: 7,
                says: &["decoding 2048×2048 pixels at once", "0.40 GB", "node `large`", "help: set `tile` to auto"],
            },
            Case {
                name: "2048 × 2048 pixels encoded at once",
                arrange: |at| vae(at, "EncodeImage", r#""image": Link("picture.image")"#, "off"),
                code: 7,
                says: &["encoding 2048×2048 pixels at once", "0.40 GB", "node `large`", "help: set `tile` to auto"],
            },
            Case {
                name: "two pictures of 2048 × 2048 pixels refined at once",
                arrange: |at| sample(at, "off"),
                code: 7,
                says: &[
                    "sampling 2048×2048 pixels at once",
                    "0.40 GB can be had",
                    "node `large` (sampler/Sample)",
                    "`tile` to auto",
                ],
            },
        ],
    );
}

#[test]
fn with_ten_megabytes() {
    assert_all_with(
        &[("WEFT_MEMORY", "0.01")],
        &[Case {
            name: "as good as nothing",
            arrange: |at| sample(at, "auto"),
            code: 7,
            says: &["encoding the prompt", "0.01 GB can be had", "node `prompt`", "help: load the text encoder"],
        }],
    );
}

#[test]
fn no_number_of_gigabytes() {
    let at = Place::new();
    let arguments = at.run(&text_to_image());
    for text in ["8 GB", "0", "-1", "much"] {
        let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let said = end(command.env("WEFT_MEMORY", text)).expect("an end");
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        for part in [&format!("WEFT_MEMORY is \"{text}\""), "a number above 0 (8 or 0.5)", "help: "] {
            assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
        }
    }
}

/// Where there is more, 8192 × 8192 pixels are made, in tiles that fit. The run is ended as it begins: it takes a minute.
#[test]
fn what_fits_in_smaller_tiles_begins() {
    let at = Place::new();
    let arguments = large(&at, UPSCALE);
    let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let mut run = Running::spawn(command.env("WEFT_MEMORY", "1.5"));
    run.wait_for("8192×8192 pixels in");
    let process = Pid::from_raw(run.child.id().try_into().expect("a process id")).expect("a process id");
    kill_process(process, Signal::TERM).expect("it is ours");
    let said = run.end();
    assert_eq!(said.code, Some(143), "{}", said.stderr);
    for part in ["large: tiles of 256×256 pixels", "those of 512×512 need 1.4", "are free"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}
