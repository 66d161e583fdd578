//! What a picture says of its origin: the graph that made it, or the prompt that another program left in it.

mod comfy;
mod exif;
mod jpeg;
mod parameters;
mod png_text;
mod prompt;
mod reason;
mod size;
#[cfg(test)]
mod tests;
mod webp;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use crate::error::{Code, Error, Result, io_cause};
use crate::limits;

pub use prompt::Prompt;
pub use size::size;

/// What a picture holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// The text of the graph that made it.
    Weft(String),
    /// What another program was asked for.
    Prompt(Prompt),
}

/// A text in a picture. Texts in EXIF and XMP stand under the keyword that a PNG would have for them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    keyword: String,
    /// None where it cannot be read, or where nobody asks for it.
    text: Option<String>,
}

/// Our own graph.
const GRAPH: &str = "weft";
/// What Weft says of the picture besides.
const FACTS: &str = "weft-info";
/// The text that AUTOMATIC1111's web UI began.
const PARAMETERS: &str = "parameters";
/// The nodes that ComfyUI ran, as JSON.
const NODES: &str = "prompt";
/// The same as ComfyUI's editor shows them.
const WORKFLOW: &str = "workflow";
const SOFTWARE: &str = "Software";
const XMP: &str = "XML:com.adobe.xmp";
/// The texts that are read; others count as there.
const READ: [&str; 5] = [GRAPH, PARAMETERS, NODES, SOFTWARE, XMP];

#[derive(Debug, Clone, Copy)]
enum Format {
    Png,
    Jpeg,
    WebP,
}

impl Format {
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        }
    }
}

/// Whether the file begins as a PNG, JPEG or WebP does. A pipe is none: looking at it would take from it.
pub fn is_picture(path: &Path) -> bool {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).is_ok_and(|mut file| format(&mut file).is_ok_and(|format| format.is_some()))
}

/// The format by the first bytes; the file stands at its beginning again.
fn format(file: &mut (impl Read + Seek)) -> std::io::Result<Option<Format>> {
    let mut head = Vec::new();
    file.take(12).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(Format::of(&head))
}

/// The text of the graph that made the picture.
///
/// # Errors
/// No picture, a broken one, or one without a graph.
pub fn graph_of(path: &Path) -> Result<String> {
    match found_in(path)? {
        Found::Weft(text) => Ok(text),
        Found::Prompt(prompt) => {
            Err(Error::new(Code::Unreadable, format!("{} holds no graph, but a prompt", path.display()))
                .cause(format!("it is not made by Weft: {} wrote it", prompt.tool))
                .help("`weft edit` makes a graph of the prompt"))
        }
    }
}

/// The graph that made the picture, or the prompt that another program left in it.
///
/// # Errors
/// No picture, a broken one, or one that tells neither; then the message says what it holds instead.
pub fn found_in(path: &Path) -> Result<Found> {
    let unreadable = |error: std::io::Error| {
        Error::reading(Code::Unreadable, path, &error)
            .help("give the path of a PNG, JPEG or WebP picture that Weft made")
    };
    let fail = |what: String| Error::new(Code::Unreadable, format!("{} {what}", path.display()));
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let format = format(&mut file).map_err(unreadable)?.ok_or_else(|| {
        fail("is not a PNG, JPEG or WebP picture".to_owned())
            .help("the graph is kept in the PNG, JPEG and WebP files that Weft writes")
    })?;
    let texts = texts(format, file)
        .map_err(|why| fail(format!("is a broken {}", format.name())).cause(why).help("save or download it again"))?;
    found(&texts).ok_or_else(|| reason::of(&texts, fail))
}

fn texts(format: Format, mut file: impl BufRead + Seek) -> std::result::Result<Vec<Text>, String> {
    match format {
        Format::Png => png_text::texts(file),
        Format::Jpeg => jpeg::texts(&mut file),
        Format::WebP => webp::texts(&mut file),
    }
}

fn found(texts: &[Text]) -> Option<Found> {
    // A picture of ours also has `parameters`. They are no substitute for a graph that is there and broken.
    if texts.iter().any(|text| text.keyword == GRAPH) {
        return text(texts, GRAPH).map(|text| Found::Weft(text.to_owned()));
    }
    let prompt = text(texts, PARAMETERS).and_then(parameters::read);
    prompt.or_else(|| text(texts, NODES).and_then(comfy::read)).map(Found::Prompt)
}

fn text<'a>(texts: &'a [Text], keyword: &str) -> Option<&'a str> {
    texts.iter().filter(|text| text.keyword == keyword).find_map(|text| text.text.as_deref())
}

/// Keeps the first text of every keyword: a file may repeat itself without end.
fn add(texts: &mut Vec<Text>, more: impl IntoIterator<Item = Text>) {
    for text in more {
        if texts.iter().all(|known| known.keyword != text.keyword) {
            texts.push(text);
        }
    }
}

/// Why a file could not be read to the end of its texts.
fn io_reason(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "it ends in the middle".to_owned(),
        _ => io_cause(&error),
    }
}

/// `length` bytes of a file. What the file does not have takes no memory.
fn bytes(file: &mut impl Read, length: u64) -> std::result::Result<Vec<u8>, String> {
    if length > limits::EXIF_BYTES {
        return Err(format!("a part of it has {length} bytes, but {} is the most", limits::EXIF_BYTES));
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(io_reason)?;
    if (bytes.len() as u64) < length { Err("it ends in the middle".to_owned()) } else { Ok(bytes) }
}
