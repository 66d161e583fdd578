//! How many pixels a picture has, by its header.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::Format;
use crate::limits;

/// Height and width in pixels; none where the header does not say, for a picture that nobody will read because it is too large,
/// or for another format than PNG, JPEG and WebP.
pub fn size(path: &Path) -> Option<[u64; 2]> {
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))?;
    let mut file = BufReader::new(file);
    let size = match super::format(&mut file).ok()?? {
        Format::Png => png(&head(&mut file)?),
        Format::Jpeg => jpeg(&mut file),
        Format::WebP => webp(&head(&mut file)?),
    };
    size.filter(|sides| sides.iter().all(|side| (1..=u64::from(limits::PICTURE_SIDE)).contains(side)))
}

fn head(file: &mut impl Read) -> Option<[u8; 30]> {
    let mut head = [0; 30];
    file.read_exact(&mut head).ok()?;
    Some(head)
}

fn big<const N: usize>(bytes: &[u8]) -> Option<u64> {
    Some(bytes.get(..N)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

fn little<const N: usize>(bytes: &[u8]) -> Option<u64> {
    Some(bytes.get(..N)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// IHDR is the first chunk: width, then height.
fn png(head: &[u8]) -> Option<[u64; 2]> {
    Some([big::<4>(&head[20..])?, big::<4>(&head[16..])?])
}

/// The frame header (SOF) stands before the pixels: length, precision, height, width.
fn jpeg(file: &mut (impl Read + Seek)) -> Option<[u64; 2]> {
    file.seek(SeekFrom::Start(2)).ok()?;
    let mut segment = [0; 9];
    for _ in 0..limits::PICTURE_PARTS {
        file.read_exact(&mut segment).ok()?;
        if segment[0] != 0xff {
            return None;
        }
        let length = big::<2>(&segment[2..])?;
        match segment[1] {
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => return Some([big::<2>(&segment[5..])?, big::<2>(&segment[7..])?]),
            0xd8..=0xda => return None,
            _ => {}
        }
        file.seek(SeekFrom::Current(2 + length as i64 - segment.len() as i64)).ok()?;
    }
    None
}

/// By the kind of the first chunk: with features, lossless, or lossy.
fn webp(head: &[u8]) -> Option<[u64; 2]> {
    let side = |bits: u64| (bits & 0x3fff) + 1;
    match head.get(12..16)? {
        b"VP8X" => Some([little::<3>(&head[27..])? + 1, little::<3>(&head[24..])? + 1]),
        b"VP8L" => little::<4>(&head[21..]).map(|bits| [side(bits >> 14), side(bits)]),
        b"VP8 " => Some([little::<2>(&head[28..])? & 0x3fff, little::<2>(&head[26..])? & 0x3fff]),
        _ => None,
    }
}

#[cfg(all(test, feature = "editor"))]
mod tests {
    use image::{ImageFormat, RgbImage};

    use super::*;

    #[test]
    fn headers_say_height_and_width() {
        let folder = tempfile::tempdir().unwrap();
        for (name, format) in [("a", ImageFormat::Png), ("b", ImageFormat::Jpeg), ("c", ImageFormat::WebP)] {
            let path = folder.path().join(name);
            RgbImage::new(301, 77).save_with_format(&path, format).unwrap();
            assert_eq!(size(&path), Some([77, 301]), "{format:?}");
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len().min(24)]).unwrap();
            assert_eq!(size(&path), None, "{format:?}, cut");
        }
        assert_eq!(size(folder.path()), None);
        let path = folder.path().join("bomb");
        RgbImage::new(1, 1).save_with_format(&path, ImageFormat::Png).unwrap();
        let mut bomb = std::fs::read(&path).unwrap();
        bomb[16..24].copy_from_slice(&[0x7f; 8]);
        std::fs::write(&path, bomb).unwrap();
        assert_eq!(size(&path), None);
    }
}
