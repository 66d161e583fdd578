//! Pictures that are damaged, hostile, or merely unusual.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, GenericImageView, ImageEncoder, ImageFormat};

use super::{Case, Place, assert_all};
use crate::program::{golden, run_well};

/// Eight pixels square, in cyan, magenta, yellow and black.
pub const CMYK: &[u8] = include_bytes!("cmyk.jpg");

/// A picture that diffusers wrote.
pub fn golden_picture() -> Vec<u8> {
    std::fs::read(golden("plain").join("square.png")).expect("a golden picture")
}

/// A run that loads the file and saves it again.
fn load(at: &Place, name: &str, bytes: impl AsRef<[u8]>) -> Vec<String> {
    at.write(name, bytes);
    at.run(&format!(
        r#"Graph(format: 1, nodes: {{
            "load": (kind: "image-io/LoadImage", inputs: {{ "file": "{name}" }}),
            "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("load.image") }}),
        }})"#
    ))
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [kind, content].concat();
    [&(content.len() as u32).to_be_bytes(), named.as_slice(), &crc(&named).to_be_bytes()].concat()
}

/// Stored, not compressed: at most 64 KiB of content.
fn zlib(content: &[u8]) -> Vec<u8> {
    let (a, b) = content.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    let length = content.len() as u16;
    let head = [0x78, 0x01, 0x01];
    [&head[..], &length.to_le_bytes(), &(!length).to_le_bytes(), content, &((b << 16) | a).to_be_bytes()].concat()
}

/// A PNG of any header, with `rows` as they stand and further chunks before them.
fn png(width: u32, height: u32, depth: u8, colors: u8, rows: &[u8], more: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colors, 0, 0, 0]].concat();
    let chunks = [chunk(b"IHDR", &header), more.to_vec(), chunk(b"IDAT", &zlib(rows)), chunk(b"IEND", b"")].concat();
    [b"\x89PNG\r\n\x1a\n", chunks.as_slice()].concat()
}

/// A small PNG with this text under Weft's keyword.
pub fn with_text(text: &[u8]) -> Vec<u8> {
    png(2, 1, 8, 2, &[0, 1, 2, 3, 4, 5, 6], &chunk(b"iTXt", &[b"weft\0\0\0\0\0", text].concat()))
}

/// A small PNG whose text under Weft's keyword is 64 MiB of one letter.
pub fn text_bomb() -> Vec<u8> {
    let text = [b"weft\0\x01\0\0\0", one_letter(64 << 20).as_slice()].concat();
    png(2, 1, 8, 2, &[0, 1, 2, 3, 4, 5, 6], &chunk(b"iTXt", &text))
}

/// At least `length` times the letter `a`, packed by zlib's fixed code: the letter, then "258 more of the last one".
fn one_letter(length: usize) -> Vec<u8> {
    let repeats = length.div_ceil(258);
    let mut bits = vec![true, true, false];
    let code = |value: u32, width: u32| (0..width).rev().map(move |bit| (value >> bit) & 1 == 1);
    bits.extend(code(0x30 + u32::from(b'a'), 8));
    (0..repeats).for_each(|_| bits.extend(code(0b1100_0101, 8).chain(code(0, 5))));
    bits.extend(code(0, 7));
    let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | (u8::from(*bit) << at));
    let packed: Vec<u8> = bits.chunks(8).map(byte).collect();
    let count = (1 + 258 * repeats) as u64;
    let (a, b) = (1 + 97 * count, count + 97 * (count * (count + 1) / 2));
    let sum = (((b % 65_521) << 16) | (a % 65_521)) as u32;
    [&[0x78, 0x01][..], &packed, &sum.to_be_bytes()].concat()
}

fn half_of(format: ImageFormat) -> Vec<u8> {
    let picture = image::load_from_memory(&golden_picture()).expect("a picture").to_rgb8();
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a picture");
    let bytes = file.into_inner();
    bytes[..bytes.len() / 2].to_vec()
}

