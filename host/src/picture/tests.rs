use std::path::PathBuf;

use png::text_metadata::{ITXtChunk, TEXtChunk, ZTXtChunk};
use tempfile::TempDir;

use super::*;

const PARAMETERS_TEXT: &str =
    "a fox, naïve\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x640";
const NODES_TEXT: &str = r#"{
    "3": {"class_type": "KSampler", "inputs": {"seed": 9, "steps": 4, "cfg": 1, "positive": ["6", 0], "latent_image": ["5", 0]}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}}}"#;

/// A file of one test, in a folder that goes away with it.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn found(bytes: &[u8]) -> Result<Found> {
    found_in(&file(bytes).1)
}

fn prompt(bytes: &[u8]) -> Prompt {
    match found(bytes) {
        Ok(Found::Prompt(prompt)) => prompt,
        other => panic!("{other:?}"),
    }
}

/// A picture of two pixels with these chunks before and behind them.
fn png_with(before: &[&dyn EncodableTextChunk], behind: &[&dyn EncodableTextChunk]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = png::Encoder::new(&mut file, 2, 1).write_header().unwrap();
    before.iter().for_each(|chunk| chunk.write(&mut writer));
    writer.write_image_data(&[0, 1]).unwrap();
    behind.iter().for_each(|chunk| chunk.write(&mut writer));
    writer.finish().unwrap();
    file
}

/// The crate's own trait of this name cannot be an object.
trait EncodableTextChunk {
    fn write(&self, writer: &mut png::Writer<&mut Vec<u8>>);
}

impl<T: png::text_metadata::EncodableTextChunk> EncodableTextChunk for T {
    fn write(&self, writer: &mut png::Writer<&mut Vec<u8>>) {
        writer.write_text_chunk(self).unwrap();
    }
}

/// A little-endian TIFF with one text in its first folder, and one UserComment.
fn exif(tag: u16, text: &[u8], comment: &[u8]) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: usize, value: usize| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &(count as u32).to_le_bytes(), &(value as u32).to_le_bytes()]
            .concat()
    };
    let (second, values) = (8 + 2 + 24 + 4, 8 + 2 + 24 + 4 + 2 + 12 + 4);
    let first = [entry(tag, 2, text.len(), values), entry(0x8769, 4, 1, second)].concat();
    let comments = entry(0x9286, 7, comment.len(), values + text.len());
    [b"II\x2a\0\x08\0\0\0\x02\0", first.as_slice(), &[0; 4], b"\x01\0", &comments, &[0; 4], text, comment].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
}

/// A JPEG up to where its pixels would begin.
fn jpeg_with(segments: &[Vec<u8>]) -> Vec<u8> {
    [b"\xff\xd8", segments.concat().as_slice(), b"\xff\xda"].concat()
}

fn webp_with(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_le_bytes();
    let padding = &[0][..content.len() % 2];
    [b"RIFF\0\0\0\0WEBPVP8L\x02\0\0\0ab", &name[..], &length, content, padding].concat()
}

fn wide(text: &str) -> Vec<u8> {
    b"UNICODE\0".iter().copied().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
}

#[test]
fn parameters_of_every_format() {
    let expected = parameters::read(PARAMETERS_TEXT).unwrap();
    assert_eq!((expected.prompt.as_str(), expected.guidance, expected.height), ("a fox, naïve", Some(6.0), Some(640)));
    let latin = TEXtChunk::new("parameters", PARAMETERS_TEXT);
    let bytes_as_letters: String = PARAMETERS_TEXT.bytes().map(char::from).collect();
    let mojibake = TEXtChunk::new("parameters", bytes_as_letters);
    let packed = ZTXtChunk::new("parameters", PARAMETERS_TEXT);
    let unicode = ITXtChunk::new("parameters", PARAMETERS_TEXT);
    let chunks: [&dyn EncodableTextChunk; 4] = [&latin, &mojibake, &packed, &unicode];
    for chunk in chunks {
        assert_eq!(prompt(&png_with(&[chunk], &[])), expected);
        assert_eq!(prompt(&png_with(&[], &[chunk])), expected);
    }
    let block = exif(0x0131, b"tool\0", &wide(PARAMETERS_TEXT));
    assert_eq!(prompt(&webp_with(b"EXIF", &block)), expected);
    let segments = [segment(0xe0, b"JFIF"), vec![0xff], segment(0xe1, &[b"Exif\0\0", block.as_slice()].concat())];
    assert_eq!(prompt(&jpeg_with(&segments)), expected);
}

#[test]
fn nodes_of_every_format() {
    let expected = comfy::read(NODES_TEXT).unwrap();
    assert_eq!((expected.prompt.as_str(), expected.seed, expected.guidance), ("a cat", Some(9), Some(0.0)));
    let workflow = TEXtChunk::new("workflow", "{}");
    assert_eq!(prompt(&png_with(&[&workflow, &TEXtChunk::new("prompt", NODES_TEXT)], &[])), expected);
    let camera = exif(0x0110, format!("prompt:{NODES_TEXT}\0").as_bytes(), b"");
    assert_eq!(prompt(&webp_with(b"EXIF", &camera)), expected);
    let comment = exif(0x0131, b"tool\0", &wide(NODES_TEXT));
    assert_eq!(prompt(&jpeg_with(&[segment(0xe1, &[b"Exif\0\0", comment.as_slice()].concat())])), expected);
}

