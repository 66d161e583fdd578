//! Another number of pixels along an axis: Lanczos' filter over three lobes, widened where there get fewer, so that nothing
//! flickers. The meaning of Pillow's `LANCZOS`, computed in float64.

use std::f64::consts::PI;

const LOBES: f64 = 3.0;

/// How a pixel is made of others: the weights, which add up to 1, of those from `first` on.
#[derive(Debug)]
pub struct Taps {
    pub first: usize,
    pub weights: Vec<f32>,
}

/// For each of `to` pixels, how it is made of `from` ones.
pub fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let one = |i: usize| match from == to {
        true => Taps { first: i, weights: vec![1.0] },
        false => around((i as f64 + 0.5) * scale, scale.max(1.0), from),
    };
    (0..to).map(one).collect()
}

/// Around a place, with a filter so many times as wide.
fn around(center: f64, width: f64, from: usize) -> Taps {
    let reach = LOBES * width;
    let first = (center - reach + 0.5).max(0.0) as usize;
    let end = ((center + reach + 0.5) as usize).min(from);
    let weights: Vec<f64> = (first..end).map(|at| lanczos((at as f64 + 0.5 - center) / width)).collect();
    let sum: f64 = weights.iter().sum();
    Taps { first, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    if x.abs() < LOBES { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampled(numbers: &[f32], to: usize) -> Vec<f32> {
        let sum = |taps: &Taps| taps.weights.iter().zip(&numbers[taps.first..]).map(|(weight, x)| weight * x).sum();
        taps(numbers.len(), to).iter().map(sum).collect()
    }

    #[test]
    fn as_pillow_does_it() {
        // Image.fromarray(numpy.float32([[0, 1, 0.5, 0.25, 1, 0, 0, 1]])).resize((to, 1), Image.LANCZOS)
        let numbers = [0.0, 1.0, 0.5, 0.25, 1.0, 0.0, 0.0, 1.0];
        let close = |to: usize, pillow: &[f32]| {
            let ours = resampled(&numbers, to);
            assert!(ours.iter().zip(pillow).all(|(a, b)| (a - b).abs() < 1e-6) && to == pillow.len(), "{ours:?}");
        };
        close(3, &[0.523_837_4, 0.490_000_5, 0.370_128]);
        close(
            11,
            &[
                -0.089_045_1,
                0.603_022_8,
                1.032_108_9,
                0.462_921_1,
                0.160_611_6,
                0.720_788_1,
                0.899_828,
                0.046_246,
                -0.238_802_9,
                0.470_644_7,
                1.076_927_8,
            ],
        );
    }

    #[test]
    fn the_same_number_is_left_alone() {
        assert_eq!(resampled(&[3.0, -1.0], 2), [3.0, -1.0]);
        assert!(resampled(&[0.7], 5).iter().all(|x| (x - 0.7).abs() < 1e-6));
    }
}
