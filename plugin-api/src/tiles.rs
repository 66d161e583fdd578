//! Large pictures tile by tile, so that memory depends on the tile alone.
//!
//! Tiles of one size are spread evenly, overlap by so much or more, and are mixed by weights that fade to nothing at
//! the tile's inner edges and add up to 1 everywhere: no seams, and what is constant stays constant.

use crate::{Result, Tensor};

/// How many pixels a unit of the grid has, where a network begins and where it ends.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub input: i32,
    pub output: i32,
}

/// Where the tiles lie.
#[derive(Debug)]
pub struct Grid {
    rows: Vec<Span>,
    columns: Vec<Span>,
    step: Step,
}

/// A tile's place along one axis, in units, and its weight at each output pixel.
#[derive(Debug)]
struct Span {
    start: i32,
    stop: i32,
    weights: Vec<f32>,
}

impl Grid {
    /// For a `size` (height, width), the side of a tile and the least overlap of two, all in units. A side that is not
    /// above the overlap is taken for one more. Along an axis no longer than the tile there is one tile.
    pub fn new(size: [i32; 2], tile: i32, overlap: i32, step: Step) -> Self {
        let [rows, columns] = size.map(|size| spans(size, tile, overlap, step.output));
        Self { rows, columns, step }
    }

    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Height and width of every tile, in units.
    pub fn tile(&self) -> [i32; 2] {
        [&self.rows, &self.columns].map(|spans| spans.first().map_or(0, |span| span.stop - span.start))
    }

    /// Runs `network` over every tile of `x` `[n, h, w, c]`, with the tile's number, and joins what it gives: float32
    /// `[n, h, w, c]` of the output's size. A single tile's result is passed on as it is.
    ///
    /// # Errors
    /// Whatever the network fails with.
    pub fn map(&self, x: &Tensor, mut network: impl FnMut(usize, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        if self.count() == 1 {
            return network(0, x);
        }
        let mut canvas = Canvas::default();
        let places = self.rows.iter().flat_map(|row| self.columns.iter().map(move |column| (row, column)));
        for (number, (row, column)) in places.enumerate() {
            let tile = network(number, &self.cut(x, row, column))?;
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

/// The tiles along an axis of `size` units.
fn spans(size: i32, tile: i32, overlap: i32, output: i32) -> Vec<Span> {
    let tile = tile.max(overlap + 1).min(size);
    let starts = starts(size, tile, overlap);
    let weights = weights(&starts, tile * output, size * output, output);
    let span = |(&start, weights)| Span { start, stop: start + tile, weights };
    starts.iter().zip(weights).map(span).collect()
}

fn starts(size: i32, tile: i32, overlap: i32) -> Vec<i32> {
    let (left, stride) = (size - tile, (tile - overlap).max(1));
    let gaps = left / stride + i32::from(left % stride != 0);
    let start = |i: i32| (i64::from(left) * i64::from(i) / i64::from(gaps.max(1))) as i32;
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
#[derive(Debug, Default)]
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
    fn tiles_reach_both_ends_and_overlap_enough() {
        for (size, tile) in [(8, 8), (9, 8), (64, 8), (100, 16), (5, 4), (1000, 64), (33, 7)] {
            for overlap in [0, 1, tile / 4, tile - 1] {
                let starts = starts(size, tile, overlap);
                let case = format!("{size} {tile} {overlap} {starts:?}");
                assert_eq!((starts[0], starts[starts.len() - 1] + tile), (0, size), "{case}");
                assert!(starts.windows(2).all(|pair| tile - (pair[1] - pair[0]) >= overlap), "{case}");
                assert!(starts.windows(2).all(|pair| pair[1] > pair[0]), "{case}");
            }
        }
        assert_eq!(starts(8, 8, 2), [0]);
    }

    #[test]
    fn a_small_picture_is_one_tile() {
        let grid = Grid::new([6, 64], 64, 16, Step { input: 1, output: 8 });
        assert_eq!((grid.count(), grid.tile()), (1, [6, 64]));
        assert_eq!(grid.size(), [48, 512]);
    }

    #[test]
    fn a_constant_stays_constant() {
        let grid = Grid::new([21, 13], 8, 2, Step { input: 1, output: 4 });
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
        let grid = Grid::new([10, 12], 4, 1, Step { input: 1, output: 2 });
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
