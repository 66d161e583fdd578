//! What `torch.save` writes (`.pth`, `.pt`, `.ckpt`), read as data.
//!
//! A pickle is a program: its opcodes name functions and call them. Here every opcode only makes a value, and a
//! "function" is one of the short list in [`global`], each of which stands for a shape of data. Anything else ends the
//! reading with its name. Nothing is executed, and nothing in a file decides what is.
//!
//! Sources: Python's `pickletools` for the opcodes, torch's `serialization.py` for the two containers.

mod flatten;
mod global;
mod legacy;
mod machine;
mod reader;
mod tensor;
mod torch_zip;
mod value;
mod zip;

pub use tensor::{Stored, gather};

use crate::source::{Refusal, Source};

/// Bytes of a pickle: its storages lie outside of it, so that one of a gigabyte is no model.
const PICKLE_BYTES: u64 = 64 << 20;
/// Values that a pickle may make.
const VALUES: usize = 4_000_000;
/// Dicts in dicts around the tensors.
const DEPTH: usize = 8;
/// Bytes of a name.
const TEXT: usize = 1024;
/// Axes of a tensor.
const AXES: usize = 8;

type Result<T> = std::result::Result<T, Refusal>;

/// Whether the file's first bytes are those of a torch file: an archive, or a bare pickle of protocol 2 to 5. A safetensors
/// file may begin with the same two bytes, as the length of its header; then zeros follow.
pub fn is_torch(head: &[u8]) -> bool {
    head.starts_with(zip::LOCAL)
        || matches!(head, [0x80, 2..=5, rest @ ..] if rest.iter().take(6).any(|byte| *byte != 0))
}

/// The tensors of a torch file by name, with the wrappers around them taken off: `params_ema` before `params`, before
/// `state_dict`, before `model`. Each lies within the file.
///
/// # Errors
/// A file that asks for anything but data, is damaged, or holds no tensor.
pub fn tensors(source: &(impl Source + ?Sized)) -> Result<Vec<Stored>> {
    let head = source.read(0, source.size().min(4) as usize)?;
    if head.starts_with(zip::LOCAL) { torch_zip::tensors(source) } else { legacy::tensors(source) }
}
