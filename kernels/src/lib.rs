//! Arithmetic on float32 slices in row-major order: over all cores, in vector code chosen at run time (AVX-512, AVX2, or what
//! the compiler's baseline has). MLX's CPU backend does the same on one core, one number at a time.
//!
//! Nothing here knows MLX. Beside results there is a task's scratch, and matrices laid out for products are kept. The same
//! numbers give the same bytes however many cores there are. docs/performance.md has the figures.

mod arithmetic;
mod attention;
mod concatenate;
mod convolution;
mod double;
mod exp;
mod group_norm;
mod halves;
mod matmul;
mod product;
mod rotary;
mod rows;
mod silu;
#[cfg(test)]
mod tests;
mod winograd;

pub use arithmetic::{Arithmetic, arithmetic};
pub use attention::{Attention, attention};
pub use concatenate::concatenate;
pub use convolution::{Added, Convolution, convolve};
pub use double::double;
pub use group_norm::GroupNorm;
pub use matmul::Packed;
pub use product::is_fast;
pub use rotary::rotate_pairs;
pub use rows::{rms_norm, softmax};
pub use silu::{silu, silu_multiply};

/// Numbers that one task works on: small enough to stay in a core's cache, large enough to be worth a task.
const TASK: usize = 1 << 14;

/// Numbers of whole rows that one task works on.
fn task(width: usize) -> usize {
    width * (TASK / width).max(1)
}
