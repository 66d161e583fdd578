//! A change of one weight: which tensors of the file make it, and where in the model it goes.

use std::ops::Range;

/// The part of a model that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Model,
    TextEncoder,
}

/// ΔW of one module of the file, `[outputs, inputs]` (or the shape of the target where that is a vector), and its targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    pub part: Part,
    /// The module as the file names it, for messages.
    pub module: String,
    /// One, or several where a fused matrix of the file changes several of the model. Their `rows` cover ΔW once.
    pub targets: Vec<Target>,
    pub delta: Delta,
    pub alpha: Alpha,
    /// What alpha is divided by: rows of `down` (LoRA), of `w1_b` (LoHa), of the factored matrix (LoKr). 0 where there is none.
    pub rank: usize,
    /// The tensor with DoRA's magnitudes: `[outputs]` or `[outputs, 1]` for the norms of rows, `[1, inputs]` for those of columns.
    pub magnitude: Option<String>,
}

/// Some rows of ΔW, and the rows of the model's tensor that they are added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole name of the model's tensor, with `.weight` or `.bias`.
    pub tensor: String,
    /// Rows of ΔW.
    pub rows: Range<usize>,
    /// The first of the tensor's rows that is changed: above 0 only where a split file meets a fused model.
    pub first: usize,
    /// Rows of the tensor.
    pub of: usize,
}

/// How the file writes ΔW, by the names of its tensors. All factors are matrices; four axes with two last ones of 1 count as two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// `up [outputs, rank] · down [rank, inputs]`, with `mid [rank, rank]` between them where there is one.
    LowRank { down: String, up: String, mid: Option<String> },
    /// `(w1_a · w1_b) ∘ (w2_a · w2_b)`; with a core `t`, `w_a`ᵀ · t · `w_b` instead of each product.
    Hadamard { w1_a: String, w1_b: String, w2_a: String, w2_b: String, t1: Option<String>, t2: Option<String> },
    /// `w1 ⊗ w2`.
    Kronecker { w1: Factor, w2: Factor },
    /// ΔW itself.
    Full { diff: String },
}

/// A factor of a Kronecker product: one matrix, or a product of two (with a core between them, `a`ᵀ · t · `b`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    Whole(String),
    Product { a: String, b: String, t: Option<String> },
}

/// What ΔW is scaled with: `alpha / rank`, or 1 where there is no alpha.
#[derive(Debug, Clone, PartialEq)]
pub enum Alpha {
    None,
    /// A tensor of one number.
    Tensor(String),
    /// From the file's metadata.
    Number(f64),
}

impl Adapter {
    /// The names of all tensors of the file that it is made of.
    pub fn tensors(&self) -> Vec<&str> {
        let alpha = if let Alpha::Tensor(name) = &self.alpha { Some(name) } else { None };
        self.delta.tensors().into_iter().chain(alpha).chain(&self.magnitude).map(String::as_str).collect()
    }
}

impl Delta {
    fn tensors(&self) -> Vec<&String> {
        match self {
            Self::LowRank { down, up, mid } => [down, up].into_iter().chain(mid).collect(),
            Self::Hadamard { w1_a, w1_b, w2_a, w2_b, t1, t2 } => {
                [w1_a, w1_b, w2_a, w2_b].into_iter().chain(t1).chain(t2).collect()
            }
            Self::Kronecker { w1, w2 } => [w1.tensors(), w2.tensors()].concat(),
            Self::Full { diff } => vec![diff],
        }
    }
}

impl Factor {
    fn tensors(&self) -> Vec<&String> {
        match self {
            Self::Whole(name) => vec![name],
            Self::Product { a, b, t } => [a, b].into_iter().chain(t).collect(),
        }
    }
}
