//! Says what a file is that is no safetensors file. By its first bytes, never by its name.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use plugin_api::{Error, Result};

/// An error where the file's beginning is that of something else that people have.
pub fn refuse(path: &Path, file: &File, size: u64) -> Result<()> {
    let mut head = [0; 256];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    let head = &head[..read];
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    let (what, help) = if size == 0 {
        ("is empty", "download or save it again")
    } else if text.starts_with("version https://git-lfs") {
        ("is a Git-LFS pointer, not the model itself", "run `git lfs pull` in its repository")
    } else if text.starts_with("<!doctype") || text.starts_with("<html") {
        ("is a web page, not a model", "download the file itself, not its page")
    } else if is_pickle(head) {
        ("is a pickle (.ckpt, .pt, .pth), which can run code and is never opened", "use a .safetensors file")
    } else if head.starts_with(b"GGUF") {
        ("is a GGUF file, which Weft does not read yet", "use a diffusers folder with .safetensors files")
    } else if text.starts_with("<?xml") || text.starts_with("{\"error") || is_words(head) {
        (
            "is a text, not a model; it may be the message of a server",
            "open it to read what it says, and download again",
        )
    } else if size < 8 {
        ("is too short to be a safetensors file", "download or save it again")
    } else {
        return Ok(());
    };
    Err(Error::file(format!("{} {what}", path.display())).help(help))
}

/// A bare pickle of protocol 2 to 5, or the archive that torch puts one into. A safetensors file may begin with the same
/// two bytes, as the length of its header; then zeros follow.
fn is_pickle(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
        || matches!(head, [0x80, 2..=5, rest @ ..] if rest.iter().take(6).any(|byte| *byte != 0))
}

/// Whether it is written text. A safetensors file has zeros among its first eight bytes, the length of its header.
fn is_words(head: &[u8]) -> bool {
    head.len() >= 8 && head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_s_length_is_no_pickle() {
        assert!(is_pickle(b"\x80\x02}q\0(X\x05") && is_pickle(b"\x80\x04\x95\0\0\0\0") && is_pickle(b"PK\x03\x04"));
        for length in [640u64, 896, 1152, 1408] {
            assert!(!is_pickle(&[&length.to_le_bytes()[..], b"{\"a\""].concat()), "{length}");
        }
    }
}
