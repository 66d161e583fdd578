//! Large pictures tile by tile, so that memory depends on the tile alone.
//!
//! Tiles of one size are spread evenly, overlap by a quarter or more, and are mixed by weights that fade to nothing at
//! the tile's inner edges and add up to 1 everywhere: no seams, and what is constant stays constant.

use plugin_api::{Result, Run, Tensor};

/// Side of the smallest tile, in latent pixels.
pub const SMALLEST: i32 = 4;

/// Called by a network after each of its stages, with what it has so far.
pub type After<'a> = &'a mut dyn FnMut(&Tensor) -> Result<()>;

/// Pixels a latent pixel, where a network begins and where it ends.
#[derive(Clone, Copy)]
pub struct Step {
    pub input: i32,
    pub output: i32,
}

/// Where the tiles lie.
pub struct Grid {
    rows: Vec<Span>,
    columns: Vec<Span>,
    step: Step,
}

/// A tile's place along one axis, in latent pixels, and its weight at each output pixel.
struct Span {
    start: i32,
    stop: i32,
    weights: Vec<f32>,
}

impl Grid {
    /// For `size` (height, width) and a tile's side in latent pixels; without a tile all is one.
    pub fn new(size: [i32; 2], tile: Option<i32>, step: Step) -> Self {
        let [rows, columns] = size.map(|size| spans(size, tile.unwrap_or(size), step.output));
        Self { rows, columns, step }
    }

    /// Runs `network`, which calls `after` in `stages` places, over every tile of `x` `[n, h, w, c]`.
    ///
    /// # Errors
    /// Whatever the network fails with, and cancellation.
    pub fn run(
        &self,
        run: &Run,
        x: &Tensor,
        stages: usize,
        network: impl Fn(&Tensor, After<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let total = self.rows.len() * self.columns.len() * stages;
        let mut done = 0;
        let mut after = |x: &Tensor| {
            done += 1;
            run.progress(done, total, Some(x))
        };
        if let ([_], [_]) = (self.rows.as_slice(), self.columns.as_slice()) {
            return network(x, &mut after);
        }
        let mut canvas = Canvas::default();
        for (row, column) in self.rows.iter().flat_map(|row| self.columns.iter().map(move |column| (row, column))) {
            let tile = network(&self.cut(x, row, column), &mut after)?;
            canvas.start(&tile, self.size())?;
            canvas.add(&tile.to_vec()?, self.place(row, column), (row, column));
        }
        Ok(canvas.tensor())
    }

    fn cut(&self, x: &Tensor, row: &Span, column: &Span) -> Tensor {
        let step = self.step.input;
        x.narrow(1, row.start * step, row.stop * step).narrow(2, column.start * step, column.stop * step)
    }

    /// Of the whole output.
    fn size(&self) -> [usize; 2] {
        [&self.rows, &self.columns].map(|spans| spans.last().map_or(0, |last| (last.stop * self.step.output) as usize))
    }

    fn place(&self, row: &Span, column: &Span) -> [usize; 2] {
        [row, column].map(|span| (span.start * self.step.output) as usize)
    }
}

/// The tiles along an axis of `size` latent pixels.
fn spans(size: i32, tile: i32, output: i32) -> Vec<Span> {
    let tile = tile.min(size);
    let starts = starts(size, tile);
    let weights = weights(&starts, tile * output, size * output, output);
    let span = |(&start, weights)| Span { start, stop: start + tile, weights };
    starts.iter().zip(weights).map(span).collect()
}

fn starts(size: i32, tile: i32) -> Vec<i32> {
    let gaps = (size - tile).div_euclid(tile - tile / 4) + i32::from((size - tile) % (tile - tile / 4) != 0);
    let start = |i: i32| (i64::from(size - tile) * i64::from(i) / i64::from(gaps.max(1))) as i32;
    (0..=gaps).map(start).collect()
}

/// One weight an output pixel of each tile; `tile` and `size` in output pixels.
fn weights(starts: &[i32], tile: i32, size: i32, output: i32) -> Vec<Vec<f32>> {
    let mut sum = vec![0.0; size as usize];
    let mut all: Vec<Vec<f32>> = Vec::new();
    for (i, &start) in starts.iter().enumerate() {
        let overlap = |other: Option<&i32>| other.map_or(0, |other| tile - (other - start).abs() * output);
        let before = overlap(i.checked_sub(1).and_then(|i| starts.get(i)));
        let after = overlap(starts.get(i + 1));
        let fade: Vec<f32> = (0..tile).map(|at| ramp(at, before) * ramp(tile - 1 - at, after)).collect();
        fade.iter().zip(&mut sum[(start * output) as usize..]).for_each(|(weight, sum)| *sum += weight);
        all.push(fade);
    }
    for (fade, &start) in all.iter_mut().zip(starts) {
        fade.iter_mut().zip(&sum[(start * output) as usize..]).for_each(|(weight, sum)| *weight /= sum);
    }
    all
}

/// From near 0 at the edge to 1 where the overlap ends, level at both ends.
fn ramp(at: i32, overlap: i32) -> f32 {
    if at >= overlap {
        return 1.0;
    }
    let x = (at as f32 + 0.5) / overlap as f32;
    x * x * (3.0 - 2.0 * x)
}

/// The picture that the tiles are added to: `[n, height, width, channels]`.
#[derive(Default)]
struct Canvas {
    pixels: Vec<f32>,
    shape: [usize; 4],
}

impl Canvas {
    /// Makes room when the first tile tells the number of pictures and channels.
    fn start(&mut self, tile: &Tensor, [height, width]: [usize; 2]) -> Result<()> {
        if self.pixels.is_empty() {
            let [n, .., channels]: [i32; 4] = tile.dims("a tile")?;
            self.shape = [n as usize, height, width, channels as usize];
            self.pixels = vec![0.0; self.shape.iter().product()];
        }
        Ok(())
    }

