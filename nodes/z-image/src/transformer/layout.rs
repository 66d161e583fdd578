//! How image and caption lie in one sequence, and where each token stands.

use plugin_api::{Error, Result};

use super::config::Config;
use super::too_large;

/// Side of a patch in latent pixels.
pub const PATCH: i32 = 2;
/// Image and caption are each filled up to a multiple of this many tokens.
const MULTIPLE: i32 = 32;

/// Patches of the image and tokens of the caption. The sequence is the image, its padding, the caption, its padding.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub rows: i32,
    pub columns: i32,
    pub caption_tokens: i32,
}

impl Layout {
    /// For a latent of `height` and `width`.
    ///
    /// # Errors
    /// An odd side, or more patches or tokens than the model has positions for.
    pub fn new(height: i32, width: i32, caption_tokens: i32, config: &Config) -> Result<Self> {
        if height < PATCH || width < PATCH || height % PATCH != 0 || width % PATCH != 0 {
            return Err(Error::invalid(format!("a latent of {width} × {height} cannot be cut into patches of 2 × 2"))
                .help("use a width and height that are multiples of 16"));
        }
        let layout = Self { rows: height / PATCH, columns: width / PATCH, caption_tokens };
        layout.check(config)?;
        Ok(layout)
    }

    fn check(&self, config: &Config) -> Result<()> {
        let [times, rows, columns] = config.axes_lens;
        if self.caption_tokens < 1 {
            return Err(Error::invalid("the conditioning has no tokens"));
        }
        if self.rows > rows || self.columns > columns {
            let (wide, high) = (self.columns, self.rows);
            return Err(too_large(format!("{wide} × {high} patches are too many: the model has {columns} × {rows}"))
                .help("use a smaller picture and upscale it"));
        }
        if self.caption_padded() + 1 >= times {
            let most = (times - 2) / MULTIPLE * MULTIPLE;
            return Err(too_large(format!(
                "the prompt has {} tokens, but the model takes {most}",
                self.caption_tokens
            )));
        }
        Ok(())
    }

    pub fn height(&self) -> i32 {
        self.rows * PATCH
    }

    pub fn width(&self) -> i32 {
        self.columns * PATCH
    }

    pub fn image_tokens(&self) -> i32 {
        self.rows * self.columns
    }

    pub fn image_padded(&self) -> i32 {
        padded(self.image_tokens())
    }

    pub fn caption_padded(&self) -> i32 {
        padded(self.caption_tokens)
    }

    /// Length of the sequence.
    pub fn tokens(&self) -> i32 {
        self.image_padded() + self.caption_padded()
    }

    /// Time, row and column of every token. The caption's padding counts on in time, the image's stands at the origin.
    pub fn positions(&self) -> Vec<[usize; 3]> {
        let caption = self.caption_padded() as usize;
        let (rows, columns) = (self.rows as usize, self.columns as usize);
        let image = (0..rows).flat_map(|row| (0..columns).map(move |column| [caption + 1, row, column]));
        let padding = (self.image_tokens()..self.image_padded()).map(|_| [0, 0, 0]);
        image.chain(padding).chain((1..=caption).map(|time| [time, 0, 0])).collect()
    }
}

fn padded(tokens: i32) -> i32 {
    tokens.saturating_add(MULTIPLE - 1) / MULTIPLE * MULTIPLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::ErrorKind;

    fn kind(height: i32, width: i32, tokens: i32) -> ErrorKind {
        Layout::new(height, width, tokens, &Config::default()).unwrap_err().kind
    }

    #[test]
    fn both_parts_are_filled_up_to_32() {
        let layout = Layout::new(6, 8, 33, &Config::default()).unwrap();
        assert_eq!((layout.image_tokens(), layout.image_padded()), (12, 32));
        assert_eq!((layout.caption_padded(), layout.tokens()), (64, 96));
        let full = Layout::new(8, 16, 32, &Config::default()).unwrap();
        assert_eq!((full.image_padded(), full.caption_padded()), (32, 32));
    }

    #[test]
    fn the_image_stands_behind_the_caption_in_time() {
        let positions = Layout::new(4, 6, 3, &Config::default()).unwrap().positions();
        assert_eq!(positions.len(), 64);
        assert_eq!(positions[..4], [[33, 0, 0], [33, 0, 1], [33, 0, 2], [33, 1, 0]]);
        assert_eq!(positions[6], [0, 0, 0]);
        assert_eq!(positions[31..34], [[0, 0, 0], [1, 0, 0], [2, 0, 0]]);
        assert_eq!(positions[63], [32, 0, 0]);
    }

    #[test]
    fn what_has_no_position_is_refused() {
        assert_eq!(kind(7, 8, 1), ErrorKind::Invalid);
        assert_eq!(kind(0, 8, 1), ErrorKind::Invalid);
        assert_eq!(kind(8, 8, 0), ErrorKind::Invalid);
        assert_eq!(kind(8, 1026, 1), ErrorKind::Limit);
        assert_eq!(kind(8, 8, 1023), ErrorKind::Limit);
        assert_eq!(kind(8, 8, i32::MAX), ErrorKind::Limit);
        assert!(Layout::new(1024, 1024, 992, &Config::default()).is_ok());
    }
}
