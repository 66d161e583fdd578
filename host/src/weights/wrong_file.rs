//! Says what a file is that is no safetensors file. By its first bytes, never by its name.

use plugin_api::{Error, Result};
use weft_formats::source::Source;

use super::file::File;

/// An error where the file's beginning is that of something else that people have.
pub fn refuse(file: &File, head: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    let (what, help) = if file.size() == 0 {
        ("is empty", "download or save it again")
    } else if text.starts_with("version https://git-lfs") {
        ("is a Git-LFS pointer, not the model itself", "run `git lfs pull` in its repository")
    } else if text.starts_with("<!doctype") || text.starts_with("<html") {
        ("is a web page, not a model", "download the file itself, not its page")
    } else if head.starts_with(b"GGUF") {
        ("is a GGUF file, which Weft does not read yet", "use a diffusers folder with .safetensors files")
    } else if text.starts_with("<?xml") || text.starts_with("{\"error") || is_words(head) {
        (
            "is a text, not a model; it may be the message of a server",
            "open it to read what it says, and download again",
        )
    } else if file.size() < 8 {
        ("is too short to be a safetensors file", "download or save it again")
    } else {
        return Ok(());
    };
    Err(Error::file(format!("{file} {what}")).help(help))
}

/// Whether it is written text. A safetensors file has zeros among its first eight bytes, the length of its header.
fn is_words(head: &[u8]) -> bool {
    head.len() >= 8 && head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}
