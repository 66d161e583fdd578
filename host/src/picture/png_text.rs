//! The text chunks of a PNG.

use std::io::{BufRead, Seek};

use super::{READ, Text, add, exif};
use crate::limits;

/// Every text, before and behind the pixels, which are skipped.
pub fn texts(file: impl BufRead + Seek) -> Result<Vec<Text>, String> {
    let limits = png::Limits { bytes: limits::PNG_TEXT_BYTES };
    let broken = |error: png::DecodingError| error.to_string();
    let mut reader = png::Decoder::new_with_limits(file, limits).read_info().map_err(broken)?;
    reader.finish().map_err(broken)?;
    let info = reader.info();
    let mut texts = Vec::new();
    for chunk in &info.utf8_text {
        add_once(&mut texts, &chunk.keyword, || {
            let mut chunk = chunk.clone();
            chunk.decompress_text_with_limit(limits::PNG_TEXT_BYTES).ok()?;
            chunk.get_text().ok()
        });
    }
    for chunk in &info.uncompressed_latin1_text {
        add_once(&mut texts, &chunk.keyword, || Some(as_utf8(chunk.text.clone())));
    }
    for chunk in &info.compressed_latin1_text {
        add_once(&mut texts, &chunk.keyword, || {
            let mut chunk = chunk.clone();
            chunk.decompress_text_with_limit(limits::PNG_TEXT_BYTES).ok()?;
            chunk.get_text().ok().map(as_utf8)
        });
    }
    add(&mut texts, info.exif_metadata.iter().flat_map(|block| exif::texts(block)));
    Ok(texts)
}

/// A few bytes can unpack to any number, so that only what is asked for is unpacked, and that once.
fn add_once(texts: &mut Vec<Text>, keyword: &str, text: impl FnOnce() -> Option<String>) {
    if texts.iter().all(|text| text.keyword != keyword) {
        let text = if READ.contains(&keyword) { text() } else { None };
        texts.push(Text { keyword: keyword.to_owned(), text });
    }
}

/// Latin-1 says the format, but programs also write UTF-8 there.
fn as_utf8(text: String) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(text)
}
