//! The `tile` param: how much of a picture goes through the model at once.

use plugin_api::{Error, Result};

pub const HELP: &str = "How much goes through the model at once: off = everything, auto = tiles only where the memory does not do for \
    everything, or the side of a tile in pixels, a multiple of 16. Every step is one for the whole picture. Tiles see \
    their own part alone: near denoise 1 each draws the whole prompt.";

const SMALLEST: i32 = 64;

/// What the text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    Off,
    Auto,
    /// In pixels, a multiple of 16.
    Side(i32),
}

impl Tile {
    pub fn parse(text: &str) -> Result<Self> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            number => {
                number.parse().ok().filter(|side| *side >= SMALLEST && side % 16 == 0).map(Self::Side).ok_or_else(
                    || {
                        Error::invalid(format!("`tile` is \"{number}\"")).help(format!(
                            "write off, auto, or the side of a tile in pixels: a multiple of 16 from {SMALLEST} on"
                        ))
                    },
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tile;

    #[test]
    fn words_and_sides() {
        assert_eq!(Tile::parse("off"), Ok(Tile::Off));
        assert_eq!(Tile::parse(" auto"), Ok(Tile::Auto));
        assert_eq!(Tile::parse("1024"), Ok(Tile::Side(1024)));
        for text in ["", "on", "-64", "32", "72", "1e3", "99999999999999999999"] {
            assert!(Tile::parse(text).is_err(), "{text}");
        }
    }
}
