//! Pictures into the bytes of PNG, JPEG and WebP files.

use std::borrow::Cow;
use std::fmt::Display;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use plugin_api::{Error, ErrorKind, Result};
use png::text_metadata::ITXtChunk;

use crate::exif;
use crate::metadata::{Metadata, XMP};
use crate::picture::Picture;

/// What a JPEG segment holds at most, its own length and the mark of EXIF taken off.
pub const LARGEST_EXIF: usize = 65_535 - 2 - 6;

pub fn png(picture: &Picture, metadata: Option<&Metadata>) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(if picture.has_alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(internal)?;
    for chunk in chunks(metadata) {
        writer.write_text_chunk(&chunk).map_err(internal)?;
    }
    writer.write_image_data(&picture.bytes).map_err(internal)?;
    writer.finish().map_err(internal)?;
    Ok(file)
}

/// Only our own text is compressed: other tools look for theirs as it stands.
fn chunks(metadata: Option<&Metadata>) -> Vec<ITXtChunk> {
    let Some(Metadata { graph, facts, parameters }) = metadata else { return Vec::new() };
    let mut graph = ITXtChunk::new("weft", graph.as_str());
    graph.compressed = true;
    let mut chunks = vec![graph, ITXtChunk::new("weft-info", facts.as_str())];
    if !parameters.is_empty() {
        chunks.push(ITXtChunk::new("parameters", parameters.as_str()));
    }
    chunks.push(ITXtChunk::new("XML:com.adobe.xmp", XMP));
    chunks
}

/// Its format has no transparency: an alpha channel is left out.
pub fn jpeg(picture: &Picture, quality: u8, metadata: Option<&Metadata>) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    let exif = metadata.map(|metadata| exif::user_comment(&metadata.graph));
    if let Some(exif) = exif.filter(|exif| exif.len() <= LARGEST_EXIF) {
        encoder.set_exif_metadata(exif).map_err(internal)?;
    }
    let Picture { width, height, bytes, has_alpha } = picture;
    let rgb = if *has_alpha { Cow::Owned(without_alpha(bytes)) } else { Cow::Borrowed(bytes) };
    encoder.write_image(&rgb, *width, *height, ExtendedColorType::Rgb8).map_err(internal)?;
    Ok(if metadata.is_some() { jpeg_with_xmp(&file) } else { file })
}

fn without_alpha(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// Behind the first segment, which must stay the first.
fn jpeg_with_xmp(file: &[u8]) -> Vec<u8> {
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat();
    let length = (xmp.len() + 2) as u16;
    let (start, rest) = file.split_at(4 + usize::from(u16::from_be_bytes([file[4], file[5]])));
    [start, &[0xff, 0xe1], &length.to_be_bytes(), &xmp, rest].concat()
}

/// Without loss: there is no `quality`.
pub fn webp(picture: &Picture, metadata: Option<&Metadata>) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut file);
    if let Some(metadata) = metadata {
        encoder.set_exif_metadata(exif::user_comment(&metadata.graph)).map_err(internal)?;
    }
    let color = if picture.has_alpha { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 };
    encoder.write_image(&picture.bytes, picture.width, picture.height, color).map_err(internal)?;
    Ok(if metadata.is_some() { webp_with_xmp(file) } else { file })
}

/// As the last chunk, announced in the header that the EXIF brought with it.
fn webp_with_xmp(mut file: Vec<u8>) -> Vec<u8> {
    const HAS_XMP: u8 = 4;
    file[20] |= HAS_XMP;
    file.extend(b"XMP ");
    file.extend((XMP.len() as u32).to_le_bytes());
    file.extend(XMP.as_bytes());
    file.resize(file.len().next_multiple_of(2), 0);
    let length = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    file
}

fn internal(error: impl Display) -> Error {
    Error::new(ErrorKind::Internal, format!("the picture could not be encoded: {error}"))
}

#[cfg(test)]
mod tests {
    use image::codecs::{jpeg::JpegDecoder, webp::WebPDecoder};
    use image::{DynamicImage, ImageDecoder};
    use std::io::Cursor;

    use super::*;
    use crate::decode::decode;

    fn picture() -> Picture {
        Picture { width: 17, height: 5, bytes: (0..17 * 5 * 3).map(|number| number as u8).collect(), has_alpha: false }
    }

    fn metadata(graph: &str) -> Metadata {
        Metadata { graph: graph.to_owned(), facts: "{}".to_owned(), parameters: "a fox\nSteps: 8".to_owned() }
    }

    fn assert_same(file: &[u8]) {
        let numbers: Vec<f32> = picture().bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        assert_eq!(decode(file).unwrap().rgb, numbers);
    }

    #[test]
    fn png_keeps_pixels_and_texts() {
        let file = png(&picture(), Some(&metadata("Graph(\"füchse\")"))).unwrap();
        assert_same(&file);
        let reader = png::Decoder::new(Cursor::new(&file)).read_info().unwrap();
        let chunks = &reader.info().utf8_text;
        let texts: Vec<_> = chunks.iter().map(|chunk| (chunk.keyword.as_str(), chunk.get_text().unwrap())).collect();
        assert_eq!(texts[0], ("weft", "Graph(\"füchse\")".to_owned()));
        assert_eq!(texts[2], ("parameters", "a fox\nSteps: 8".to_owned()));
        assert!(texts[3].1.contains("trainedAlgorithmicMedia"));
        assert!(chunks[0].compressed && !chunks[2].compressed);
    }

    #[test]
    fn without_metadata_there_is_no_text() {
        let file = png(&picture(), None).unwrap();
        assert!(!file.windows(4).any(|name| [b"iTXt", b"tEXt", b"zTXt", b"eXIf"].contains(&name.try_into().unwrap())));
        assert_same(&webp(&picture(), None).unwrap());
        for file in [jpeg(&picture(), 90, None).unwrap(), webp(&picture(), None).unwrap()] {
            assert!(!file.windows(4).any(|name| name == b"Exif" || name == b"EXIF" || name == b"http"));
        }
    }

    #[test]
    fn jpeg_and_webp_hold_the_graph_and_the_mark() {
        let metadata = metadata("Graph(nodes: {})");
        let webp = webp(&picture(), Some(&metadata)).unwrap();
        assert_same(&webp);
        assert_holds(WebPDecoder::new(Cursor::new(&webp)).unwrap());
        let jpeg = jpeg(&picture(), 90, Some(&metadata)).unwrap();
        assert_holds(JpegDecoder::new(Cursor::new(&jpeg)).unwrap());
    }

    fn assert_holds(mut decoder: impl ImageDecoder) {
        let exif = decoder.exif_metadata().unwrap().unwrap();
        assert!(exif.ends_with(b"ASCII\0\0\0Graph(nodes: {})"));
        assert_eq!(decoder.xmp_metadata().unwrap().unwrap(), XMP.as_bytes());
        let decoded = DynamicImage::from_decoder(decoder).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (17, 5));
    }

    #[test]
    fn a_graph_too_large_for_a_jpeg_is_left_out() {
        let file = jpeg(&picture(), 90, Some(&metadata(&"x".repeat(70_000)))).unwrap();
        let mut decoder = JpegDecoder::new(Cursor::new(&file)).unwrap();
        assert_eq!(decoder.exif_metadata().unwrap(), None);
        assert!(decoder.xmp_metadata().unwrap().is_some());
        let largest = "x".repeat(LARGEST_EXIF - exif::user_comment("").len());
        assert!(jpeg(&picture(), 90, Some(&metadata(&largest))).unwrap().len() > 65_000);
    }
}
