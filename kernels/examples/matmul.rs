//! Speed of products with a matrix of weights: `cargo run --release -p weft-kernels --example matmul`.

use std::time::Instant;

use weft_kernels::Packed;

const KINDS: [(&str, f32, bool); 3] =
    [("float32", 0.1, false), ("bfloat16", 0.25, false), ("bfloat16, inputs rounded", 0.25, true)];

fn main() {
    for [rows, inputs, outputs] in [
        [1056, 768, 2304],
        [1056, 768, 4096],
        [1056, 2048, 768],
        [64, 768, 2048],
        [1056, 3840, 3840],
        [1056, 10240, 3840],
    ] {
        let x = vec![0.5f32; rows * inputs];
        let mut to = vec![0f32; rows * outputs];
        for (kind, value, rounding) in KINDS {
            let packed = Packed::new(&vec![value; outputs * inputs], outputs, rounding);
            let seconds = (0..8).map(|_| {
                let start = Instant::now();
                packed.product(&x, None, &mut to);
                start.elapsed().as_secs_f64()
            });
            let seconds = seconds.fold(f64::MAX, f64::min);
            let speed = 2e-9 * (rows * inputs * outputs) as f64 / seconds;
            println!("{rows} × {inputs} × {outputs}, {kind}: {speed:.0} GFLOP/s, {:.2} ms", seconds * 1e3);
        }
    }
}
