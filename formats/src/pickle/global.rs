//! What a file may name. Each stands for a shape of data; none of it is ever called.

use super::Result;
use crate::source::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    OrderedDict,
    /// `torch.Size`: a tuple.
    Size,
    RebuildTensor,
    RebuildParameter,
    Storage(Number),
}

/// What a storage is a row of: its name in a safetensors header, and the bytes of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    pub name: &'static str,
    pub bytes: usize,
}

const fn storage(name: &'static str, bytes: usize) -> Global {
    Global::Storage(Number { name, bytes })
}

const ALLOWED: [(&str, &str, Global); 14] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch", "Size", Global::Size),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "DoubleStorage", storage("F64", 8)),
    ("torch", "FloatStorage", storage("F32", 4)),
    ("torch", "HalfStorage", storage("F16", 2)),
    ("torch", "BFloat16Storage", storage("BF16", 2)),
    ("torch", "LongStorage", storage("I64", 8)),
    ("torch", "IntStorage", storage("I32", 4)),
    ("torch", "ShortStorage", storage("I16", 2)),
    ("torch", "CharStorage", storage("I8", 1)),
    ("torch", "ByteStorage", storage("U8", 1)),
    ("torch", "BoolStorage", storage("BOOL", 1)),
];

/// # Errors
/// Anything that is not on the list, by its name.
pub fn find(module: &str, name: &str) -> Result<Global> {
    let found = ALLOWED.iter().find(|(in_module, its_name, _)| *in_module == module && *its_name == name);
    found.map(|(_, _, global)| *global).ok_or_else(|| Refusal {
        what: format!(
            "asks for `{}.{}`, which is code or an object, not data: it is not read",
            plain(module),
            plain(name)
        ),
        help: "use a .safetensors file of the model, or a .pth file with nothing but its weights",
    })
}

/// A name out of a file, short and without anything that a terminal obeys.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}
