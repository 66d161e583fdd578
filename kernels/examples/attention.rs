//! Speed of attention, in billions of operations a second.
use std::time::Instant;
use weft_kernels::{Attention, attention};
fn main() {
    for (queries, heads, width) in [
        (1056, 6, 128),
        (1056, 6, 120),
        (1056, 6, 96),
        (960, 6, 128),
        (1000, 6, 128),
        (528, 6, 128),
        (1056, 6, 136),
        (1056, 6, 256),
        (1056, 6, 512),
        (1056, 6, 768),
    ] {
        let kind = Attention { queries, keys: queries, heads, key_heads: heads, width, scale: 0.1, causal: false };
        let x: Vec<f32> = (0..queries * heads * width).map(|i| ((i * 7919) % 1013) as f32 * 0.001).collect();
        let mut to = vec![0f32; x.len()];
        let mut best = f64::MAX;
        for _ in 0..12 {
            let start = Instant::now();
            attention(&kind, &x, &x, &x, &mut to);
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!(
            "{queries} {heads} {width}: {:.1} GFLOP/s, {:.2} ms",
            4e-9 * (queries * queries * heads * width) as f64 / best,
            best * 1e3
        );
    }
}
