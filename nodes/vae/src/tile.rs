//! The `tile` param: how much of a picture goes through the VAE at once.

use plugin_api::{Error, InputKind, Result};

pub const HELP: &str = "How much goes through the VAE at once: off = everything, auto = everything up to 1024×1024 \
    pixels and tiles of 1024 above that, or the side of a tile in pixels, a multiple of 16. Tiles need less memory.";

/// Above this many pixels `auto` works in tiles: what one pass needs grows with the picture.
const WHOLE: i64 = 1024 * 1024;
const AUTO_SIDE: i64 = 1024;
const SMALLEST: i64 = 128;

pub fn param() -> InputKind {
    InputKind::text("auto")
}

/// The side of a tile in pixels for a picture of this size; 0 is the whole picture.
pub fn side(tile: &str, width: i32, height: i32) -> Result<i64> {
    let fits = i64::from(width) * i64::from(height) <= WHOLE;
    match tile.trim() {
        "off" => Ok(0),
        "auto" if fits => Ok(0),
        "auto" => Ok(AUTO_SIDE),
        number => number.parse().ok().filter(|side| *side >= SMALLEST && side % 16 == 0).ok_or_else(|| {
            Error::invalid(format!("`tile` is \"{number}\""))
                .help(format!("write off, auto, or the side of a tile in pixels: a multiple of 16 from {SMALLEST} on"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::side;

    #[test]
    fn auto_tiles_only_what_is_large() {
        assert_eq!(side("auto", 1024, 1024), Ok(0));
        assert_eq!(side("auto", 2048, 512), Ok(0));
        assert_eq!(side("auto", 1040, 1024), Ok(1024));
        assert_eq!(side("off", 8192, 8192), Ok(0));
        assert_eq!(side(" 512", 64, 64), Ok(512));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "on", "-512", "100", "520", "1e3", "99999999999999999999"] {
            assert!(side(text, 64, 64).is_err(), "{text}");
        }
    }
}
