//! A tensor as the header of its file describes it.

/// What a header says of one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
}

/// The type of a tensor's numbers. What cannot be a weight is [`Dtype::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    Float64,
    Float32,
    Float16,
    Bfloat16,
    Float8E4M3,
    Float8E5M2,
    Other,
}

impl Dtype {
    /// By its name in safetensors: `BF16`, `F8_E4M3`.
    pub fn named(name: &str) -> Self {
        match name {
            "F64" => Self::Float64,
            "F32" => Self::Float32,
            "F16" => Self::Float16,
            "BF16" => Self::Bfloat16,
            "F8_E4M3" => Self::Float8E4M3,
            "F8_E5M2" => Self::Float8E5M2,
            _ => Self::Other,
        }
    }
}
