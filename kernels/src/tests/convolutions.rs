//! Convolutions, in the way of every processor.

use super::{distance, numbers};
use crate::convolution::{Added, Convolution, convolve_with};
use crate::product::Registers;
use crate::winograd;

/// The definition, number by number.
fn in_float64(kind: &Convolution, x: &[f32], weight: &[f32]) -> Vec<f64> {
    let ([rows, columns], [kh, kw]) = (kind.result().expect("a result"), kind.kernel);
    let mut to = vec![0f64; rows * columns * kind.out];
    for (index, to) in to.iter_mut().enumerate() {
        let (row, column, out) = (index / kind.out / columns, index / kind.out % columns, index % kind.out);
        for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
            let y = (row * kind.stride[0] + ky).checked_sub(kind.padding[0]).filter(|&y| y < kind.height);
            let at = (column * kind.stride[1] + kx).checked_sub(kind.padding[1]).filter(|&x| x < kind.width);
            let (Some(y), Some(at)) = (y, at) else { continue };
            let pixel = &x[(y * kind.width + at) * kind.channels..][..kind.channels];
            let kernel = &weight[((out * kh + ky) * kw + kx) * kind.channels..][..kind.channels];
            *to += pixel.iter().zip(kernel).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        }
    }
    to
}

#[test]
fn convolutions_are_those_of_float64() {
    // Height, width, channels, out, kernel, stride, padding.
    for [height, width, channels, out, kernel, stride, padding] in [
        [9, 7, 5, 6, 3, 1, 1],
        [1, 1, 3, 3, 3, 1, 1],
        [9, 8, 4, 20, 1, 1, 0],
        [13, 26, 33, 40, 3, 2, 1],
        [20, 20, 8, 100, 4, 3, 2],
        [31, 41, 64, 70, 3, 1, 0],
        [31, 41, 64, 32, 3, 1, 1],
        [20, 117, 32, 96, 3, 1, 2],
        [45, 22, 48, 64, 3, 1, 0],
    ] {
        let [kernel, stride, padding] = [kernel, stride, padding].map(|size| [size; 2]);
        let kind = Convolution { height, width, channels, out, kernel, stride, padding };
        let x = numbers(height * width * channels, 1);
        let weight = numbers(out * kernel[0] * kernel[1] * channels, 2);
        let mut right = in_float64(&kind, &x, &weight);
        let result = kind.result().unwrap();
        let (bias, other) = (numbers(out, 3), numbers(right.len(), 4));
        let added = Added { bias: Some(&bias), other: Some(&other) };
        for (at, right) in right.iter_mut().enumerate() {
            *right += f64::from(bias[at % out]) + f64::from(other[at]);
        }
        for registers in [Registers::Wide, Registers::Narrow] {
            let mut to = vec![f32::NAN; right.len()];
            let mut scratch = vec![f32::NAN; kind.scratch()];
            convolve_with(registers, &x, &weight, &kind, added, &mut scratch, &mut to);
            assert!(distance(&to, &right) < 4e-6, "{registers:?} {kind:?}: {}", distance(&to, &right));
            if winograd::applies(&kind, result) {
                to.fill(f32::NAN);
                scratch.fill(f32::NAN);
                winograd::convolve(registers, &x, &weight, &kind, added, &mut scratch, &mut to);
                // Larger numbers on the way lose more digits.
                assert!(distance(&to, &right) < 2e-5, "winograd {registers:?} {kind:?}: {}", distance(&to, &right));
            }
        }
    }
}

/// A kernel larger than its picture gives nothing.
#[test]
fn no_result() {
    let [kernel, stride, padding] = [[5; 2], [1; 2], [0; 2]];
    assert_eq!(Convolution { height: 4, width: 9, channels: 1, out: 1, kernel, stride, padding }.result(), None);
}
