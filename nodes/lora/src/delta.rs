//! ΔW of an adapter, in float32, without the weight that the user gave. Formulas: LoRA (Hu et al. 2021), LoHa and LoKr as
//! LyCORIS has them.

use plugin_api::{Dtype, Tensor};
use weft_formats::lora::{Delta, Factor};

use crate::file::Lora;

/// Tensors of the file that make ΔW, taken out once: `[outputs, inputs]`, or a vector.
pub enum Parts {
    /// `up · down`, or with a core `up · mid · down`.
    LowRank {
        down: Tensor,
        up: Tensor,
    },
    Hadamard {
        one: Product,
        other: Product,
    },
    Kronecker {
        w1: Product,
        w2: Product,
    },
    Full(Tensor),
}

/// A matrix, as it stands or as a product.
pub enum Product {
    Whole(Tensor),
    Of(Tensor, Tensor),
}

impl Parts {
    pub fn of(lora: &Lora, delta: &Delta) -> Self {
        let tensor = |name: &String| lora.tensor(name);
        let product = |a: &String, b: &String, t: &Option<String>| match t {
            None => Product::Of(tensor(a), tensor(b)),
            Some(core) => Product::Of(wide(&tensor(a)).transpose(&[]).matmul(&wide(&tensor(core))), tensor(b)),
        };
        match delta {
            Delta::LowRank { down, up, mid } => {
                let down =
                    mid.as_ref().map_or_else(|| tensor(down), |mid| wide(&tensor(mid)).matmul(&wide(&tensor(down))));
                Self::LowRank { down, up: tensor(up) }
            }
            Delta::Hadamard { w1_a, w1_b, w2_a, w2_b, t1, t2 } => {
                Self::Hadamard { one: product(w1_a, w1_b, t1), other: product(w2_a, w2_b, t2) }
            }
            Delta::Kronecker { w1, w2 } => {
                let factor = |factor: &Factor| match factor {
                    Factor::Whole(name) => Product::Whole(tensor(name)),
                    Factor::Product { a, b, t } => product(a, b, t),
                };
                Self::Kronecker { w1: factor(w1), w2: factor(w2) }
            }
            Delta::Full { diff } => Self::Full(tensor(diff)),
        }
    }

    /// ΔW as it stands in the file, to be multiplied with its scale.
    pub fn delta(&self) -> Tensor {
        match self {
            Self::LowRank { down, up } => wide(up).matmul(&wide(down)),
            Self::Hadamard { one, other } => one.matrix() * other.matrix(),
            Self::Kronecker { w1, w2 } => kronecker(&w1.matrix(), &w2.matrix()),
            Self::Full(diff) => wide(diff),
        }
    }
}

impl Product {
    fn matrix(&self) -> Tensor {
        match self {
            Self::Whole(tensor) => wide(tensor),
            Self::Of(a, b) => wide(a).matmul(&wide(b)),
        }
    }
}

fn wide(tensor: &Tensor) -> Tensor {
    tensor.as_dtype(Dtype::Float32)
}

/// Every number of `a [h, w]` times all of `b [k, l]`: `[h·k, w·l]`.
fn kronecker(a: &Tensor, b: &Tensor) -> Tensor {
    let sizes = || Ok::<_, plugin_api::Error>((a.dims::<2>("a factor")?, b.dims::<2>("a factor")?));
    match sizes() {
        Ok(([h, w], [k, l])) => (a.reshape(&[h, 1, w, 1]) * b.reshape(&[1, k, 1, l])).reshape(&[h * k, w * l]),
        Err(error) => Tensor::failed(error),
    }
}
