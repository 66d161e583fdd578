//! Pictures for the screen: decoded, within limits, and small ones for the history.

use std::path::Path;
use std::sync::Arc;

use image::{ImageBuffer, ImageReader, Limits, Rgba, imageops};

use super::Picture;
use crate::limits;

/// Longer side of a picture in the history.
const THUMBNAIL: u32 = 512;

impl Picture {
    /// The picture in a file; none where it is no picture, or one beyond the limits.
    pub fn open(path: &Path) -> Option<Self> {
        // Opening a pipe would wait for its writer for ever.
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(limits::PICTURE_SIDE);
        limits.max_image_height = Some(limits::PICTURE_SIDE);
        limits.max_alloc = Some(limits::PICTURE_BYTES);
        reader.limits(limits);
        let image = reader.decode().ok()?;
        // What was decoded may still grow here: grey becomes four numbers.
        if u64::from(image.width()) * u64::from(image.height()) * 4 > limits::PICTURE_BYTES {
            return None;
        }
        let image = image.into_rgba8();
        let (width, height) = image.dimensions();
        Some(Self { width, height, rgba: image.into_raw(), file: Some(path.to_owned()), is_preview: false })
    }

    /// Of pixels row by row, three bytes each; none where they do not fill the size.
    pub(super) fn of_rgb(width: u32, height: u32, rgb: &[u8], is_preview: bool) -> Option<Self> {
        let bytes = (u64::from(width) * u64::from(height)).checked_mul(3);
        if rgb.is_empty() || bytes != Some(rgb.len() as u64) {
            return None;
        }
        let rgba = rgb.as_chunks().0.iter().flat_map(|&[r, g, b]| [r, g, b, u8::MAX]).collect();
        Some(Self { width, height, rgba, file: None, is_preview })
    }

    /// The same picture where it is small, a smaller one of the same file otherwise.
    pub(super) fn thumbnail(picture: &Arc<Self>) -> Arc<Self> {
        let longer = picture.width.max(picture.height);
        if longer <= THUMBNAIL {
            return Arc::clone(picture);
        }
        let pixels = ImageBuffer::<Rgba<u8>, &[u8]>::from_raw(picture.width, picture.height, &picture.rgba);
        let Some(image) = pixels else { return Arc::clone(picture) };
        let side = |side: u32| (u64::from(side) * u64::from(THUMBNAIL) / u64::from(longer)).max(1) as u32;
        let (width, height) = (side(picture.width), side(picture.height));
        let rgba = imageops::thumbnail(&image, width, height).into_raw();
        Arc::new(Self { width, height, rgba, file: picture.file.clone(), is_preview: picture.is_preview })
    }
}

#[cfg(test)]
mod tests {
    use image::RgbaImage;

    use super::*;

    #[test]
    fn pixels_that_do_not_fill_the_size_are_no_picture() {
        let picture = Picture::of_rgb(2, 1, &[1, 2, 3, 4, 5, 6], true).unwrap();
        assert_eq!(picture.rgba, [1, 2, 3, 255, 4, 5, 6, 255]);
        assert!(Picture::of_rgb(2, 2, &[0; 6], true).is_none());
        assert!(Picture::of_rgb(0, 0, &[], true).is_none());
        assert!(Picture::of_rgb(u32::MAX, u32::MAX, &[0; 3], true).is_none());
    }

    #[test]
    fn thumbnails_keep_the_shape_and_the_file() {
        let of = |width: u32, height: u32| {
            let rgba = vec![200; (width * height * 4) as usize];
            Arc::new(Picture { width, height, rgba, file: Some("a.png".into()), is_preview: false })
        };
        let small = of(512, 20);
        assert!(Arc::ptr_eq(&Picture::thumbnail(&small), &small));
        let large = Picture::thumbnail(&of(2048, 1024));
        assert_eq!((large.width, large.height, large.rgba.len()), (512, 256, 512 * 256 * 4));
        assert_eq!(large.file, Some("a.png".into()));
        assert_eq!(Picture::thumbnail(&of(5000, 1)).height, 1);
    }

    #[test]
    fn broken_and_huge_files_are_no_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        assert!(Picture::open(&path).is_none());
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nhalf").unwrap();
        assert!(Picture::open(&path).is_none());
        RgbaImage::new(limits::PICTURE_SIDE + 1, 1).save(&path).unwrap();
        assert!(Picture::open(&path).is_none());
        RgbaImage::new(3, 2).save(&path).unwrap();
        assert_eq!(Picture::open(&path).map(|picture| picture.rgba.len()), Some(24));
    }
}
