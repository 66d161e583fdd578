//! The graph inside a picture.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::error::{Code, Error, Result};
use crate::limits;

/// The keyword of the PNG text chunk that holds the graph.
const KEYWORD: &str = "weft";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Whether the file begins as a PNG does.
pub fn is_png(path: &Path) -> bool {
    let mut head = [0; 8];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == PNG
}

/// The text of the graph that made the picture.
///
/// # Errors
/// No PNG, a broken one, or one without a graph.
pub fn graph_of(path: &Path) -> Result<String> {
    let fail = |what: &str| Error::new(Code::Unreadable, format!("{} {what}", path.display()));
    let file = File::open(path).map_err(|error| {
        Error::reading(Code::Unreadable, path, &error).help("give the path of a PNG picture that Weft made")
    })?;
    if !is_png(path) {
        return Err(fail("is not a PNG picture").help("the graph is kept in the PNG files that Weft writes"));
    }
    let broken = |error: png::DecodingError| fail("is a broken PNG").cause(error).help("save or download it again");
    let limits = png::Limits { bytes: limits::PNG_TEXT_BYTES };
    let mut reader = png::Decoder::new_with_limits(BufReader::new(file), limits).read_info().map_err(broken)?;
    // Text may also stand behind the pixels, which are skipped.
    reader.finish().map_err(broken)?;
    let chunks = &reader.info().utf8_text;
    let mut chunk = chunks.iter().find(|chunk| chunk.keyword == KEYWORD).cloned().ok_or_else(|| {
        fail("holds no graph")
            .help("it was not made by Weft, was saved with metadata off, or another program dropped it")
    })?;
    // A few bytes can unpack to any number.
    chunk.decompress_text_with_limit(limits::PNG_TEXT_BYTES).map_err(|_| {
        let cause = format!("its text is broken, or unpacks to more than {} MiB", limits::PNG_TEXT_BYTES >> 20);
        fail("holds no graph that can be read").cause(cause).help("run the graph's own .ron file")
    })?;
    chunk.get_text().map_err(broken)
}
