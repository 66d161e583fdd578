//! Picture files, known by their first bytes, into numbers. Colour profiles are not applied: numbers are taken as
//! they stand, as other tools of the field do.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};
use plugin_api::{Error, ErrorKind, Result};

/// Of a side, in pixels.
const LARGEST_SIDE: u32 = 16_384;
/// Of a picture as numbers, four float32 a pixel.
const LARGEST_PICTURE: u64 = 2 << 30;

/// What other files begin with.
const OTHERS: &[(&[u8], &str)] = &[
    (b"<", "a web page or another text in angle brackets (a failed download?)"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with `git lfs pull`"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"PK\x03\x04", "a ZIP archive"),
];

/// A picture as numbers in 0..1, rows from the top.
#[derive(Debug)]
pub struct Decoded {
    pub width: i32,
    pub height: i32,
    /// Three numbers a pixel.
    pub rgb: Vec<f32>,
    /// 1 − alpha: what is transparent is what an inpainting would fill. 0 everywhere in an opaque picture.
    pub mask: Vec<f32>,
}

pub fn decode(bytes: &[u8]) -> Result<Decoded> {
    let pixels = upright(bytes)?.to_rgba32f();
    Ok(Decoded {
        width: pixels.width() as i32,
        height: pixels.height() as i32,
        rgb: pixels.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        mask: pixels.pixels().map(|pixel| 1.0 - pixel[3]).collect(),
    })
}

/// The picture, turned as its EXIF says.
fn upright(bytes: &[u8]) -> Result<DynamicImage> {
    let mut decoder = decoder(bytes)?;
    check_size(decoder.dimensions())?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(LARGEST_PICTURE);
    decoder.set_limits(limits).map_err(broken)?;
    let orientation = decoder.orientation().map_err(broken)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn decoder(bytes: &[u8]) -> Result<Box<dyn ImageDecoder + '_>> {
    let file = Cursor::new(bytes);
    Ok(match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => Box::new(PngDecoder::new(file).map_err(broken)?),
        Ok(ImageFormat::WebP) => Box::new(WebPDecoder::new(file).map_err(broken)?),
        Ok(ImageFormat::Jpeg) => {
            check_end_of_jpeg(bytes)?;
            Box::new(JpegDecoder::new(file).map_err(broken)?)
        }
        _ => return Err(not_a_picture(bytes)),
    })
}

fn check_size((width, height): (u32, u32)) -> Result<()> {
    let bytes = (u64::from(width) * u64::from(height)).saturating_mul(16);
    if width.max(height) <= LARGEST_SIDE && bytes <= LARGEST_PICTURE {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Limit, format!("the picture is too large: {width}×{height} pixels"))
        .help(format!("scale it down: a side may have {LARGEST_SIDE} pixels, a picture 134 million")))
}

/// The JPEG decoder fills up in grey what is missing, so we look for the end mark ourselves. It cannot stand inside
/// the coded picture, but it can in a preview that the headers hold: the search begins behind them.
fn check_end_of_jpeg(bytes: &[u8]) -> Result<()> {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        at += match marker {
            // Fill bytes.
            0xff => 1,
            _ => 2 + usize::from(u16::from_be_bytes([high, low])),
        };
        // The start of a scan: the picture follows its header.
        if marker == 0xda && bytes.get(at..).is_some_and(|coded| coded.windows(2).any(|pair| pair == [0xff, 0xd9])) {
            return Ok(());
        }
    }
    Err(incomplete("the JPEG has no end"))
}

fn not_a_picture(bytes: &[u8]) -> Error {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let found = OTHERS.iter().find(|(start, _)| bytes.starts_with(start) || text.starts_with(start));
    let what = match found {
        Some((_, what)) => what,
        None if bytes.is_empty() => "empty",
        None if bytes.get(4..8) == Some(b"ftyp") => "an AVIF, HEIC or video file",
        None => "in no format that is known here",
    };
    Error::file(format!("the file is no picture that can be read: it is {what}"))
        .help("give a PNG, JPEG or WebP; endings do not count, contents do")
}

fn broken(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => {
            Error::new(ErrorKind::Limit, "the picture needs more memory than 2 GiB").help("scale it down")
        }
        ImageError::IoError(_) => incomplete("the file ends in the middle of the picture"),
        ImageError::Unsupported(_) => {
            Error::file("the picture is of a sort that is not read: its colours or coding are unusual")
                .help("save it again as an ordinary RGB picture")
        }
        error => Error::file(format!("the picture is broken: {}", plainly(&error))).help("save or download it again"),
    }
}

