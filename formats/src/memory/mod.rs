//! The memory that models take, foreseen from shapes: the one place with its formulas, for the plugins that refuse or tile
//! and for the host that tells before a run. Bytes everywhere. docs/memory.md has what was measured beside them.

pub mod text_encoder;
pub mod transformer;
pub mod upscaler;
pub mod vae;
mod weights;

pub use weights::Weights;

/// Bytes of a number in float32.
pub const FLOAT32: u64 = 4;
/// Bytes of a number in bfloat16 or float16.
pub const HALF: u64 = 2;

/// The most that [`slack`] comes to.
pub const MOST_SLACK: u64 = 110_000_000;

/// What an allocator on a CPU holds besides the bytes that a pass takes: what is smaller than 32 MiB comes from its heap, which
/// keeps holes and pages that are partly used. Measured, docs/memory.md.
pub fn slack(pass: u64) -> u64 {
    (pass / 2).min(MOST_SLACK)
}

/// Bytes of a pixel of a picture: three colours in float32.
pub const PIXEL: u64 = 3 * FLOAT32;
