//! GGUF files: the list of tensors, and numbers that are packed in blocks.
//!
//! Sources: the format's description in ggml's documentation; the Python package `gguf` for what each block means, with
//! which every number here agrees in all its bits.

mod blocks;
mod header;
mod k_blocks;
mod reader;

pub use blocks::{Packing, unpack};
pub use header::{Header, Stored, read};

/// What a file begins with.
pub const MAGIC: &[u8] = b"GGUF";
