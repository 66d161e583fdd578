//! Speed of attention: `cargo run --release -p weft-kernels --example attention`.

use std::time::Instant;

use weft_kernels::{Attention, attention};

fn main() {
    for [tokens, heads, width] in [[1056, 6, 128], [1056, 12, 128], [4128, 6, 128], [1056, 30, 128], [4096, 1, 512]] {
        let kind =
            Attention { queries: tokens, keys: tokens, heads, key_heads: heads, width, scale: 0.1, causal: false };
        let x: Vec<f32> = (0..tokens * heads * width).map(|index| (index * 7919 % 1013) as f32 * 1e-3).collect();
        let mut to = vec![0f32; x.len()];
        let seconds = (0..8).map(|_| {
            let start = Instant::now();
            attention(&kind, &x, &x, &x, &mut to);
            start.elapsed().as_secs_f64()
        });
        let seconds = seconds.fold(f64::MAX, f64::min);
        let speed = 4e-9 * (tokens * tokens * heads * width) as f64 / seconds;
        println!("{tokens} tokens, {heads} heads of {width}: {speed:.0} GFLOP/s, {:.2} ms", seconds * 1e3);
    }
}
