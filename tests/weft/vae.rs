//! The VAE in tiles and whole, and pictures of any size, with the model that ships.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

use crate::program::{relative_l2, root, run_well, tensors};

/// dB that pictures in tiles have against those at once.
const DECODED: f64 = 40.0;
/// Relative L2 of latents in tiles against those at once: the demo's encoder does not look beyond its 8×8 pixels, but its
/// norms see a whole tile.
const ENCODED: f64 = 1e-3;
/// Of 255, in a picture of one colour. At once, the demo's decoder is 5 off where its borders do not reach and 18 in a corner.
const LEVELS: u8 = 8;
/// Pixels from the border of a picture to where its convolutions no longer see much of what lies beyond.
const BORDER: u32 = 16;

/// Encodes `picture.png` of a folder, decodes it again, and saves both.
struct Case<'a> {
    folder: &'a Path,
    encode: &'a str,
    decode: &'a str,
    more: &'a str,
}

impl Case<'_> {
    fn graph(&self) -> PathBuf {
        let Self { folder, encode, decode, more } = self;
        let graph = folder.join("graph.ron");
        let text = format!(
            r#"Graph(format: 1, nodes: {{
                "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "demo" }}),
                "image": (kind: "image-io/LoadImage", inputs: {{ "file": "picture.png" }}),
                "encode": (kind: "vae/EncodeImage", inputs: {{
                    "vae": Link("model.vae"), "image": Link("image.image"), "tile": "{encode}", {more} }}),
                "decode": (kind: "vae/DecodeLatent", inputs: {{
                    "vae": Link("model.vae"), "latent": Link("encode.latent"), "tile": "{decode}" }}),
                "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("decode.image"), "name": "out" }}),
            }})"#
        );
        std::fs::write(&graph, text).expect("the graph");
        graph
    }

    /// The latent's numbers and the picture.
    fn run(&self) -> (Vec<f32>, RgbImage) {
        let at = |path: &Path| path.display().to_string();
        let latent = self.folder.join("latent");
        let [graph, models, input, out] =
            [&self.graph(), &root().join("models"), self.folder, &self.folder.join("out")].map(at);
        let dump = format!("encode.latent={}", latent.display());
        let said = run_well(&[
            "run", &graph, "--models", &models, "--input", &input, "-o", &out, "--device", "cpu", "--quiet", "--dump",
            &dump,
        ]);
        (tensors(&latent)["samples"].1.clone(), open(Path::new(said.stdout.trim())))
    }
}

fn open(path: &Path) -> RgbImage {
    image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8()
}

fn folder_with(picture: &RgbImage) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    picture.save(folder.path().join("picture.png")).expect("the picture");
    folder
}

/// Four pictures that the demo model drew, side by side.
fn drawn() -> RgbImage {
    let mut all = RgbImage::new(256, 256);
    for (at, name) in ["text-to-image", "guidance", "circle", "lora"].into_iter().enumerate() {
        let one = open(&root().join("graphs").join(name).with_extension("png"));
        image::imageops::replace(&mut all, &one, 128 * (at as i64 % 2), 128 * (at as i64 / 2));
    }
    all
}

fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mean = a.iter().zip(b.iter()).map(square).sum::<f64>() / a.len() as f64;
    -10.0 * (mean / 255.0 / 255.0).log10()
}

#[test]
fn tiles_equal_the_whole() {
    let folder = folder_with(&drawn());
    let case = |encode, decode| Case { folder: folder.path(), encode, decode, more: "" }.run();
    let ((latent, picture), (_, decoded)) = (case("off", "off"), case("off", "128"));
    let decoded = psnr(&decoded, &picture);
    let encoded = relative_l2(&case("128", "off").0, &latent);
    println!("decoded {decoded:.1} dB, encoded {encoded:.1e}");
    assert!(decoded >= DECODED, "decoding in tiles has {decoded:.1} dB");
    assert!(encoded <= ENCODED, "encoding in tiles is {encoded:.1e} off");
}

/// 128 is no share of 336 or 208: the last tiles overlap more than the others. Every tile has borders of its own, which
/// must not show inside the picture.
#[test]
fn a_constant_picture_shows_no_seams() {
    let color = Rgb([60, 140, 220]);
    let folder = folder_with(&RgbImage::from_pixel(336, 208, color));
    let (_, tiled) = Case { folder: folder.path(), encode: "128", decode: "128", more: "" }.run();
    assert_eq!(tiled.dimensions(), (336, 208));
    let inner = image::imageops::crop_imm(&tiled, BORDER, BORDER, 336 - 2 * BORDER, 208 - 2 * BORDER).to_image();
    let worst = inner.pixels().flat_map(|pixel| pixel.0.into_iter().zip(color.0)).map(|(a, b)| a.abs_diff(b)).max();
    println!("{worst:?} levels");
    assert!(worst <= Some(LEVELS), "{worst:?} levels off");
}

#[test]
fn any_size_works() {
    for (size, fit, expected) in [
        ((1, 1), "pad", (16, 16)),
        ((7, 13), "pad", (16, 16)),
        ((400, 700), "pad", (400, 704)),
        ((400, 700), "crop", (400, 688)),
    ] {
        let folder = folder_with(&RgbImage::from_pixel(size.0, size.1, Rgb([200, 100, 50])));
        let more = format!("\"fit\": \"{fit}\"");
        let (_, picture) = Case { folder: folder.path(), encode: "auto", decode: "auto", more: &more }.run();
        assert_eq!(picture.dimensions(), expected, "{size:?} {fit}");
    }
}