#[test]
fn our_graph_comes_first() {
    let parameters = TEXtChunk::new("parameters", PARAMETERS_TEXT);
    let graph = ITXtChunk::new("weft", "Graph()");
    let (_folder, path) = file(&png_with(&[&parameters, &graph], &[]));
    assert_eq!(found_in(&path).unwrap(), Found::Weft("Graph()".to_owned()));
    assert_eq!(graph_of(&path).unwrap(), "Graph()");
    let error = graph_of(&file(&png_with(&[&parameters], &[])).1).unwrap_err();
    assert!(error.what.ends_with("holds no graph, but a prompt"), "{error}");
    assert!(error.cause.contains("AUTOMATIC1111"), "{error}");
}

#[test]
fn the_reason_is_told() {
    let text = |keyword: &str, text: &str| png_with(&[&TEXtChunk::new(keyword, text)], &[]);
    let mark = b"http://ns.adobe.com/xap/1.0/\0<x>trainedAlgorithmicMedia</x>";
    let cases = [
        (png_with(&[], &[]), "holds no text at all"),
        (jpeg_with(&[]), "holds no text at all"),
        (webp_with(b"ALPH", b""), "holds no text at all"),
        (text("Software", "GIMP 2.10"), "when GIMP 2.10 saved it"),
        (text("Author", "me"), "say nothing of a prompt"),
        (text("invokeai_metadata", "{}"), "InvokeAI"),
        (text("parameters", "{\"sui_image_params\": {}}"), "not in the form of AUTOMATIC1111"),
        (text("prompt", "{}"), "workflow of ComfyUI"),
        (text("workflow", "{}"), "workflow of ComfyUI"),
        (text("weft-info", "{}"), "too large for the file"),
        (jpeg_with(&[segment(0xe1, mark)]), "too large for the file"),
        (webp_with(b"XMP ", b"trainedAlgorithmicMedia"), "too large for the file"),
    ];
    for (bytes, says) in cases {
        let error = found(&bytes).unwrap_err();
        assert!(error.what.ends_with("holds no graph and no prompt"), "{error}");
        assert!(error.cause.contains(says) && !error.help.is_empty(), "{says}: {error}");
    }
    assert!(found(b"GIF89a").unwrap_err().what.ends_with("is not a PNG, JPEG or WebP picture"));
}

#[test]
fn texts_that_unpack_without_end() {
    let bomb = "x".repeat(9 << 20);
    let mut graph = ITXtChunk::new("weft", bomb.as_str());
    graph.compressed = true;
    let parameters = ZTXtChunk::new("parameters", bomb.as_str());
    let other = ZTXtChunk::new("Comment", bomb.as_str());
    for (bytes, keyword) in [(png_with(&[&graph], &[]), "weft"), (png_with(&[&parameters, &other], &[]), "parameters")]
    {
        let error = found(&bytes).unwrap_err();
        assert!(error.what.ends_with("holds no graph that can be read"), "{error}");
        assert!(error.cause.contains(keyword) && error.cause.contains("8 MiB"), "{error}");
    }
    assert!(found(&png_with(&[&other], &[])).is_err());
}

#[test]
fn lengths_that_lie() {
    let cases = [
        (b"\xff\xd8\xff".to_vec(), "it ends in the middle"),
        (b"\xff\xd8\xff\xe1\xff\xffExif\0\0".to_vec(), "it ends in the middle"),
        (b"\xff\xd8\xff\xe0\xff\xff".to_vec(), "it ends in the middle"),
        (b"\xff\xd8\xff\xe1\0\x01".to_vec(), "a segment has no length"),
        (b"\xff\xd8\xff\xe0\0\x02ab".to_vec(), "is not where the one before it ends"),
        ([b"\xff\xd8".to_vec(), vec![0xff; 100_000]].concat(), "more than 10000 segments"),
        (b"RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xff".to_vec(), "it ends in the middle"),
        (b"RIFF\0\0\0\0WEBPEXI".to_vec(), "it ends in the middle"),
        ([b"RIFF\0\0\0\0WEBP".to_vec(), vec![0; 8 * 20_000]].concat(), "more than 10000 chunks"),
        (webp_with(b"EXIF", &vec![0; 18 << 20]), "is the most"),
    ];
    for (bytes, says) in cases {
        let error = found(&bytes).unwrap_err();
        assert!(error.what.contains("is a broken ") && error.cause.contains(says), "{says}: {error}");
    }
}

/// Every end and many spoiled bytes of each format: an answer, and no panic.
#[test]
fn damaged_files() {
    let block = exif(0x0110, format!("prompt:{NODES_TEXT}").as_bytes(), &wide(PARAMETERS_TEXT));
    let whole = [
        png_with(&[&TEXtChunk::new("parameters", PARAMETERS_TEXT)], &[&ZTXtChunk::new("prompt", NODES_TEXT)]),
        jpeg_with(&[segment(0xe1, &[b"Exif\0\0", block.as_slice()].concat())]),
        webp_with(b"EXIF", &block),
    ];
    let look = |bytes: &[u8]| {
        let mut file = std::io::Cursor::new(bytes);
        let texts = format(&mut file).unwrap().and_then(|format| texts(format, file).ok());
        texts.is_some_and(|texts| super::found(&texts).is_some())
    };
    for bytes in whole {
        assert!(look(&bytes));
        for at in 0..bytes.len() {
            look(&bytes[..at]);
            let mut spoiled = bytes.clone();
            spoiled[at] ^= 0xff;
            look(&spoiled);
        }
    }
}

#[test]
fn what_is_a_picture() {
    let (folder, path) = file(&jpeg_with(&[]));
    assert!(is_picture(&path) && !is_picture(folder.path()) && !is_picture(&folder.path().join("none")));
    assert!(!is_picture(&file(b"// A graph").1));
}