#[test]
fn pictures_that_cannot_be_read() {
    assert_all(&[
        Case {
            name: "empty",
            arrange: |at| load(at, "a.png", b""),
            code: 6,
            says: &["a.png", "it is empty", "node `load`", "PNG, JPEG or WebP"],
        },
        Case {
            name: "half a PNG",
            arrange: |at| load(at, "a.png", half_of(ImageFormat::Png)),
            code: 6,
            says: &["a.png", "incomplete", "node `load`", "again"],
        },
        Case {
            name: "half a JPEG",
            arrange: |at| load(at, "a.jpg", half_of(ImageFormat::Jpeg)),
            code: 6,
            says: &["a.jpg", "incomplete", "node `load`"],
        },
        Case {
            name: "half a WebP",
            arrange: |at| load(at, "a.webp", half_of(ImageFormat::WebP)),
            code: 6,
            says: &["a.webp", "node `load`"],
        },
        Case {
            name: "a wrong checksum",
            arrange: wrong_checksum,
            code: 6,
            says: &["a.png", "broken", "checksum", "again"],
        },
        Case {
            name: "a web page",
            arrange: |at| load(at, "a.png", b"<html></html>"),
            code: 6,
            says: &["a.png", "web page", "node `load`"],
        },
        Case {
            name: "a GIF",
            arrange: |at| load(at, "a.png", b"GIF89a\x01\0\x01\0\0\0\0"),
            code: 6,
            says: &["a.png", "a GIF"],
        },
        Case {
            name: "a bomb of 60 000 pixels a side",
            arrange: |at| load(at, "a.png", png(60_000, 60_000, 8, 2, &[0; 99], b"")),
            code: 7,
            says: &["a.png", "too large: 60000×60000", "scale it down"],
        },
        Case {
            name: "a bomb of allowed sides",
            arrange: |at| load(at, "a.png", png(16_384, 16_384, 16, 6, &[0; 99], b"")),
            code: 7,
            says: &["too large: 16384×16384"],
        },
        Case {
            name: "no pixels",
            arrange: |at| load(at, "a.png", png(0, 0, 8, 2, b"", b"")),
            code: 6,
            says: &["a.png", "broken", "dimensions"],
        },
        Case {
            name: "fewer pixels than it says",
            arrange: |at| load(at, "a.png", png(9_000, 9_000, 8, 2, &[0; 99], b"")),
            code: 6,
            says: &["a.png", "not have enough data"],
        },
        Case {
            name: "a palette that is missing",
            arrange: |at| load(at, "a.png", png(2, 1, 8, 3, &[0, 0, 1], b"")),
            code: 6,
            says: &["a.png", "palette"],
        },
        Case {
            name: "not there",
            arrange: |at| {
                let run = load(at, "a.png", b"");
                std::fs::remove_file(at.path("a.png")).expect("it was there");
                run
            },
            code: 4,
            says: &["`a.png` is in none of", "node `load`", "--input"],
        },
        Case {
            name: "a folder",
            arrange: |at| {
                let run = load(at, "a.png/b", b"");
                at.edit("graph.ron", |text| text.replace("a.png/b", "a.png"));
                run
            },
            code: 6,
            says: &["a.png", "cannot be read", "directory"],
        },
    ]);
}

fn wrong_checksum(at: &Place) -> Vec<String> {
    let mut bytes = golden_picture();
    let inside = bytes.len() - 20;
    bytes[inside] ^= 0xff;
    load(at, "a.png", bytes)
}

/// Its name, the file's name, its bytes, and the width and height that it is read with.
type Unusual = (&'static str, &'static str, Vec<u8>, (u32, u32));

/// A file in another format or with another sort of colours, and its size once it is upright.
fn unusual() -> Vec<Unusual> {
    let palette = [chunk(b"PLTE", &[0, 1, 2, 250, 4, 5]), chunk(b"tRNS", &[255, 0])].concat();
    let coded = |picture: DynamicImage, format| {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).expect("a picture");
        file.into_inner()
    };
    let picture = image::load_from_memory(&golden_picture()).expect("a picture");
    vec![
        ("one pixel", "a.png", png(1, 1, 8, 2, &[0, 1, 2, 3], b""), (1, 1)),
        ("16 bits", "a.png", png(2, 1, 16, 2, &[0, 0, 1, 2, 3, 4, 5, 60, 7, 80, 9, 100, 11], b""), (2, 1)),
        ("alpha", "a.png", png(2, 1, 8, 6, &[0, 1, 2, 3, 0, 200, 6, 7, 255], b""), (2, 1)),
        ("a palette with a transparent colour", "a.png", png(2, 1, 8, 3, &[0, 0, 1], &palette), (2, 1)),
        ("a palette that is too short", "a.png", png(2, 1, 8, 3, &[0, 0, 9], &palette), (2, 1)),
        ("black and white", "a.png", png(3, 1, 1, 0, &[0, 0x40], b""), (3, 1)),
        ("a text of 64 MiB", "a.png", text_bomb(), (2, 1)),
        ("CMYK", "a.jpg", CMYK.to_vec(), (8, 8)),
        ("turned by EXIF", "a.jpg", turned(), (8, 16)),
        ("a PNG called JPEG", "a.jpg", golden_picture(), (64, 64)),
        ("a WebP called PNG", "a.png", coded(picture.to_rgba8().into(), ImageFormat::WebP), (64, 64)),
        ("a PNG without a picture's name", "a.txt", golden_picture(), (64, 64)),
    ]
}

/// A JPEG of 16×8 pixels that says it has to be turned by a quarter.
fn turned() -> Vec<u8> {
    let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new(&mut file);
    encoder.set_exif_metadata(exif).expect("room for it");
    let pixels: Vec<u8> = (0..16 * 8).map(|at| at as u8).collect();
    encoder.write_image(&pixels, 16, 8, ExtendedColorType::L8).expect("a picture");
    file
}

#[test]
fn unusual_pictures_are_read() {
    for (name, file, bytes, size) in unusual() {
        let at = Place::new();
        let arguments = load(&at, file, bytes);
        run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let saved = image::open(at.path("out/image.png")).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(saved.dimensions(), size, "{name}");
    }
}
