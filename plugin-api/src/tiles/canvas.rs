//! The picture that tiles are added to. Only the rows that further tiles may touch are numbers of ours; what is finished
//! is a tensor, into which the host puts new rows without copying the others.

use super::axis::{Mix, Span};
use crate::{Dtype, Result, Tensor};

/// Joins tiles from the top.
#[derive(Debug)]
pub struct Canvas {
    height: usize,
    width: usize,
    /// Pictures and channels, once the first tile tells them.
    pictures: usize,
    channels: usize,
    /// `[rows, pictures, width, channels]` from row `top` on.
    band: Vec<f32>,
    top: usize,
    /// `[pictures, height, width, channels]`, of which the rows above `top` are finished.
    done: Option<Tensor>,
}

impl Canvas {
    pub fn new([height, width]: [i32; 2]) -> Self {
        let (height, width) = (height as usize, width as usize);
        Self { height, width, pictures: 0, channels: 0, band: Vec::new(), top: 0, done: None }
    }

    /// Adds a tile `[pictures, h, w, channels]`.
    pub fn add(&mut self, tile: &Tensor, row: &Span, column: &Span) -> Result<()> {
        let [pictures, height, width, channels] = tile.dims("a tile")?.map(|side: i32| side as usize);
        (self.pictures, self.channels) = (pictures, channels);
        let length = row.end().saturating_sub(self.top) * self.line();
        self.band.resize(self.band.len().max(length), 0.0);
        let numbers: Vec<f32> = tile.to_vec()?;
        for (picture, numbers) in numbers.chunks_exact((height * width * channels).max(1)).enumerate() {
            self.add_rows(&across(numbers, width, channels, column), height, picture, row, column.first());
        }
        Ok(())
    }

    /// Adds rows of one picture that already have their places along the width, from `left` on.
    fn add_rows(&mut self, rows: &[f32], height: usize, picture: usize, row: &Span, left: usize) {
        let (line, top) = (self.line(), self.top);
        let at = (picture * self.width + left) * self.channels;
        let length = (rows.len() / height).max(1);
        for Mix { to, from, weights } in &row.mixes {
            let target = &mut self.band[(to - top) * line + at..][..length];
            for (weight, row) in weights.iter().zip(rows.chunks_exact(length).skip(*from)) {
                target.iter_mut().zip(row).for_each(|(target, value)| *target += weight * value);
            }
        }
    }

    /// No further tile touches the rows above this one.
    pub fn finish_above(&mut self, row: usize) -> Result<()> {
        let rows = row.saturating_sub(self.top);
        if rows == 0 || self.pictures == 0 {
            return Ok(());
        }
        let [pictures, height, width, channels] =
            [self.pictures, self.height, self.width, self.channels].map(|side| side as i32);
        let numbers = rows * self.line();
        let finished = Tensor::from_slice(&self.band[..numbers], &[rows as i32, pictures, width, channels]);
        let finished = finished.transpose(&[1, 0, 2, 3]);
        self.band.drain(..numbers);
        let whole =
            self.done.take().unwrap_or_else(|| Tensor::zeros(&[pictures, height, width, channels], Dtype::Float32));
        let next = whole.slice_update(&finished, &[0, self.top as i32, 0, 0]);
        // Nothing else may hold it when the rows are put in: then it is changed in its place instead of copied.
        drop(whole);
        next.eval()?;
        self.top = row;
        self.done = Some(next);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Tensor> {
        self.finish_above(self.height)?;
        self.done.ok_or_else(|| crate::Error::invalid("a picture without pixels cannot be tiled"))
    }

    /// Numbers of one row of all pictures.
    fn line(&self) -> usize {
        self.pictures * self.width * self.channels
    }
}

/// The rows of a tile with its share in every column that it touches.
fn across(numbers: &[f32], width: usize, channels: usize, column: &Span) -> Vec<f32> {
    let rows = numbers.chunks_exact(width * channels);
    let length = (column.end() - column.first()) * channels;
    let mut all = vec![0.0; rows.len() * length];
    for (row, target) in rows.zip(all.chunks_exact_mut(length.max(1))) {
        for Mix { to, from, weights } in &column.mixes {
            let target = &mut target[(to - column.first()) * channels..][..channels];
            for (weight, pixel) in weights.iter().zip(row[from * channels..].chunks_exact(channels)) {
                target.iter_mut().zip(pixel).for_each(|(target, value)| *target += weight * value);
            }
        }
    }
    all
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use crate::Tensor;
    use crate::tiles::{Grid, Step};

    fn picture(height: i32, width: i32) -> Tensor {
        let numbers: Vec<f32> = (0..2 * height * width * 2).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
        Tensor::from_slice(&numbers, &[2, height, width, 2])
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        assert_eq!(a.shape(), b.shape());
        let (a, b): (Vec<f32>, Vec<f32>) = (a.to_vec().unwrap(), b.to_vec().unwrap());
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn every_pixel_comes_from_its_own_place() {
        let x = picture(11, 26);
        let twice = |_: usize, x: &Tensor| Ok(x.repeat(2, 1).repeat(2, 2));
        // Units of two pixels, the last of which is half of one along the height.
        let grid = Grid::new([6, 13], 3, 1, Step { input: 2, output: 4 });
        assert_eq!((grid.count(), grid.tile()), (18, [3, 3]));
        assert!(largest_difference(&grid.map(&x, twice).unwrap(), &twice(0, &x).unwrap()) < 1e-6);
    }

    #[test]
    fn a_small_picture_is_one_tile_and_passed_on() {
        let grid = Grid::new([6, 64], 64, 16, Step { input: 1, output: 1 });
        assert_eq!((grid.count(), grid.tile()), (1, [6, 64]));
        let x = picture(6, 64);
        assert_eq!(largest_difference(&grid.map(&x, |_, x| Ok(x.clone())).unwrap(), &x), 0.0);
    }

    #[test]
    fn a_constant_stays_constant_in_any_size() {
        let x = &picture(21, 13) * 0.0 + 0.7;
        for size in [[21, 13], [42, 26], [5, 4], [1, 1], [30, 40]] {
            let grid = Grid::new([21, 13], 8, 2, Step { input: 1, output: 1 }).margin(1).resized(size);
            let joined = grid.map(&x, |_, x| Ok(x.clone())).unwrap();
            assert_eq!(joined.shape().unwrap(), [2, size[0], size[1], 2]);
            assert!(joined.to_vec::<f32>().unwrap().iter().all(|pixel| (pixel - 0.7).abs() < 1e-5), "{size:?}");
        }
    }

    #[test]
    fn tiles_are_resized_as_the_whole_is() {
        let x = picture(40, 33);
        let resized = |tile: i32| {
            let grid = Grid::new([40, 33], tile, 5, Step { input: 1, output: 1 }).resized([23, 47]);
            grid.map(&x, |_, x| Ok(x.clone())).unwrap()
        };
        assert!(largest_difference(&resized(12), &resized(40)) < 1e-5);
    }
}