/// What the decoder says; of its checksums' numbers only that they are wrong.
fn plainly(error: &ImageError) -> String {
    let text = error.to_string();
    let rest = text.split_once(": ").filter(|(start, _)| start.starts_with("Format error"));
    let text = rest.map_or(text.as_str(), |(_, rest)| rest);
    if text.starts_with("CRC error") { "a checksum does not fit its bytes".to_owned() } else { text.to_lowercase() }
}

fn incomplete(what: &str) -> Error {
    Error::file(format!("the picture is incomplete: {what}")).help("download or save it again")
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
    use plugin_api::ErrorKind;

    use super::decode;

    fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut file = std::io::Cursor::new(Vec::new());
        picture.into().write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    /// A picture of noise, so that its coded form is long.
    fn noise(side: u32) -> image::RgbImage {
        image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([(x * 37 + y * 91) as u8, (x * y * 13) as u8, (x ^ y) as u8])
        })
    }

    #[test]
    fn numbers_are_exact() {
        let picture = image::RgbaImage::from_raw(2, 1, vec![0, 51, 255, 255, 10, 20, 30, 51]).unwrap();
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let decoded = decode(&file(picture.clone(), format)).unwrap();
            assert_eq!((decoded.width, decoded.height), (2, 1));
            let expected = [0, 51, 255, 10, 20, 30].map(|byte| byte as f32 / 255.0);
            assert_eq!(decoded.rgb, expected);
            assert_eq!(decoded.mask, [0.0, 1.0 - 51.0 / 255.0]);
        }
    }

    #[test]
    fn gray_and_sixteen_bits() {
        let gray = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![65_535, 13_107]).unwrap();
        let decoded = decode(&file(gray, ImageFormat::Png)).unwrap();
        assert_eq!(decoded.rgb, [1.0, 1.0, 1.0, 0.2, 0.2, 0.2]);
        assert_eq!(decoded.mask, [0.0, 0.0]);
    }

    #[test]
    fn palettes() {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 2, 1);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(vec![255, 0, 0, 0, 0, 255]);
        encoder.set_trns(vec![255, 0]);
        encoder.write_header().unwrap().write_image_data(&[1, 0]).unwrap();
        let decoded = decode(&file).unwrap();
        assert_eq!(decoded.rgb, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(decoded.mask, [1.0, 0.0]);
    }

    #[test]
    fn turned_as_exif_says() {
        // Orientation 6: to be turned a quarter clockwise.
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let mut file = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 100);
        encoder.set_exif_metadata(exif).unwrap();
        let left_is_white: Vec<u8> = (0..16 * 8).map(|at| if at % 16 < 8 { 255 } else { 0 }).collect();
        encoder.write_image(&left_is_white, 16, 8, ExtendedColorType::L8).unwrap();
        let decoded = decode(&file).unwrap();
        assert_eq!((decoded.width, decoded.height), (8, 16));
        assert!(decoded.rgb[0] > 0.9 && *decoded.rgb.last().unwrap() < 0.1);
    }

    #[test]
    fn half_a_file_is_an_error() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let whole = file(noise(64), format);
            assert!(decode(&whole).is_ok());
            for length in [0, 1, 3, 8, 12, 20, 40, whole.len() / 2, whole.len() - 30] {
                let error = decode(&whole[..length]).unwrap_err();
                assert_eq!(error.kind, ErrorKind::File, "{format:?}, {length}: {error}");
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "empty"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf\n <html>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1", "LFS"),
            (b"GIF89a\x01\0\x01\0", "GIF"),
            (b"\0\0\0\x20ftypavif", "AVIF"),
            (b"hello", "no format that is known"),
        ];
        for (bytes, what) in cases {
            let error = decode(bytes).unwrap_err();
            assert!(error.message.contains(what) && error.kind == ErrorKind::File, "{error}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        for (width, height) in [(20_000, 1), (16_000, 16_000), (u32::MAX / 2, u32::MAX / 2)] {
            let mut file = Vec::new();
            let encoder = png::Encoder::new(&mut file, width, height);
            // The header alone, and a first piece of data.
            let mut writer = encoder.write_header().unwrap();
            writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 0x63, 0, 0]).unwrap();
            drop(writer);
            assert_eq!(decode(&file).unwrap_err().kind, ErrorKind::Limit, "{width}×{height}");
        }
    }
}