    fn add(&mut self, tile: &[f32], [top, left]: [usize; 2], (row, column): (&Span, &Span)) {
        let [n, height, width, channels] = self.shape;
        let length = column.weights.len() * channels;
        let lines = (0..n).flat_map(|n| row.weights.iter().enumerate().map(move |(y, weight)| (n, y, weight)));
        for ((n, y, by_row), line) in lines.zip(tile.chunks_exact(length)) {
            let at = ((n * height + top + y) * width + left) * channels;
            let target = self.pixels[at..at + length].chunks_exact_mut(channels);
            for ((target, pixel), by_column) in target.zip(line.chunks_exact(channels)).zip(&column.weights) {
                target.iter_mut().zip(pixel).for_each(|(target, value)| *target += by_row * by_column * value);
            }
        }
    }

    fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.pixels, &self.shape.map(|n| n as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_reach_both_ends_and_overlap_by_a_quarter() {
        for (size, tile) in [(8, 8), (9, 8), (64, 8), (100, 16), (5, 4), (1000, 64), (33, 7)] {
            let starts = starts(size, tile);
            assert_eq!((starts[0], starts[starts.len() - 1] + tile), (0, size));
            assert!(starts.windows(2).all(|pair| tile - (pair[1] - pair[0]) >= tile / 4), "{size} {tile} {starts:?}");
            assert!(starts.windows(2).all(|pair| pair[1] > pair[0]), "{size} {tile} {starts:?}");
        }
        assert_eq!(starts(8, 8), [0]);
    }

    #[test]
    fn a_small_picture_is_one_tile() {
        let grid = Grid::new([6, 64], Some(64), Step { input: 1, output: 8 });
        assert_eq!((grid.rows.len(), grid.columns.len()), (1, 1));
        assert_eq!(grid.size(), [48, 512]);
    }

    #[test]
    fn a_constant_stays_constant() {
        let grid = Grid::new([21, 13], Some(8), Step { input: 1, output: 4 });
        let mut canvas = Canvas { pixels: vec![0.0; 2 * 84 * 52 * 3], shape: [2, 84, 52, 3] };
        let tile = vec![0.7; 2 * 32 * 32 * 3];
        for row in &grid.rows {
            for column in &grid.columns {
                canvas.add(&tile, grid.place(row, column), (row, column));
            }
        }
        assert!(canvas.pixels.iter().all(|pixel| (pixel - 0.7).abs() < 1e-6));
    }

    #[test]
    fn every_pixel_comes_from_its_own_place() {
        let grid = Grid::new([10, 12], Some(4), Step { input: 1, output: 2 });
        let whole: Vec<f32> = (0..20 * 24).map(|i| i as f32).collect();
        let mut canvas = Canvas { pixels: vec![0.0; whole.len()], shape: [1, 20, 24, 1] };
        for row in &grid.rows {
            for column in &grid.columns {
                let [top, left] = grid.place(row, column);
                let tile: Vec<f32> = (0..8).flat_map(|y| whole[(top + y) * 24 + left..][..8].iter().copied()).collect();
                canvas.add(&tile, [top, left], (row, column));
            }
        }
        assert!(canvas.pixels.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}
