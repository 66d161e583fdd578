//! Puts the tensors of a module together to its ΔW, if they fit each other.

use super::group::Group;
use super::suffix::{Kind, Role};
use super::{Delta, Factor, State};
use crate::{Dtype, Tensor};

/// ΔW by its tensors, its shape and what alpha is divided by.
#[derive(Debug)]
pub(super) struct Built {
    pub delta: Delta,
    pub shape: Vec<usize>,
    pub rank: usize,
}

/// Why keys are not applied.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub state: State,
    pub why: String,
}

impl Fault {
    pub(super) fn shape(why: String) -> Self {
        Self { state: State::ShapeMismatch, why }
    }

    pub(super) fn incomplete(why: impl Into<String>) -> Self {
        Self { state: State::IncompletePair, why: why.into() }
    }
}

/// The delta of a kind that the group has keys of.
pub(super) fn build(file: &[Tensor], group: &Group<'_>, kind: Kind) -> Result<Built, Fault> {
    let whole = group.keys(kind).map(|key| &file[key]).find(|tensor| tensor.dtype == Dtype::Other);
    if let Some(tensor) = whole {
        return Err(Fault::shape(format!("the numbers of `{}` are of no floating-point type", tensor.name)));
    }
    let parts = Parts { file, group };
    match kind {
        Kind::LowRank => parts.low_rank(),
        Kind::Kronecker => parts.kronecker(),
        Kind::Hadamard => parts.hadamard(),
        Kind::Full => parts.full(Role::Diff),
        Kind::Bias => parts.full(Role::DiffBias),
    }
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    file: &'a [Tensor],
    group: &'a Group<'a>,
}

impl<'a> Parts<'a> {
    fn get(self, role: Role) -> Option<&'a Tensor> {
        self.group.tensor(self.file, role)
    }

    fn low_rank(self) -> Result<Built, Fault> {
        let (down, up, mid) = (self.get(Role::Down), self.get(Role::Up), self.get(Role::Mid));
        let (Some(down), Some(up)) = (down, up) else {
            return Err(Fault::incomplete(match (down, up) {
                (Some(_), None) => "its up half (`lora_B`, `lora_up`) is missing",
                (None, Some(_)) => "its down half (`lora_A`, `lora_down`) is missing",
                _ => "the two halves beside it are missing",
            }));
        };
        let (rows, rank) = (matrix(up)?, matrix(down)?);
        let inner = mid.map(matrix).transpose()?.unwrap_or([rank[0], rank[0]]);
        if rows[1] != inner[0] || inner[1] != rank[0] {
            let why = format!("the ranks differ: up is {} and down {}", dims(&up.shape), dims(&down.shape));
            return Err(Fault::shape(match mid {
                Some(mid) => format!("{why}, with {} between them", dims(&mid.shape)),
                None => why,
            }));
        }
        let delta = Delta::LowRank { down: name(down), up: name(up), mid: mid.map(name) };
        Ok(Built { delta, shape: vec![rows[0], rank[1]], rank: rank[0] })
    }

    fn kronecker(self) -> Result<Built, Fault> {
        let w1 = self.factor(Some(Role::KronW1), Role::KronW1A, Role::KronW1B, None)?;
        let w2 = self.factor(Some(Role::KronW2), Role::KronW2A, Role::KronW2B, Some(Role::KronT2))?;
        let shape = w1.shape.iter().zip(w2.shape).map(|(a, b)| a.saturating_mul(b)).collect();
        // Alpha belongs to the factored matrix, the second where both are.
        let rank = if w2.rank > 0 { w2.rank } else { w1.rank };
        Ok(Built { delta: Delta::Kronecker { w1: w1.factor, w2: w2.factor }, shape, rank })
    }

    fn hadamard(self) -> Result<Built, Fault> {
        let first = self.factor(None, Role::HadaW1A, Role::HadaW1B, Some(Role::HadaT1))?;
        let second = self.factor(None, Role::HadaW2A, Role::HadaW2B, Some(Role::HadaT2))?;
        if first.shape != second.shape {
            let why = format!("its two products are {} and {}", dims(&first.shape), dims(&second.shape));
            return Err(Fault::shape(why));
        }
        let (Factor::Product { a: w1_a, b: w1_b, t: t1 }, Factor::Product { a: w2_a, b: w2_b, t: t2 }) =
            (first.factor, second.factor)
        else {
            return Err(Fault::incomplete("one of its factors is missing"));
        };
        let delta = Delta::Hadamard { w1_a, w1_b, w2_a, w2_b, t1, t2 };
        Ok(Built { delta, shape: first.shape.to_vec(), rank: first.rank })
    }

    /// A matrix, whole or as `a · b`, or as `a`ᵀ · t · `b`.
    fn factor(self, whole: Option<Role>, a: Role, b: Role, t: Option<Role>) -> Result<Product, Fault> {
        let [whole, t] = [whole, t].map(|role| role.and_then(|role| self.get(role)));
        match (whole, self.get(a), self.get(b), t) {
            (Some(whole), None, None, None) => {
                Ok(Product { shape: matrix(whole)?, rank: 0, factor: Factor::Whole(name(whole)) })
            }
            (None, Some(a), Some(b), t) => product(a, b, t),
            (Some(_), ..) => Err(Fault::shape("a factor stands there twice, whole and as a product".to_owned())),
            _ => Err(Fault::incomplete("one of its factors is missing")),
        }
    }

    fn full(self, role: Role) -> Result<Built, Fault> {
        let diff = self.get(role).ok_or_else(|| Fault::incomplete("the difference is missing"))?;
        if diff.shape.contains(&0) {
            return Err(Fault::shape(format!("`{}` is empty: {}", diff.name, dims(&diff.shape))));
        }
        let delta = Delta::Full { diff: name(diff) };
        let shape = matrix(diff).map_or_else(|_| diff.shape.clone(), |shape| shape.to_vec());
        Ok(Built { delta, shape, rank: 0 })
    }
}

