//! Speed of products, in billions of operations a second.
use std::time::Instant;
fn main() {
    for (rows, inputs, outputs) in [
        (1056, 768, 2304),
        (1056, 768, 768),
        (1056, 768, 4096),
        (1056, 2048, 768),
        (4128, 768, 4096),
        (64, 768, 2048),
        (1056, 3840, 3840),
        (1056, 10240, 3840),
    ] {
        let x = vec![0.5f32; rows * inputs];
        let weight = vec![0.25f32; outputs * inputs];
        let packed = weft_kernels::Packed::new(&weight, outputs);
        let mut to = vec![0f32; rows * outputs];
        let mut best = f64::MAX;
        for _ in 0..8 {
            let start = Instant::now();
            packed.product(&x, None, &mut to);
            best = best.min(start.elapsed().as_secs_f64());
        }
        assert_eq!(to[0], 0.125 * inputs as f32);
        println!(
            "{rows} × {inputs} × {outputs}: {:.1} GFLOP/s, {:.2} ms",
            2e-9 * (rows * inputs * outputs) as f64 / best,
            best * 1e3
        );
    }
}
