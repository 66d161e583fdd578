//! A latent larger than the model takes at once: in every pass overlapping tiles of it go through the model one after the
//! other, and their estimates are blended into one by smooth weights (MultiDiffusion, arXiv 2302.08113). The sampler
//! sees one estimate of the whole, so that noise, steps, guidance and mask are those of one picture.

use plugin_api::tiles::{Grid, Step};
use plugin_api::{Error, ErrorKind, Record, Result, Run, Session, Tensor};

use crate::latent::SCALE;
use crate::tile::Tile;

/// Latent numbers of a token along each side: tiles begin and end between tokens.
const TOKEN: i32 = 2;
const STEP: Step = Step { input: TOKEN, output: TOKEN };
const PIXELS: i32 = TOKEN * SCALE;
/// Tiles overlap by this part of their side or more.
const OVERLAP: i32 = 4;
/// What `auto` tries, in pixels: the size that models are made for, and smaller ones where even that is too much.
const SIDES: [i32; 5] = [1024, 768, 512, 384, 256];

/// The tiles of a latent.
pub struct Tiles(Grid);

impl Tiles {
    /// As the input `tile` says; none where the whole latent of this shape goes through the model at once.
    ///
    /// # Errors
    /// A text that is no choice.
    pub fn of(run: &Run, session: &Session, inputs: &Record, shape: [i32; 4]) -> Result<Option<Self>> {
        let (side, why) = match Tile::parse(&inputs.get::<String>("tile")?)? {
            Tile::Off => return Ok(None),
            Tile::Side(side) => (side, String::new()),
            Tile::Auto => match automatic(run, session, inputs, shape)? {
                Some((side, why)) => (side, format!(": {why}")),
                None => return Ok(None),
            },
        };
        let (grid, [width, height]) = (grid(side, shape), [shape[3], shape[2]].map(|side| side * SCALE));
        if grid.count() == 1 {
            return Ok(None);
        }
        run.note(&format!("{width}×{height} in {} tiles of {side}{why}", grid.count()));
        Ok(Some(Self(grid)))
    }

    /// Height and width of every tile, in latent numbers.
    pub fn size(&self) -> [i32; 2] {
        self.0.tile().map(|side| side * TOKEN)
    }

    /// Runs `model` over every tile of `x` `[n, c, h, w]`, with the tile's number, and blends what it gives.
    ///
    /// # Errors
    /// Whatever the model fails with.
    pub fn map(&self, x: &Tensor, mut model: impl FnMut(usize, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let (last, first) = ([0, 2, 3, 1], [0, 3, 1, 2]);
        let of_tile = |number, tile: &Tensor| Ok(model(number, &tile.transpose(&first))?.transpose(&last));
        Ok(self.0.map(&x.transpose(&last), of_tile)?.transpose(&first))
    }
}

/// Tiles of so many pixels.
fn grid(side: i32, [_, _, height, width]: [i32; 4]) -> Grid {
    let side = side / PIXELS;
    Grid::new([height / TOKEN, width / TOKEN], side, side / OVERLAP, STEP)
}

/// None where a pass of the whole fits into the memory that is free, or the model does not say what it needs. Otherwise the
/// side of the largest tiles that fit, or of the smallest where none does, and why there are tiles.
fn automatic(run: &Run, session: &Session, inputs: &Record, shape: [i32; 4]) -> Result<Option<(i32, String)>> {
    let prompt: Record = inputs.get("positive")?;
    let free: i64 = run.info().get("free_memory")?;
    let why = match needed(session, &prompt, shape) {
        Ok(bytes) if bytes > free => {
            format!("a whole pass would need about {} of {} free", gigabytes(bytes), gigabytes(free))
        }
        Err(error) if error.kind == ErrorKind::Limit => error.message,
        Ok(_) | Err(_) => return Ok(None),
    };
    let fits =
        |side: &i32| needed(session, &prompt, of_tile(&grid(*side, shape), shape)).is_ok_and(|need| need <= free);
    let side = SIDES.into_iter().find(fits).unwrap_or(SIDES[SIDES.len() - 1]);
    Ok(Some((side, why)))
}

fn of_tile(grid: &Grid, [count, channels, ..]: [i32; 4]) -> [i32; 4] {
    let [height, width] = grid.tile().map(|side| side * TOKEN);
    [count, channels, height, width]
}

/// Bytes that the model says one pass of a latent of this shape needs.
fn needed(session: &Session, prompt: &Record, [count, _, height, width]: [i32; 4]) -> Result<i64> {
    let args = Record::new()
        .with("conditioning", prompt.clone())
        .with("height", height)
        .with("width", width)
        .with("batch", count);
    let said = session.call("memory", &args)?;
    plugin_api::FromValue::from_value(&said).ok_or_else(|| Error::invalid("`memory` gave no number"))
}

fn gigabytes(bytes: i64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}
