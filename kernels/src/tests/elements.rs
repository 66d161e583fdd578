//! What is done to numbers, to rows and to groups of channels.

use super::{distance, numbers, wide};
use crate::{
    Arithmetic, GroupNorm, arithmetic, concatenate, double, rms_norm, rotate_pairs, silu, silu_multiply, softmax,
};

const WIDTH: usize = 37;
const ROWS: usize = 1000;
const EPS: f32 = 1e-6;

/// What `kernel` writes from rows of numbers.
fn done(kernel: impl FnOnce(&[f32], &mut [f32])) -> Vec<f32> {
    let mut to = vec![f32::NAN; ROWS * WIDTH];
    kernel(&numbers(ROWS * WIDTH, 1), &mut to);
    to
}

fn rows(of: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    wide(&numbers(ROWS * WIDTH, 1)).chunks_exact(WIDTH).flat_map(of).collect()
}

fn silu_of(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

#[test]
fn rows_are_normed_as_in_float64() {
    let found = done(|x, to| {
        to.copy_from_slice(x);
        softmax(to, WIDTH);
    });
    let right = rows(|row| {
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        row.iter().map(|x| x.exp() / sum).collect()
    });
    assert!(distance(&found, &right) < 1e-6);
    let weight = numbers(WIDTH, 2);
    let found = done(|x, to| rms_norm(x, &weight, EPS, to));
    let right = rows(|row| {
        let square = row.iter().map(|x| x * x).sum::<f64>() / WIDTH as f64;
        row.iter().zip(wide(&weight)).map(|(x, weight)| x / (square + f64::from(EPS)).sqrt() * weight).collect()
    });
    assert!(distance(&found, &right) < 1e-6);
}

#[test]
fn silu_is_that_of_float64() {
    let right = rows(|row| row.iter().map(|&x| silu_of(x)).collect());
    assert!(distance(&done(silu), &right) < 1e-6);
    let gate = numbers(ROWS * WIDTH, 2);
    let right: Vec<f64> = right.iter().zip(wide(&gate)).map(|(x, gate)| x * gate).collect();
    assert!(distance(&done(|x, to| silu_multiply(x, &gate, to)), &right) < 1e-6);
}

#[test]
fn arithmetic_rounds_once() {
    for (kind, of) in [
        (Arithmetic::Add, (|a, b| a + b) as fn(f32, f32) -> f32),
        (Arithmetic::Multiply, |a, b| a * b),
        (Arithmetic::Maximum, f32::max),
    ] {
        for other in [numbers(ROWS * WIDTH, 2), numbers(WIDTH, 3)] {
            let right: Vec<f32> =
                numbers(ROWS * WIDTH, 1).iter().zip(other.iter().cycle()).map(|(&a, &b)| of(a, b)).collect();
            assert_eq!(done(|x, to| arithmetic(kind, x, &other, WIDTH, to)), right, "{kind:?}");
        }
    }
    let mut to = [0.0; 2];
    arithmetic(Arithmetic::Maximum, &[f32::NAN, 1.0], &[1.0, f32::NAN], 2, &mut to);
    assert!(to.iter().all(|x| x.is_nan()), "what is no number stays so");
}

#[test]
fn groups_are_normed_as_in_float64() {
    let (pixels, channels, groups) = (500, 12, 3);
    let x = numbers(2 * pixels * channels, 1);
    let [weight, bias] = [2, 3].map(|seed| numbers(channels, seed));
    for silu in [false, true] {
        let mut to = vec![f32::NAN; x.len()];
        GroupNorm { pixels, groups, weight: &weight, bias: &bias, eps: EPS, silu }.run(&x, &mut to);
        let x = wide(&x);
        let of = |at: usize| {
            let (item, channel) = (at / (pixels * channels), at % channels);
            let size = channels / groups;
            let first = channel / size * size;
            let group = || {
                x[item * pixels * channels..][..pixels * channels]
                    .chunks_exact(channels)
                    .flat_map(|row| &row[first..first + size])
            };
            let count = (pixels * size) as f64;
            let mean = group().sum::<f64>() / count;
            let variance = group().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let y = (x[at] - mean) / (variance + f64::from(EPS)).sqrt() * f64::from(weight[channel])
                + f64::from(bias[channel]);
            if silu { silu_of(y) } else { y }
        };
        // All would take long; these are of both pictures and every channel.
        let some: Vec<usize> = (0..x.len()).step_by(97).collect();
        let (found, right): (Vec<f32>, Vec<f64>) = some.into_iter().map(|at| (to[at], of(at))).unzip();
        assert!(distance(&found, &right) < 5e-6, "silu {silu}: {}", distance(&found, &right));
    }
}

#[test]
fn pairs_are_turned_by_their_token_s_angles() {
    let sizes @ [tokens, heads, width] = [9, 3, 10];
    let x = numbers(2 * tokens * heads * width, 1);
    let angles = wide(&numbers(tokens * width / 2, 2));
    let [cos, sin] = [f64::cos, f64::sin].map(|of| angles.iter().map(|&angle| of(angle) as f32).collect::<Vec<_>>());
    let mut to = vec![f32::NAN; x.len()];
    rotate_pairs(&x, &cos, &sin, sizes, &mut to);
    let pair = |(index, pair): (usize, &[f32])| {
        let angle = angles[index / (heads * width / 2) % tokens * (width / 2) + index % (width / 2)];
        let [a, b] = [pair[0], pair[1]].map(f64::from);
        [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()]
    };
    let right: Vec<f64> = x.chunks_exact(2).enumerate().flat_map(pair).collect();
    assert!(distance(&to, &right) < 1e-6);
}

#[test]
fn what_is_copied_comes_to_its_place() {
    let (left, right) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
    let mut to = [f32::NAN; 6];
    concatenate(&[(&left, 2), (&right, 1)], &mut to);
    assert_eq!(to, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    // Two lines of one pixel of two channels.
    let mut to = [f32::NAN; 16];
    double(&left, 1, 2, &mut to);
    assert_eq!(to, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0]);
}
