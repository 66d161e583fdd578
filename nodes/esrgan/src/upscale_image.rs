use plugin_api::tiles::{Grid, Step};
use plugin_api::{Dtype, Error, InputKind, Model, Node, NodeSpec, Record, Result, Run, Session, Tensor, Value};

use crate::plan::{self, About, Sizes, Tiles};

/// A picture through an upscaler, and from the upscaler's own size to the one that is wanted.
pub struct UpscaleImage;

impl Node for UpscaleImage {
    fn spec() -> NodeSpec {
        NodeSpec::new("UpscaleImage", "image", "Makes pictures larger with an upscaler, tile by tile.")
            .link("upscale_model", "UPSCALE_MODEL", "From LoadUpscaler.")
            .link("image", "IMAGE", "Pictures of any size.")
            .optional_link("mask", "MASK", "Gets the same size, so that transparency can be kept.")
            .param(
                "scale",
                InputKind::float(4.0, (1.0, 4.0), 0.25),
                "How much larger. What the upscaler gives is resampled to it.",
            )
            .param("tile", InputKind::int(512, (64, 4096)), "Side of a tile in pixels. Smaller tiles need less memory.")
            .param(
                "overlap",
                InputKind::int(32, (0, 2048)),
                "Pixels that neighbouring tiles share, where they are blended.",
            )
            .output("image", "IMAGE")
            .output("mask", "MASK")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let image: Tensor = inputs.get("image")?;
        let sizes = sizes(&image, inputs.get("scale")?)?;
        let session = inputs.get::<Model>("upscale_model")?.open(run, &Record::new())?;
        let about = About::of(&session)?;
        let free = run.info().find("free_memory")?.unwrap_or(i64::MAX);
        let (tiles, note) = plan::tiles(&about, &sizes, asked(inputs)?, free)?;
        note.iter().for_each(|note| run.note(note));
        let grid = about.grid(&sizes, tiles);
        run.note(&told(&sizes, grid.count()));
        let image = upscaled(&session, &image, &sizes, &grid)?;
        let mask = inputs.find::<Tensor>("mask")?.map(|mask| resized(&mask, sizes.to)).transpose()?;
        Ok(Record::new().with("image", image).with("mask", mask.map_or_else(Value::null, Value::from)))
    }
}

/// Sides of half a pixel are rounded up.
fn sizes(image: &Tensor, scale: f64) -> Result<Sizes> {
    let [count, height, width, channels] = image.dims("the image")?;
    if count < 1 || height < 1 || width < 1 || channels != 3 {
        let shape = [count, height, width, channels];
        return Err(Error::invalid(format!("the image has the shape {shape:?}, but [n, h, w, 3] is needed")));
    }
    let to = [height, width].map(|side| (f64::from(side) * scale).round() as i32);
    Ok(Sizes { count, from: [height, width], to })
}

/// "128×96 to 512×384 pixels", and in how many tiles.
fn told(Sizes { from, to, .. }: &Sizes, tiles: usize) -> String {
    let tiles = if tiles == 1 { String::new() } else { format!(" in {tiles} tiles") };
    format!("{}×{} to {}×{} pixels{tiles}", from[1], from[0], to[1], to[0])
}

fn asked(inputs: &Record) -> Result<Tiles> {
    let (side, overlap): (i32, i32) = (inputs.get("tile")?, inputs.get("overlap")?);
    if overlap >= side {
        return Err(Error::invalid(format!(
            "`overlap` is {overlap}, but a tile has only {side} pixels along each side"
        ))
        .help("make `tile` larger than `overlap`, best at least twice as large"));
    }
    Ok(Tiles { side, overlap })
}

/// One picture after the other, so that memory does not depend on how many there are.
fn upscaled(session: &Session, image: &Tensor, sizes: &Sizes, grid: &Grid) -> Result<Tensor> {
    let tiles = grid.count() as i64;
    let one = |picture: i32| {
        let upscale = |tile: usize, x: &Tensor| {
            let done = i64::from(picture) * tiles + tile as i64;
            let args = Record::new().with("image", x).with("tile", done).with("tiles", i64::from(sizes.count) * tiles);
            session.call_tensor("upscale", &args)
        };
        // Lanczos' filter swings a little beyond what it is given.
        Ok(grid.map(&image.narrow(0, picture, picture + 1), upscale)?.clip(0.0, 1.0))
    };
    let mut pictures = (0..sizes.count).map(one).collect::<Result<Vec<_>>>()?;
    Ok(if pictures.len() == 1 { pictures.remove(0) } else { Tensor::concatenate(&pictures, 0) })
}

/// A mask `[n, h, w]` of any size as one of `size`.
fn resized(mask: &Tensor, size: [i32; 2]) -> Result<Tensor> {
    let [_, height, width] = mask.dims("the mask")?;
    if height < 1 || width < 1 {
        return Err(Error::invalid(format!("the mask has no pixels: it is {width}×{height}")));
    }
    let grid = Grid::new([height, width], height.max(width), 0, Step { input: 1, output: 1 }).resized(size);
    let resized = grid.map(&mask.as_dtype(Dtype::Float32).expand_dims(&[3]), |_, x| Ok(x.clone()))?;
    Ok(resized.squeeze(&[3]).clip(0.0, 1.0))
}
