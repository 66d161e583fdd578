//! The EXIF and XMP segments of a JPEG.

use std::io::{Read, Seek, SeekFrom};

use super::{Text, XMP, add, bytes, exif, io_reason};
use crate::limits;

const EXIF_MARK: &[u8] = b"Exif\0\0";
const XMP_MARK: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The texts of every segment up to the pixels.
pub fn texts(file: &mut (impl Read + Seek)) -> Result<Vec<Text>, String> {
    let mut texts = Vec::new();
    file.seek(SeekFrom::Start(2)).map_err(io_reason)?;
    for _ in 0..limits::PICTURE_PARTS {
        match two(file)? {
            // The pixels, or the end.
            [0xff, 0xda | 0xd9] => return Ok(texts),
            // A byte that only fills; the next one may be the marker's first.
            [0xff, 0xff] => file.seek_relative(-1).map_err(io_reason)?,
            // Markers without a segment.
            [0xff, 0x01 | 0xd0..=0xd8] => {}
            [0xff, marker] => {
                let length = u16::from_be_bytes(two(file)?).checked_sub(2).ok_or("a segment has no length")?;
                if marker == 0xe1 {
                    add(&mut texts, texts_of(&bytes(file, length.into())?));
                } else {
                    file.seek_relative(length.into()).map_err(io_reason)?;
                }
            }
            _ => return Err("a segment is not where the one before it ends".to_owned()),
        }
    }
    Err(format!("it has more than {} segments", limits::PICTURE_PARTS))
}

fn two(file: &mut impl Read) -> Result<[u8; 2], String> {
    let mut two = [0; 2];
    file.read_exact(&mut two).map_err(io_reason)?;
    Ok(two)
}

fn texts_of(segment: &[u8]) -> Vec<Text> {
    if let Some(block) = segment.strip_prefix(EXIF_MARK) {
        return exif::texts(block);
    }
    let xmp = segment.strip_prefix(XMP_MARK);
    let text = |xmp: &[u8]| Text { keyword: XMP.to_owned(), text: String::from_utf8(xmp.to_vec()).ok() };
    xmp.map(text).into_iter().collect()
}
