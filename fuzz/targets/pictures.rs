//! Pictures: the texts in them, and their pixels.

use weft::graph::Graph;
use weft::picture::{Found, found_in};

#[path = "../../nodes/image-io/src/decode.rs"]
#[allow(dead_code)]
mod decode;

/// Pixels of a picture that is decoded: larger ones take time and show nothing new.
const MOST: u64 = 1 << 18;

const TEMPLATE: &str = r#"Graph(format: 1, nodes: {
    "prompt": (kind: "text-encode/EncodeText"),
    "latent": (kind: "sampler/EmptyLatent"),
    "sample": (kind: "sampler/Sample", inputs: { "positive": Link("prompt.conditioning"), "latent": Link("latent.latent") }),
})"#;

/// A prompt that another program left becomes a graph that can be read.
pub fn metadata(data: &[u8]) {
    super::in_a_file(data, |path| {
        let Ok(Found::Prompt(prompt)) = found_in(path) else { return };
        let template = Graph::parse(TEMPLATE, "the template").expect("a graph");
        let text = prompt.to_graph(&template).to_ron();
        assert!(Graph::parse(&text, "its graph").is_ok(), "{text}");
    });
}

/// A picture has as many numbers as its sides say, all from 0 to 1.
pub fn image(data: &[u8]) {
    let reader = image::ImageReader::new(std::io::Cursor::new(data)).with_guessed_format().expect("it is in memory");
    if reader.into_dimensions().is_ok_and(|(width, height)| u64::from(width) * u64::from(height) > MOST) {
        return;
    }
    let Ok(picture) = decode::decode(data) else { return };
    let pixels = picture.width as usize * picture.height as usize;
    assert_eq!((picture.rgb.len(), picture.mask.len()), (3 * pixels, pixels));
    assert!(picture.rgb.iter().chain(&picture.mask).all(|number| (0.0..=1.0).contains(number)));
}