struct Product {
    factor: Factor,
    shape: [usize; 2],
    /// 0 where it is whole.
    rank: usize,
}

fn product(a: &Tensor, b: &Tensor, t: Option<&Tensor>) -> Result<Product, Fault> {
    let (left, right) = (matrix(a)?, matrix(b)?);
    // With a core the first factor is written transposed.
    let (rows, inner) = if t.is_some() { (left[1], left[0]) } else { (left[0], left[1]) };
    let core = t.map(matrix).transpose()?.unwrap_or([inner, right[0]]);
    if core != [inner, right[0]] || (t.is_none() && inner != right[0]) {
        let core = t.map(|t| format!(" with {} between them", dims(&t.shape))).unwrap_or_default();
        let why = format!("the ranks differ: its factors are {} and {}{core}", dims(&a.shape), dims(&b.shape));
        return Err(Fault::shape(why));
    }
    let factor = Factor::Product { a: name(a), b: name(b), t: t.map(name) };
    Ok(Product { factor, shape: [rows, right[1]], rank: right[0] })
}

/// The shape of a matrix. Convolutions of one point are matrices too.
fn matrix(tensor: &Tensor) -> Result<[usize; 2], Fault> {
    match tensor.shape[..] {
        [0, ..] | [_, 0, ..] => Err(Fault::shape(format!("`{}` is empty: {}", tensor.name, dims(&tensor.shape)))),
        [rows, columns] | [rows, columns, 1] | [rows, columns, 1, 1] => Ok([rows, columns]),
        _ => Err(Fault::shape(format!("`{}` is no matrix: {}", tensor.name, dims(&tensor.shape)))),
    }
}

/// A shape as people write it: `[16, 3840]`.
pub(super) fn dims(shape: &[usize]) -> String {
    format!("{shape:?}")
}

fn name(tensor: &Tensor) -> String {
    tensor.name.clone()
}
