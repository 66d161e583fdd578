//! The EXIF and XMP chunks of a WebP.

use std::io::{Read, Seek, SeekFrom};

use super::{Text, XMP, add, bytes, exif, io_reason};
use crate::limits;

/// `RIFF`, the length of the rest, `WEBP`.
const HEADER: u64 = 12;

/// The texts of every chunk; EXIF and XMP stand behind the pixels.
pub fn texts(file: &mut (impl Read + Seek)) -> Result<Vec<Text>, String> {
    let end = file.seek(SeekFrom::End(0)).map_err(io_reason)?;
    let mut at = HEADER;
    let mut texts = Vec::new();
    for _ in 0..limits::PICTURE_PARTS {
        if at >= end {
            return Ok(texts);
        }
        file.seek(SeekFrom::Start(at)).map_err(io_reason)?;
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(io_reason)?;
        let [a, b, c, d, length @ ..] = head;
        let length = u64::from(u32::from_le_bytes(length));
        if at + 8 + length > end {
            return Err("it ends in the middle".to_owned());
        }
        match &[a, b, c, d] {
            b"EXIF" => add(&mut texts, exif::texts(&bytes(file, length)?)),
            b"XMP " => {
                let text = String::from_utf8(bytes(file, length)?).ok();
                add(&mut texts, [Text { keyword: XMP.to_owned(), text }]);
            }
            _ => {}
        }
        at += 8 + length.next_multiple_of(2);
    }
    Err(format!("it has more than {} chunks", limits::PICTURE_PARTS))
}
