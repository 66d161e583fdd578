//! Everything beside float64, on whatever processor the tests run on. The host's tests have MLX beside it.

mod convolutions;
mod elements;
mod products;

/// Numbers about as a normal distribution has them, always the same.
fn numbers(count: usize, mut seed: u64) -> Vec<f32> {
    let mut uniform = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..count).map(|_| (0..4).map(|_| uniform()).sum::<f32>() - 2.0).collect()
}

/// The farthest that `a` is from `b`, relative to the root of the mean square of `b`.
fn distance(a: &[f32], b: &[f64]) -> f64 {
    let scale = (b.iter().map(|b| b * b).sum::<f64>() / b.len() as f64).sqrt();
    a.iter().zip(b).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max) / scale
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&x| f64::from(x)).collect()
}
