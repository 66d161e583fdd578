//! The whole pipeline from pictures of odd sizes, with the models that ship: encoded, made larger as a latent, refined,
//! decoded, and drawn larger by the upscaler.

use image::{Rgb, RgbImage};

use crate::bad_input::Place;
use crate::program::{root, run_well};

/// Width and height of what becomes of a picture of this size, in small tiles.
fn through(size: (u32, u32), scale: f64, upscale: f64) -> (u32, u32) {
    let at = Place::new();
    let color = |x: u32, y: u32| Rgb([40 + (x % 16) as u8 * 8, 60 + (y % 32) as u8 * 4, 200]);
    RgbImage::from_fn(size.0, size.1, color).save(at.path("picture.png")).expect("the picture");
    let graph = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "demo" }}),
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": "a star" }}),
            "upscaler": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "demo_x4.safetensors" }}),
            "picture": (kind: "image-io/LoadImage", inputs: {{ "file": "picture.png" }}),
            "encode": (kind: "vae/EncodeImage", inputs: {{ "vae": Link("model.vae"), "image": Link("picture.image"), "tile": "256" }}),
            "larger": (kind: "latent-upscale/UpscaleLatent", inputs: {{ "latent": Link("encode.latent"), "scale": {scale:?} }}),
            "refine": (kind: "sampler/Sample", inputs: {{ "model": Link("model.model"), "positive": Link("prompt.conditioning"),
                "latent": Link("larger.latent"), "steps": 0, "denoise": 0.1, "tile": "128" }}),
            "decode": (kind: "vae/DecodeLatent", inputs: {{ "vae": Link("model.vae"), "latent": Link("refine.latent"), "tile": "256" }}),
            "upscale": (kind: "esrgan/UpscaleImage", inputs: {{
                "upscale_model": Link("upscaler.upscale_model"), "image": Link("decode.image"), "scale": {upscale:?}, "tile": 256 }}),
            "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("upscale.image") }}) }})"#
    );
    let models = root().join("models").display().to_string();
    let (path, out) = (at.write("graph.ron", graph), at.path("out"));
    let said = run_well(&["run", &path, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"]);
    image::image_dimensions(said.stdout.trim()).expect("a picture")
}

#[test]
fn a_picture_of_any_size_goes_all_the_way() {
    // Padded to 16², and 32² as a latent twice as large.
    assert_eq!(through((1, 1), 2.0, 4.0), (128, 128));
    assert_eq!(through((7, 13), 1.0, 1.25), (20, 20));
    // Padded to 112 × 80, rounded to 144 × 96.
    assert_eq!(through((111, 67), 1.25, 2.5), (360, 240));
}

/// 700 rows are padded to 704, and 600 columns rounded to 608.
#[test]
fn a_large_one_too() {
    assert_eq!(through((400, 700), 1.5, 1.0), (608, 1056));
}
