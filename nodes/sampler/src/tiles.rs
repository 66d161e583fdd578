//! A latent larger than the model takes at once: in every pass overlapping tiles of it go through the model one after the
//! other, and their estimates are blended into one by smooth weights (MultiDiffusion, arXiv 2302.08113). The sampler
//! sees one estimate of the whole, so that noise, steps, guidance and mask are those of one picture.

use plugin_api::tiles::{Grid, Step};
use plugin_api::{Error, ErrorKind, Record, Result, Run, Session, Tensor, text};

use crate::latent::SCALE;
use crate::tile::Tile;

/// Latent numbers of a token along each side: tiles begin and end between tokens.
const TOKEN: i32 = 2;
const STEP: Step = Step { input: TOKEN, output: TOKEN };
const PIXELS: i32 = TOKEN * SCALE;
/// Tiles overlap by this part of their side or more.
const OVERLAP: i32 = 4;
/// What `auto` tries, in pixels: the size that models are made for, and smaller ones where even that is too much.
const SIDES: [i32; 5] = [1024, 768, 512, 384, SMALLEST];
const SMALLEST: i32 = 256;

/// The tiles of a latent.
pub struct Tiles(Grid);

impl Tiles {
    /// As the input `tile` says; none where the whole latent of this shape goes through the model at once.
    ///
    /// # Errors
    /// A text that is no choice, and [`ErrorKind::Limit`] where the memory that is free is too little.
    pub fn of(run: &Run, session: &Session, inputs: &Record, shape: [i32; 4]) -> Result<Option<Self>> {
        let memory = Memory { session, prompt: inputs.get("positive")?, free: run.info().get("free_memory")?, shape };
        let (side, why) = match Tile::parse(&inputs.get::<String>("tile")?)? {
            Tile::Off => (None, String::new()),
            Tile::Side(side) => (Some(side), String::new()),
            Tile::Auto => memory.automatic()?,
        };
        memory.check(side)?;
        let Some((side, grid)) = side.map(|side| (side, grid(side, shape))).filter(|(_, grid)| grid.count() > 1) else {
            return Ok(None);
        };
        run.note(&format!("{} in {} tiles of {side}{why}", pixels(shape), grid.count()));
        Ok(Some(Self(grid)))
    }

    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Height and width of every tile, in latent numbers.
    pub fn size(&self) -> [i32; 2] {
        sides(&self.0)
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

/// Height and width of every tile, in latent numbers.
fn sides(grid: &Grid) -> [i32; 2] {
    grid.tile().map(|side| side * TOKEN)
}

/// What passes need and what there is.
struct Memory<'a> {
    session: &'a Session,
    prompt: Record,
    /// Bytes.
    free: i64,
    shape: [i32; 4],
}

impl Memory<'_> {
    /// No side where a pass of the whole fits, or the model does not say what it needs. Otherwise that of the largest tiles
    /// that fit, or of the smallest where none does, and why there are tiles.
    fn automatic(&self) -> Result<(Option<i32>, String)> {
        let why = match self.needed(None) {
            Ok(bytes) if bytes > self.free => {
                format!(": a whole pass would need about {} of {} free", text::bytes(bytes), text::bytes(self.free))
            }
            Err(error) if error.kind == ErrorKind::Limit => format!(": {}", error.message),
            Ok(_) | Err(_) => return Ok((None, String::new())),
        };
        let fits = |side: &i32| self.needed(Some(*side)).is_ok_and(|bytes| bytes <= self.free);
        Ok((SIDES.into_iter().find(fits).or(SIDES.last().copied()), why))
    }

    /// That a pass of a tile, or of the whole where there is no side, fits. Who does not say what it needs is let through.
    fn check(&self, side: Option<i32>) -> Result<()> {
        match self.needed(side) {
            Ok(bytes) if bytes > self.free => Err(self.too_large(side, bytes)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Bytes that the model says one pass of a tile, or of the whole, needs.
    fn needed(&self, side: Option<i32>) -> Result<i64> {
        let [height, width] = side.map_or([self.shape[2], self.shape[3]], |side| sides(&grid(side, self.shape)));
        let args = Record::new()
            .with("conditioning", self.prompt.clone())
            .with("height", height)
            .with("width", width)
            .with("batch", self.shape[0]);
        let said = self.session.call("memory", &args)?;
        plugin_api::FromValue::from_value(&said).ok_or_else(|| Error::invalid("`memory` gave no number"))
    }

    fn too_large(&self, side: Option<i32>, bytes: i64) -> Error {
        let is_tiled = |side: &i32| grid(*side, self.shape).count() > 1;
        let how = side.filter(is_tiled).map_or("at once".to_owned(), |side| format!("in tiles of {side}"));
        let (needs, free) = (text::bytes(bytes), text::bytes(self.free));
        let what = format!("a pass of {} {how} needs about {needs} besides the model", pixels(self.shape));
        let help = match side {
            Some(..=SMALLEST) => "close other programs, or make a smaller picture or fewer at once",
            _ => "set `tile` to auto or to a smaller number",
        };
        Error::new(ErrorKind::Limit, format!("{what}, but {free} of memory are free")).help(help)
    }
}

/// "2048×1024".
fn pixels([_, _, height, width]: [i32; 4]) -> String {
    format!("{}×{}", width * SCALE, height * SCALE)
}
