//! Large pictures tile by tile, so that memory depends on the tile alone.
//!
//! Tiles of one size are spread evenly, overlap by so much or more, and are mixed by weights that fade to nothing at
//! the tile's inner edges and add up to 1 everywhere: no seams, and what is constant stays constant.

mod axis;
mod canvas;
mod resample;

use crate::{Result, Tensor};
use axis::{Axis, Span};
use canvas::Canvas;

/// How many pixels a unit of the grid has, where a network begins and where it ends.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub input: i32,
    pub output: i32,
}

/// Where the tiles lie.
#[derive(Debug)]
pub struct Grid {
    axes: [Axis; 2],
    step: Step,
    /// Units at a tile's inner edges that count for nothing.
    margin: i32,
    /// Height and width of what is joined, where that is not what the network gives.
    target: Option<[i32; 2]>,
}

impl Grid {
    /// For a `size` (height, width), the side of a tile and the least overlap of two, all in units. A side that is not
    /// above the overlap is taken for one more. Along an axis no longer than the tile there is one tile.
    pub fn new(size: [i32; 2], tile: i32, overlap: i32, step: Step) -> Self {
        Self { axes: size.map(|size| Axis::new(size, tile, overlap)), step, margin: 0, target: None }
    }

    /// Leaves away so many units at the inner edges of tiles, where a network sees too little of what lies around; at most
    /// half the overlap.
    #[must_use]
    pub fn margin(self, margin: i32) -> Self {
        Self { margin, ..self }
    }

    /// What is joined gets this height and width, by Lanczos' filter over three lobes, as Pillow's `LANCZOS`. It is never
    /// there in the network's own size.
    #[must_use]
    pub fn resized(self, size: [i32; 2]) -> Self {
        Self { target: Some(size), ..self }
    }

    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.axes.iter().map(Axis::count).product()
    }

    /// Height and width of every tile, in units.
    pub fn tile(&self) -> [i32; 2] {
        [self.axes[0].tile, self.axes[1].tile]
    }

    /// Runs `network` over every tile of `x` `[n, h, w, c]`, with the tile's number, and joins what it gives: float32
    /// `[n, h, w, c]` of the output's size. The last unit of an axis may have fewer pixels than the others. A single tile's
    /// result is passed on as it is, unless it is resized.
    ///
    /// # Errors
    /// Whatever the network fails with.
    pub fn map(&self, x: &Tensor, mut network: impl FnMut(usize, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let [_, height, width, _] = x.dims("the picture")?;
        let own = [height, width].map(|side| side * self.step.output / self.step.input);
        let target = self.target.unwrap_or(own);
        if self.count() == 1 && target == own {
            return network(0, x);
        }
        let [rows, columns] = [0, 1].map(|i| self.axes[i].spans(self.step.output, self.margin, own[i], target[i]));
        let mut canvas = Canvas::new(target);
        for (line, row) in rows.iter().enumerate() {
            canvas.finish_above(row.first())?;
            for (place, column) in columns.iter().enumerate() {
                let tile = network(line * columns.len() + place, &self.cut(x, [height, width], row, column))?;
                canvas.add(&tile, row, column)?;
            }
        }
        canvas.finish()
    }

    fn cut(&self, x: &Tensor, [height, width]: [i32; 2], row: &Span, column: &Span) -> Tensor {
        let step = self.step.input;
        let rows = x.narrow(1, row.start * step, height.min(row.stop * step));
        rows.narrow(2, column.start * step, width.min(column.stop * step))
    }
}
