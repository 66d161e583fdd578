//! How an upscaler is tiled: what it says of itself, what was asked for, and what the memory allows.

use plugin_api::tiles::{Grid, Step};
use plugin_api::{Error, ErrorKind, Record, Result, Session, text};

/// The smallest tile that memory may shrink one to, in pixels.
const SMALLEST: i32 = 64;
/// What is left to others of the free memory: one part of so many.
const SPARE: i64 = 8;
/// Bytes of an RGB pixel in float32.
const PIXEL: i64 = 12;

/// What an upscaler says of itself.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub scale: i32,
    /// Tiles begin at multiples of it.
    multiple: i32,
    /// How far pixels matter to each other.
    radius: i32,
    /// Bytes of a pass for each pixel of the input.
    bytes: i64,
}

/// Side and overlap of tiles, in pixels of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    pub side: i32,
    pub overlap: i32,
}

/// Pictures, and their sizes before and after.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub count: i32,
    /// Height and width.
    pub from: [i32; 2],
    pub to: [i32; 2],
}

impl About {
    /// Asks the upscaler. All but `scale` may be absent.
    pub fn of(session: &Session) -> Result<Self> {
        let value = session.call("about", &Record::new())?;
        let about = Record::new().with("about", value).get::<Record>("about")?;
        let number = |key: &str, least: i64| Ok(about.find::<i64>(key)?.unwrap_or(least).clamp(least, 1 << 30));
        let scale = number("scale", 1)?;
        // Where it is not told: four pictures of 64 channels in float32.
        let bytes = if number("bytes", 0)? > 0 { number("bytes", 1)? } else { 4 * 64 * 4 * scale * scale };
        let (multiple, radius) = (number("multiple", 1)?, number("radius", 0)?);
        Ok(Self { scale: scale as i32, multiple: multiple as i32, radius: radius as i32, bytes })
    }

    /// The grid of a picture of `sizes`.
    pub fn grid(&self, sizes: &Sizes, tiles: Tiles) -> Grid {
        let units = |pixels: i32| (pixels + self.multiple - 1) / self.multiple;
        let (side, overlap, radius) = (units(tiles.side), units(tiles.overlap), units(self.radius));
        // With so much overlap no pixel is taken from where its tile saw too little; with less, the worst are left away.
        let margin = if 2 * radius <= overlap { radius } else { overlap / 4 };
        let step = Step { input: self.multiple, output: self.multiple * self.scale };
        Grid::new(sizes.from.map(units), side, overlap, step).margin(margin).resized(sizes.to)
    }
}

/// The largest tiles up to those asked for that fit into `free` bytes, and a sentence where they are smaller.
///
/// # Errors
/// Not even the smallest fit, or the result does not.
pub fn tiles(about: &About, sizes: &Sizes, asked: Tiles, free: i64) -> Result<(Tiles, Option<String>)> {
    let free = free - free / SPARE;
    let left = free - canvas(sizes);
    let needed = about.pass(sizes, asked.side);
    if needed <= left {
        return Ok((asked, None));
    }
    let sides = (1..).map(|sixteenths| sixteenths * 16).take_while(|side| *side < asked.side);
    let fits = sides.filter(|side| *side >= SMALLEST && about.pass(sizes, *side) <= left).last();
    let side = fits.ok_or_else(|| too_large(sizes, canvas(sizes) + about.pass(sizes, SMALLEST), free))?;
    let tiles = Tiles { side, overlap: asked.overlap.min(side / 4) };
    let note = format!(
        "tiles of {side}×{side} pixels that overlap by {}: those of {}×{} need {}, and {} are free",
        tiles.overlap,
        asked.side,
        asked.side,
        text::bytes(needed),
        text::bytes(left)
    );
    Ok((tiles, Some(note)))
}

impl About {
    /// Bytes that a tile's pass needs, and the rows of the result to which its tiles are added. A picture smaller than the
    /// tile is all of it.
    fn pass(&self, sizes: &Sizes, side: i32) -> i64 {
        let [height, width] = sizes.from.map(|size| i64::from(size.min(side)));
        let [rows, columns] = sizes.to.map(i64::from);
        let rows = rows * height / i64::from(sizes.from[0]);
        self.bytes.saturating_mul(height * width).saturating_add(PIXEL * rows * columns)
    }
}

/// Bytes of the result; several pictures are there twice when they are put together.
fn canvas(sizes: &Sizes) -> i64 {
    let one = PIXEL.saturating_mul(i64::from(sizes.to[0]) * i64::from(sizes.to[1]));
    one.saturating_mul(if sizes.count > 1 { 2 * i64::from(sizes.count) } else { 1 })
}

fn too_large(sizes: &Sizes, needed: i64, free: i64) -> Error {
    let [height, width] = sizes.to;
    let pictures = if sizes.count > 1 { format!("{} pictures", sizes.count) } else { "a picture".to_owned() };
    let what = format!("{pictures} of {width}×{height} pixels in float32 and the smallest tile");
    let needed = format!("{what} need {}, but only {} of memory are free", text::bytes(needed), text::bytes(free));
    Error::new(ErrorKind::Limit, needed).help("lower `scale`, give a smaller picture, or close other programs")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About = About { scale: 4, multiple: 1, radius: 100, bytes: 16_384 };

    fn sizes(side: i32, scale: i32) -> Sizes {
        Sizes { count: 1, from: [side; 2], to: [side * scale; 2] }
    }

    fn fitted(sizes: &Sizes, free: i64) -> Result<(Tiles, Option<String>)> {
        tiles(&ABOUT, sizes, Tiles { side: 512, overlap: 32 }, free)
    }

    #[test]
    fn with_enough_memory_tiles_are_what_was_asked_for() {
        assert_eq!(fitted(&sizes(1024, 4), 8 << 30).unwrap(), (Tiles { side: 512, overlap: 32 }, None));
        // A tile is no larger than the picture.
        assert_eq!(fitted(&sizes(100, 4), 200 << 20).unwrap().0.side, 512);
    }

    #[test]
    fn with_less_they_are_smaller_and_the_numbers_are_told() {
        let (tiles, note) = fitted(&sizes(1024, 4), 2 << 30).unwrap();
        assert_eq!(tiles, Tiles { side: 304, overlap: 32 });
        let note = note.unwrap();
        assert!(note.contains("304×304") && note.contains("4.40 GB") && note.contains("1.68 GB"), "{note}");
        assert_eq!(fitted(&sizes(1024, 4), 330 << 20).unwrap().0, Tiles { side: 64, overlap: 16 });
    }

    #[test]
    fn what_cannot_fit_is_refused_with_numbers() {
        let error = fitted(&sizes(2048, 4), 800 << 20).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit);
        assert!(error.message.contains("8192×8192") && error.message.contains("0.90 GB"), "{}", error.message);
        assert!(fitted(&Sizes { count: 9, ..sizes(1024, 4) }, 3 << 30).is_err());
        assert!(fitted(&sizes(1024, 4), 0).is_err());
    }
}
