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

/// Bytes of a pixel of a picture: three colours in float32.
pub const PIXEL: u64 = 3 * FLOAT32;
