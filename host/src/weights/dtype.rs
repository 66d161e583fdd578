//! Types of numbers by their names in safetensors headers.

use plugin_api::Dtype;

/// None for a type that a model's tensors cannot have.
pub fn named(name: &str) -> Option<Dtype> {
    Some(match name {
        "BOOL" => Dtype::Bool,
        "U8" => Dtype::Uint8,
        "U32" => Dtype::Uint32,
        "I32" => Dtype::Int32,
        "I64" => Dtype::Int64,
        "F16" => Dtype::Float16,
        "BF16" => Dtype::Bfloat16,
        "F32" => Dtype::Float32,
        _ => return None,
    })
}

/// Bytes of a number.
pub fn width(name: &str) -> Option<usize> {
    Some(match name {
        "F64" | "I64" => 8,
        "F32" | "I32" | "U32" => 4,
        "F16" | "BF16" | "I16" => 2,
        "BOOL" | "U8" | "I8" => 1,
        _ => return None,
    })
}
