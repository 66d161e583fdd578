//! The adapter of one module, apart from the names that a layout gives it.

use std::collections::BTreeMap;

use super::data::Data;
use crate::lora::suffix::{Kind, Role};
use crate::lora::{Part, names};

/// The tensors that change one weight or bias.
#[derive(Debug, Clone)]
pub(super) struct Module {
    pub part: Part,
    /// diffusers' name without a prefix, or that of the fused matrix.
    pub name: String,
    pub tensors: BTreeMap<Role, Data>,
    /// What alpha is divided by, 0 where it has no effect.
    pub rank: usize,
}

impl Module {
    pub(super) fn kind(&self) -> Option<Kind> {
        self.tensors.keys().find_map(|role| role.kind())
    }

    pub(super) fn get(&self, role: Role) -> Option<&Data> {
        self.tensors.get(&role)
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.tensors.contains_key(&role)
    }

    pub(super) fn alpha(&self) -> Option<f64> {
        self.get(Role::Alpha)?.values().first().copied()
    }

    /// What ΔW is scaled with.
    pub(super) fn scale(&self) -> f64 {
        let alpha = self.alpha().filter(|_| self.rank > 0);
        alpha.map_or(1.0, |alpha| alpha / self.rank as f64)
    }

    /// Whether its magnitudes, if it has any, are those of rows.
    pub(super) fn by_rows(&self) -> bool {
        let columns = |data: &Data| data.rows() == 1 && data.columns() > 1;
        !self.get(Role::Magnitude).is_some_and(columns)
    }

    /// The tensors of which the rows are those of ΔW: one choice, or several.
    pub(super) fn carriers(&self) -> Vec<Vec<Role>> {
        let choices: &[&[Role]] = match self.kind() {
            Some(Kind::LowRank) => &[&[Role::Up]],
            Some(Kind::Hadamard) => &[&[Role::HadaW1A, Role::HadaW2A]],
            Some(Kind::Full) => &[&[Role::Diff]],
            Some(Kind::Bias) => &[&[Role::DiffBias]],
            // The rows of a Kronecker product go by those of its first factor, and within them by those of its second.
            Some(Kind::Kronecker) if self.rows_of_first() == 1 => {
                &[&[Role::KronW1, Role::KronW1A], &[Role::KronW2, Role::KronW2A]]
            }
            Some(Kind::Kronecker) => &[&[Role::KronW1, Role::KronW1A]],
            None => &[],
        };
        let own =
            |roles: &&[Role]| roles.iter().chain([&Role::Magnitude]).copied().filter(|role| self.has(*role)).collect();
        choices.iter().map(own).collect()
    }

    fn rows_of_first(&self) -> usize {
        self.get(Role::KronW1).or_else(|| self.get(Role::KronW1A)).map_or(0, Data::rows)
    }

    /// Whether a factor is written transposed, before a core.
    pub(super) fn transposes(&self, role: Role) -> bool {
        match role {
            Role::HadaW1A => self.has(Role::HadaT1),
            Role::HadaW2A => self.has(Role::HadaT2),
            Role::KronW2A => self.has(Role::KronT2),
            _ => false,
        }
    }

    /// Whether a core stands between factors.
    pub(super) fn has_core(&self) -> bool {
        [Role::Mid, Role::KronT2, Role::HadaT1, Role::HadaT2].iter().any(|role| self.has(*role))
    }

    /// What stands before the name of one of q, k and v, and which it is; 3 where it is the fused matrix.
    pub(super) fn place(&self) -> Option<(&str, usize)> {
        let all = names::QKV.iter().chain([&names::FUSED]);
        all.enumerate().find_map(|(at, part)| Some((self.name.strip_suffix(part)?, at)))
    }
}

/// The two factors of each product that makes ΔW: rows × rank, rank × columns.
pub(super) fn pairs(kind: Option<Kind>) -> &'static [(Role, Role)] {
    match kind {
        Some(Kind::LowRank) => &[(Role::Up, Role::Down)],
        Some(Kind::Hadamard) => &[(Role::HadaW1A, Role::HadaW1B), (Role::HadaW2A, Role::HadaW2B)],
        _ => &[],
    }
}
