//! The tiles along one axis, and with what weight each of their pixels goes into which pixel of the whole.

use super::resample::{Taps, taps};

/// Where tiles begin along an axis, in units.
#[derive(Debug)]
pub struct Axis {
    starts: Vec<i32>,
    pub tile: i32,
    size: i32,
}

/// A tile's place along an axis in units, and what becomes of its pixels.
#[derive(Debug)]
pub struct Span {
    pub start: i32,
    pub stop: i32,
    /// In order of [`Mix::to`].
    pub mixes: Vec<Mix>,
}

/// A tile's share in one pixel of the whole: the weights of its pixels from `from` on.
#[derive(Debug)]
pub struct Mix {
    pub to: usize,
    pub from: usize,
    pub weights: Vec<f32>,
}

impl Axis {
    pub fn new(size: i32, tile: i32, overlap: i32) -> Self {
        let tile = tile.max(overlap + 1).min(size);
        Self { starts: starts(size, tile, overlap), tile, size }
    }

    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// With `output` pixels a unit, `own` of them in all, which become `target` ones.
    pub fn spans(&self, output: i32, margin: i32, own: i32, target: i32) -> Vec<Span> {
        let fades = fades(&self.starts, self.tile * output, self.size * output, output, margin * output);
        let taps = taps(own as usize, target as usize);
        let span = |(&start, fade): (&i32, Vec<f32>)| Span {
            start,
            stop: start + self.tile,
            mixes: mixes((start * output) as usize, &fade, &taps),
        };
        self.starts.iter().zip(fades).map(span).collect()
    }
}

impl Span {
    /// The first pixel of the whole that the tile has a share in.
    pub fn first(&self) -> usize {
        self.mixes.first().map_or(0, |mix| mix.to)
    }

    /// The one behind the last.
    pub fn end(&self) -> usize {
        self.mixes.last().map_or(0, |mix| mix.to + 1)
    }
}

/// What a tile that begins at `start` and weighs `fade` gives to each pixel that is made by `taps`.
fn mixes(start: usize, fade: &[f32], taps: &[Taps]) -> Vec<Mix> {
    let mix = |(to, Taps { first, weights }): (usize, &Taps)| {
        let (begin, end) = (start.max(*first), (start + fade.len()).min(first + weights.len()));
        let weights: Vec<f32> = (begin..end).map(|at| weights[at - first] * fade[at - start]).collect();
        weights.iter().any(|weight| *weight != 0.0).then_some(Mix { to, from: begin.saturating_sub(start), weights })
    };
    taps.iter().enumerate().filter_map(mix).collect()
}

fn starts(size: i32, tile: i32, overlap: i32) -> Vec<i32> {
    let (left, stride) = (size - tile, (tile - overlap).max(1));
    let gaps = left / stride + i32::from(left % stride != 0);
    let start = |i: i32| (i64::from(left) * i64::from(i) / i64::from(gaps.max(1))) as i32;
    (0..=gaps).map(start).collect()
}

/// One weight an output pixel of each tile; `tile`, `size` and `margin` in output pixels.
fn fades(starts: &[i32], tile: i32, size: i32, output: i32, margin: i32) -> Vec<Vec<f32>> {
    let mut sum = vec![0.0; size as usize];
    let mut all: Vec<Vec<f32>> = Vec::new();
    for (i, &start) in starts.iter().enumerate() {
        let overlap = |other: Option<&i32>| other.map_or(0, |other| tile - (other - start).abs() * output);
        let before = overlap(i.checked_sub(1).and_then(|i| starts.get(i)));
        let after = overlap(starts.get(i + 1));
        let fade: Vec<f32> =
            (0..tile).map(|at| ramp(at, before, margin) * ramp(tile - 1 - at, after, margin)).collect();
        fade.iter().zip(&mut sum[(start * output) as usize..]).for_each(|(weight, sum)| *sum += weight);
        all.push(fade);
    }
    for (fade, &start) in all.iter_mut().zip(starts) {
        fade.iter_mut().zip(&sum[(start * output) as usize..]).for_each(|(weight, sum)| *weight /= sum);
    }
    all
}

/// Nothing within the margin, then from near 0 to 1 where the overlap without its two margins ends, level at both ends.
fn ramp(at: i32, overlap: i32, margin: i32) -> f32 {
    let margin = margin.min(overlap / 2);
    let (at, overlap) = (at - margin, overlap - 2 * margin);
    if at < 0 {
        return 0.0;
    }
    if at >= overlap {
        return 1.0;
    }
    let x = (at as f32 + 0.5) / overlap as f32;
    x * x * (3.0 - 2.0 * x)
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
    fn the_shares_in_a_pixel_add_up_to_one() {
        for (size, tile, overlap, margin) in
            [(21, 8, 2, 0), (21, 8, 2, 1), (50, 9, 7, 3), (40, 10, 6, 99), (7, 4, 3, 1)]
        {
            for target in [size * 4, size * 3 - 1, size, 1] {
                let mut sums = vec![0.0; target as usize];
                for mix in
                    Axis::new(size, tile, overlap).spans(4, margin, size * 4, target).iter().flat_map(|s| &s.mixes)
                {
                    sums[mix.to] += mix.weights.iter().sum::<f32>();
                }
                assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{size} {tile} {margin} {target}: {sums:?}");
            }
        }
    }

    #[test]
    fn within_the_margin_a_tile_counts_for_nothing() {
        let fades = fades(&[0, 6], 10, 16, 1, 2);
        assert_eq!((&fades[0][8..], &fades[1][..2]), (&[0.0; 2][..], &[0.0; 2][..]));
        assert_eq!((fades[0][0], fades[1][9]), (1.0, 1.0), "not at the borders of the picture");
    }
}
