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
    const ALL: [Self; 6] =
        [Self::Float64, Self::Float32, Self::Float16, Self::Bfloat16, Self::Float8E4M3, Self::Float8E5M2];

    /// As a safetensors header writes it, and people say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float64 => "F64",
            Self::Float32 => "F32",
            Self::Float16 => "F16",
            Self::Bfloat16 => "BF16",
            Self::Float8E4M3 => "F8_E4M3",
            Self::Float8E5M2 => "F8_E5M2",
            Self::Other => "other",
        }
    }

    /// By the name in a safetensors header.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name).unwrap_or(Self::Other)
    }

    /// Bytes of a number, where that is known.
    pub const fn bytes(self) -> Option<usize> {
        match self {
            Self::Float64 => Some(8),
            Self::Float32 => Some(4),
            Self::Float16 | Self::Bfloat16 => Some(2),
            Self::Float8E4M3 | Self::Float8E5M2 => Some(1),
            Self::Other => None,
        }
    }
}
