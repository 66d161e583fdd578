//! The upscaler that ships, in tiles and whole: what it learned reaches farther than what random networks do.

use std::path::Path;

use image::{Rgb, RgbImage};

use crate::bad_input::Place;
use crate::program::{root, run_well, tensors};

/// Twice the radius of a network of two blocks: 15 pixels a block and 5.
const WHOLE_OVERLAP: u32 = 70;

/// The demo model's pictures side by side, again and again.
fn drawn(width: u32, height: u32) -> RgbImage {
    let open = |name: &str| {
        let path = root().join("graphs").join(name).with_extension("png");
        image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8()
    };
    let pictures = ["text-to-image", "guidance", "circle", "lora"].map(open);
    RgbImage::from_fn(width, height, |x, y| {
        let picture = &pictures[((x / 128 + 3 * (y / 128)) % 4) as usize];
        *picture.get_pixel(x % 128, y % 128)
    })
}

/// The numbers of a picture that was upscaled with these inputs.
fn upscaled(at: &Place, picture: &RgbImage, inputs: &str) -> (Vec<usize>, Vec<f32>) {
    picture.save(at.path("picture.png")).expect("the picture");
    let graph = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "esrgan/LoadUpscaler", inputs: {{ "file": "demo_x4.safetensors" }}),
            "load": (kind: "image-io/LoadImage", inputs: {{ "file": "picture.png" }}),
            "large": (kind: "esrgan/UpscaleImage", inputs: {{
                "upscale_model": Link("model.upscale_model"), "image": Link("load.image"), {inputs} }}) }})"#
    );
    let (path, numbers) = (at.write("graph.ron", graph), at.path("large.safetensors"));
    let (models, dump) = (root().join("models").display().to_string(), format!("large.image={numbers}"));
    run_well(&["run", &path, "--models", &models, "--device", "cpu", "--quiet", "--dump", &dump]);
    tensors(Path::new(&numbers)).remove("image").expect("an image")
}

/// The largest difference in levels, and dB.
fn compared(a: &[f32], b: &[f32]) -> (f32, f64) {
    assert_eq!(a.len(), b.len());
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) * 255.0;
    let square: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (worst, -10.0 * (square / a.len() as f64).log10())
}

/// How close tiles that overlap by so many pixels come to the whole picture.
fn close(width: u32, height: u32, overlap: u32) -> (f32, f64) {
    let (at, picture) = (Place::new(), drawn(width, height));
    let (shape, whole) = upscaled(&at, &picture, r#""tile": 4096"#);
    assert_eq!(shape, [1, 4 * height as usize, 4 * width as usize, 3]);
    let (_, tiles) = upscaled(&at, &picture, &format!(r#""tile": 128, "overlap": {overlap}"#));
    let (worst, db) = compared(&tiles, &whole);
    println!("{width}×{height}, overlap {overlap}: {db:.1} dB, {worst:.4} levels at most");
    (worst, db)
}

#[test]
fn tiles_with_the_default_overlap_show_no_seam() {
    let (_, db) = close(400, 700, 32);
    assert!(db >= 50.0, "{db} dB");
}

#[test]
fn tiles_that_overlap_by_the_receptive_field_are_the_whole_picture() {
    let (worst, _) = close(200, 250, WHOLE_OVERLAP);
    assert!(worst <= 0.01, "{worst} levels");
}

#[test]
fn the_smallest_pictures_are_upscaled() {
    for (width, height) in [(1, 1), (7, 13)] {
        for scale in [1.0, 2.5, 4.0] {
            let (shape, _) = upscaled(&Place::new(), &drawn(width, height), &format!(r#""scale": {scale:?}"#));
            let side = |side: u32| (f64::from(side) * scale).round() as usize;
            assert_eq!(shape, [1, side(height), side(width), 3]);
        }
    }
}

/// In tiles it has no seams. In its corners the network sees that nothing follows, up to four pixels of the result from the border.
#[test]
fn a_constant_picture_stays_constant() {
    let color = [60, 140, 220];
    let (shape, tiles) = upscaled(&Place::new(), &RgbImage::from_pixel(150, 100, Rgb(color)), r#""tile": 64"#);
    let inner = |index: usize, side: usize| (4..side - 4).contains(&index);
    let is_inner = |at: usize| inner(at / shape[2], shape[1]) && inner(at % shape[2], shape[2]);
    let pixels = tiles.chunks_exact(3).enumerate().filter(|(at, _)| is_inner(*at));
    let off = |pixel: &[f32]| (0..3).map(|i| (pixel[i] * 255.0 - f32::from(color[i])).abs()).fold(0.0, f32::max);
    let worst = pixels.map(|(_, pixel)| off(pixel)).fold(0.0, f32::max);
    println!("{worst:.2} levels");
    assert!(worst <= 2.0, "{worst} levels");
}
