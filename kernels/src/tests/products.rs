//! Products with matrices of weights, and attention.

use super::{distance, numbers, wide};
use crate::{Attention, Packed, attention};

/// `x · Wᵀ + bias` of `inputs` numbers a row.
fn product(x: &[f32], weight: &[f32], inputs: usize, bias: &[f32]) -> Vec<f64> {
    let (x, weight, bias) = (wide(x), wide(weight), wide(bias));
    let dot = |x: &[f64], row: &[f64]| x.iter().zip(row).map(|(a, b)| a * b).sum::<f64>();
    let rows = || weight.chunks_exact(inputs).zip(&bias);
    x.chunks_exact(inputs).flat_map(|x| rows().map(move |(row, bias)| dot(x, row) + bias)).collect()
}

/// What bfloat16 keeps of a number that is cut off there.
fn cut(numbers: Vec<f32>) -> Vec<f32> {
    numbers.into_iter().map(|x| f32::from_bits(x.to_bits() & 0xFFFF_0000)).collect()
}

#[test]
fn products_are_those_of_float64() {
    for (rows, inputs, outputs) in [(1, 1, 1), (3, 700, 50), (9, 64, 96), (50, 2100, 130), (300, 49, 7)] {
        let (x, weight) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2));
        let bias = numbers(outputs, 3);
        // In bfloat16 the inputs are rounded for `rounding`, and these ones stay as they are.
        let halves = [cut(x.clone()), cut(weight.clone())];
        for (x, weight, rounding) in [(&x, &weight, false), (&x, &halves[1], false), (&halves[0], &halves[1], true)] {
            let packed = Packed::new(weight, outputs, rounding);
            let right = product(x, weight, inputs, &bias);
            let mut to = vec![f32::NAN; rows * outputs];
            packed.product(x, Some(&bias), &mut to);
            let far = distance(&to, &right);
            assert!(far < 1e-5, "{rows} rows, {outputs} × {inputs}, rounding {rounding}: {far}");
            let mut back = vec![f32::NAN; weight.len()];
            packed.unpack(&mut back);
            assert!(back == *weight, "{outputs} × {inputs}, rounding {rounding}");
        }
    }
}

/// The definition, query by query.
fn attention_in_float64(kind: &Attention, q: &[f32], k: &[f32], v: &[f32]) -> Vec<f64> {
    let (q, k, v, width) = (wide(q), wide(k), wide(v), kind.width);
    let mut to = Vec::new();
    for (query, head) in (0..kind.queries).flat_map(|query| (0..kind.heads).map(move |head| (query, head))) {
        let shared = head / (kind.heads / kind.key_heads);
        let of = |all: &[f64], key: usize| all[(key * kind.key_heads + shared) * width..][..width].to_vec();
        let q = &q[(query * kind.heads + head) * width..][..width];
        let seen = if kind.causal { kind.keys + query + 1 - kind.queries } else { kind.keys };
        let score = |key| q.iter().zip(of(&k, key)).map(|(a, b)| a * b).sum::<f64>() * f64::from(kind.scale);
        let scores: Vec<f64> = (0..seen).map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shares: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f64 = shares.iter().sum();
        let mixed = |at: usize| shares.iter().enumerate().map(|(key, share)| share * of(&v, key)[at]).sum::<f64>();
        to.extend((0..width).map(|at| mixed(at) / sum));
    }
    to
}

#[test]
fn attention_is_that_of_float64() {
    // Queries, keys, heads, key heads, width. The largest takes its keys in several parts.
    for [queries, keys, heads, key_heads, width] in
        [[1, 1, 1, 1, 4], [5, 7, 2, 1, 6], [60, 60, 4, 2, 24], [250, 251, 1, 1, 40], [7, 1400, 2, 2, 128]]
    {
        for causal in [false, true] {
            let kind = Attention { queries, keys, heads, key_heads, width, scale: 0.3, causal };
            let q = numbers(queries * heads * width, 1);
            let [k, v] = [2, 3].map(|seed| numbers(keys * key_heads * width, seed));
            let mut to = vec![f32::NAN; q.len()];
            attention(&kind, &q, &k, &v, &mut to);
            let far = distance(&to, &attention_in_float64(&kind, &q, &k, &v));
            assert!(far < 1e-5, "{kind:?}: {far}");
        }
    }
}
