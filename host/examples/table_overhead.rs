//! What a tensor operation costs through the table that plugins have, and the same one in MLX's Rust crate. Nothing is
//! computed: the graph of lazy operations is built and dropped again.
//!
//!     cargo run --release -p weft --no-default-features --example table_overhead

use std::hint::black_box;
use std::time::Instant;

use mlx_rs::Array;
use plugin_api::{Dtype, Tensor};

const OPERATIONS: usize = 100_000;
/// Lazy operations that hang on each other: MLX drops a chain by recursion, so it is cut.
const CHAIN: usize = 100;
const ROUNDS: usize = 15;

fn main() {
    weft::table::start(Some(weft::table::Device::Cpu)).expect("a CPU");
    // SAFETY: the table lives for ever.
    unsafe { plugin_api::set_host(weft::table::host()) };
    // In turns, so that a slower or faster moment of the machine meets both.
    let (mut table, mut direct) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        table.push(nanoseconds(through_the_table));
        direct.push(nanoseconds(directly));
    }
    let (table, direct) = (median(&mut table), median(&mut direct));
    println!("add of two scalars, {OPERATIONS} of them, median of {ROUNDS} rounds");
    println!("through the table  {table:8.1} ns");
    println!("in mlx-rs          {direct:8.1} ns");
    println!("the table costs    {:8.1} ns", table - direct);
}

fn through_the_table() {
    let one = Tensor::full(&[], 1.0, Dtype::Float32);
    for _ in 0..OPERATIONS / CHAIN {
        let mut sum = one.clone();
        for _ in 0..CHAIN {
            sum = &sum + &one;
        }
        drop(black_box(sum));
    }
}

fn directly() {
    let one = Array::from_f32(1.0);
    for _ in 0..OPERATIONS / CHAIN {
        let mut sum = one.clone();
        for _ in 0..CHAIN {
            sum = mlx_rs::ops::add(&sum, &one).expect("scalars add up");
        }
        drop(black_box(sum));
    }
}

fn nanoseconds(body: fn()) -> f64 {
    let start = Instant::now();
    body();
    start.elapsed().as_nanos() as f64 / OPERATIONS as f64
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
