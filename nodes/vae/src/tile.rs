//! The `tile` param: how much of a picture goes through the VAE at once.

use plugin_api::{Error, ErrorKind, FromValue, InputKind, Record, Result, Run, Session, text};

pub const HELP: &str = "How much goes through the VAE at once: off = everything, auto = as much as the free memory holds, or \
    the side of a tile in pixels, a multiple of 16. Tiles need less memory and more time.";

/// What `auto` tries, from the fastest on, after the whole picture.
const SIDES: [i64; 8] = [2048, 1536, 1024, 768, 512, 384, 256, SMALLEST];
const SMALLEST: i64 = 128;
/// Beyond so many pixels the attention over all of them takes longer than tiles do.
const WHOLE: i64 = 2048 * 2048;
/// Share of the free memory that `auto` counts on: its needs are an estimate, and others want memory too.
const SHARE: f64 = 0.8;
/// Bytes a pixel of the whole picture where it is put together from tiles: three colours in float32, four times over.
const CANVAS: i64 = 4 * 3 * 4;
/// The side and the largest whole picture for a VAE that cannot tell what it needs.
const UNKNOWN: i64 = 1024;

pub fn param() -> InputKind {
    InputKind::text("auto")
}

/// Pictures that go through a VAE.
#[derive(Debug)]
pub struct Job<'a> {
    pub vae: &'a Session,
    /// "decode" or "encode".
    pub method: &'static str,
    pub count: i32,
    /// Height and width in pixels.
    pub size: [i32; 2],
}

impl Job<'_> {
    /// The side of a tile in pixels that `tile` asks for; 0 is the whole picture.
    ///
    /// # Errors
    /// No such side, and [`ErrorKind::Limit`] where the memory that is free is too little.
    pub fn side(&self, run: &Run, tile: &str) -> Result<i64> {
        let free: i64 = run.info().get("free_memory")?;
        match tile.trim() {
            "off" => self.checked(0, free),
            "auto" => self.auto(run, free),
            number => self.checked(parsed(number)?, free),
        }
    }

    fn checked(&self, side: i64, free: i64) -> Result<i64> {
        let fits = self.needs(side).is_none_or(|needs| needs <= free);
        if fits { Ok(side) } else { Err(self.too_large(side, free)) }
    }

    fn auto(&self, run: &Run, free: i64) -> Result<i64> {
        let Some(whole) = self.needs(0) else {
            return Ok(if self.pixels() <= UNKNOWN * UNKNOWN { 0 } else { UNKNOWN });
        };
        let budget = (free as f64 * SHARE) as i64;
        if whole <= budget && self.pixels() <= WHOLE {
            return Ok(0);
        }
        let longest = i64::from(self.size[0].max(self.size[1]));
        let needs = |side: i64| Some((side, self.needs(side)?));
        let mut sides = SIDES.into_iter().filter(|side| *side < longest).filter_map(needs);
        let Some((side, needs)) = sides.find(|(_, needs)| *needs <= budget) else {
            return Err(self.too_large(SMALLEST.min(longest), budget));
        };
        let [needs, free, whole] = [needs, free, whole].map(text::bytes);
        let why = format!("that takes {needs} of the {free} that are free, all at once {whole}");
        run.note(&format!("in tiles of {side}×{side} pixels: {why}"));
        Ok(side)
    }

    /// Bytes with tiles of this side, or none where the VAE does not tell.
    fn needs(&self, side: i64) -> Option<i64> {
        let [height, width] =
            self.size.map(|whole| if side == 0 { i64::from(whole) } else { side.min(i64::from(whole)) });
        let args = Record::new().with("method", self.method).with("height", height).with("width", width);
        let pass = self.vae.call("memory", &args).ok()?;
        let canvas = CANVAS.saturating_mul(self.pixels()).saturating_mul(i64::from(self.count));
        Some(i64::from_value(&pass)?.saturating_add(canvas))
    }

    fn pixels(&self) -> i64 {
        i64::from(self.size[0]) * i64::from(self.size[1])
    }

    /// The error of tiles of `side` that do not go into `free` bytes.
    fn too_large(&self, side: i64, free: i64) -> Error {
        let [height, width] = self.size;
        let [needs, free] = [self.needs(side).unwrap_or_default(), free].map(text::bytes);
        let how = if side == 0 { "at once".to_owned() } else { format!("in tiles of {side}") };
        let what = format!("to {} {width}×{height} pixels {how} takes about {needs}", self.method);
        let help = match side {
            1..=SMALLEST => "close other programs, or make a smaller picture",
            _ => "set `tile` to auto or to a smaller number",
        };
        Error::new(ErrorKind::Limit, format!("{what}, but {free} of memory can be had")).help(help)
    }
}

fn parsed(number: &str) -> Result<i64> {
    number.parse().ok().filter(|side| *side >= SMALLEST && side % 16 == 0).ok_or_else(|| {
        Error::invalid(format!("`tile` is \"{number}\""))
            .help(format!("write off, auto, or the side of a tile in pixels: a multiple of 16 from {SMALLEST} on"))
    })
}
