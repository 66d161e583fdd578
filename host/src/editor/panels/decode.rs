//! Reading picture files and making pictures small, on a thread of its own: a frame has no time for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use egui::{ColorImage, Context};
use image::RgbaImage;
use image::imageops::FilterType;

use crate::queue::Picture;

/// The thread. `Key` is what the one who asks calls a picture.
pub struct Thread<Key> {
    orders: Sender<(Key, Source, Context)>,
    done: Receiver<(Key, Option<ColorImage>)>,
}

/// Where a picture comes from, and the pixels that it may have a side.
pub enum Source {
    File(PathBuf, u32),
    Picture(Arc<Picture>, u32),
}

impl<Key: Send + 'static> Thread<Key> {
    /// None where the system has no thread left.
    pub fn start() -> Option<Self> {
        let (orders, waiting) = channel::<(Key, Source, Context)>();
        let (finished, done) = channel();
        let work = move || {
            for (key, source, ctx) in waiting {
                // A decoder that panics over a broken file costs that file's picture, nothing more.
                let image = catch_unwind(AssertUnwindSafe(|| source.read())).ok().flatten();
                if finished.send((key, image)).is_err() {
                    return;
                }
                ctx.request_repaint();
            }
        };
        std::thread::Builder::new().name("pictures".to_owned()).spawn(work).ok()?;
        Some(Self { orders, done })
    }

    /// Asks for a picture; `ctx` is drawn again when it is there.
    pub fn order(&self, key: Key, source: Source, ctx: &Context) {
        // A thread that is gone leaves the picture away, as a file that cannot be read does.
        let _ = self.orders.send((key, source, ctx.clone()));
    }

    /// What is there since the last call; none for what cannot be read.
    pub fn finished(&self) -> impl Iterator<Item = (Key, Option<ColorImage>)> {
        self.done.try_iter()
    }
}

impl Source {
    fn read(&self) -> Option<ColorImage> {
        match self {
            Self::File(path, side) => Some(small(pixels_of(Picture::open(path)?)?, *side)),
            Self::Picture(picture, side) => Some(small(pixels_of(Picture::clone(picture))?, *side)),
        }
    }
}

/// Scaled down to `side`, never up.
pub fn small(image: RgbaImage, side: u32) -> ColorImage {
    let (width, height) = image.dimensions();
    let scale = f64::from(side.max(1)) / f64::from(width.max(height).max(1));
    if scale >= 1.0 {
        return color_image(&image);
    }
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let (width, height) = (scaled(width), scaled(height));
    // A box filter first where there is much to leave out: quick, and the second one only smooths.
    let image = image::imageops::thumbnail(&image, width * 2, height * 2);
    color_image(&image::imageops::resize(&image, width, height, FilterType::Triangle))
}

fn color_image(image: &RgbaImage) -> ColorImage {
    ColorImage::from_rgba_unmultiplied([image.width() as usize, image.height() as usize], image.as_raw())
}

/// None where the picture has another number of bytes than its size says.
pub fn pixels_of(picture: Picture) -> Option<RgbaImage> {
    RgbaImage::from_raw(picture.width, picture.height, picture.rgba)
        .filter(|image| image.as_raw().len() as u64 == 4 * u64::from(image.width()) * u64::from(image.height()))
}
