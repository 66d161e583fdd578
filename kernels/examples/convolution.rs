//! How many sums and products a second a 3×3 convolution is worth: `cargo run --release -p weft-kernels --example convolution`.
//! Counted as in the definition, of which Winograd's way does a quarter.

use std::time::Instant;

use weft_kernels::{Added, Convolution, convolve};

fn main() {
    for (side, channels, out) in
        [(64, 512, 512), (128, 512, 512), (256, 256, 256), (512, 256, 128), (512, 128, 128), (128, 64, 32)]
    {
        let kind =
            Convolution { height: side, width: side, channels, out, kernel: [3, 3], stride: [1, 1], padding: [1, 1] };
        let x: Vec<f32> = (0..side * side * channels).map(|n| (n % 17) as f32 - 8.0).collect();
        let weight: Vec<f32> = (0..out * 9 * channels).map(|n| (n % 13) as f32 / 13.0 - 0.5).collect();
        let (mut scratch, mut to) = (vec![0.0; kind.scratch()], vec![0.0; side * side * out]);
        let best = (0..5).map(|_| {
            let start = Instant::now();
            convolve(&kind, &x, &weight, Added::default(), &mut scratch, &mut to);
            start.elapsed().as_secs_f64()
        });
        let best = best.fold(f64::INFINITY, f64::min);
        let rate = (2 * 9 * side * side * channels * out) as f64 / best / 1e9;
        println!("{side}² {channels:4} -> {out:3}: {:7.1} ms, {rate:4.0} GFLOP/s", 1e3 * best);
    }
}
