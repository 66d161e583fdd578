//! One part of a model, out of weights that may hold several.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use weft_formats::layout::{self, Found, Part, View};

use super::config;
use super::memory::Memory;
use crate::library::lora::tensors;
use crate::weights::Weights;

/// A part, or weights that are none.
#[derive(Debug, Clone, PartialEq)]
pub struct PartFacts {
    /// None for weights of which no part is known.
    pub role: Option<Part>,
    /// Its folder in a diffusers folder, or its file.
    pub place: PathBuf,
    pub files: Vec<PathBuf>,
    pub tensors: usize,
    pub parameters: u64,
    /// How its numbers are stored, and how many are: most first.
    pub dtypes: Vec<(String, u64)>,
    /// In its files.
    pub bytes: u64,
    pub memory: Memory,
    /// What its configuration says, or its shapes.
    pub config: Map<String, Value>,
    /// Tensors that loaders want and that are not there.
    pub missing: Vec<String>,
    pub problem: Option<String>,
}

/// A share of the numbers below which their type is not worth a word.
const WORTH_SAYING: f64 = 0.005;
/// Types that are named; of more, a file is a mixture.
const TYPES: usize = 3;
/// What stands in for places of a picture or a prompt that are filled up.
const PAD_TOKENS: [&str; 2] = ["x_pad_token", "cap_pad_token"];

impl PartFacts {
    /// Weights as a whole, of whatever part they are.
    pub fn of(place: PathBuf, weights: &Weights, role: Option<Part>) -> Self {
        let entries = weights.entries();
        let mut dtypes = BTreeMap::<String, u64>::new();
        entries.iter().for_each(|entry| *dtypes.entry(entry.stored_as()).or_default() += entry.count());
        let files: BTreeSet<PathBuf> = entries.iter().map(|entry| entry.path().to_owned()).collect();
        Self {
            role,
            place,
            files: files.into_iter().collect(),
            tensors: entries.len(),
            parameters: entries.iter().map(|entry| entry.count()).fold(0, u64::saturating_add),
            dtypes: by_count(dtypes),
            bytes: entries.iter().map(|entry| entry.stored_bytes()).sum(),
            memory: Memory::of(weights, role),
            config: Map::new(),
            missing: Vec::new(),
            problem: None,
        }
    }

    /// Every part that weights hold.
    pub fn all(place: &Path, weights: &Weights) -> Vec<Self> {
        let tensors = tensors(weights);
        let found: Vec<Found> = Part::ALL.into_iter().filter_map(|part| layout::find(part, &tensors)).collect();
        let of = |found: &Found| {
            // A whole file of one part may have names beside it that tell nothing.
            let inside = if found.prefix.is_empty() { weights.clone() } else { weights.select(&found.prefix, "") };
            let part = Self::of(place.to_owned(), &inside, Some(found.part));
            match layout::read(found, &tensors) {
                Ok(views) => part.read(found.part, &views),
                Err(why) => Self { problem: Some(why), ..part },
            }
        };
        found.iter().map(of).collect()
    }

    /// With what the configuration and the names say.
    fn read(self, role: Part, views: &[View]) -> Self {
        let own = config::beside(&self.place, role);
        let (config, problem) = match layout::config(role, views) {
            _ if !own.is_empty() => (own, None),
            Ok(config) => (config, None),
            Err(why) => (Map::new(), Some(why)),
        };
        let has = |name: &str| views.iter().any(|view| view.name == name);
        let missing = PAD_TOKENS.into_iter().filter(|name| role == Part::Diffusion && !has(name));
        Self { missing: missing.map(str::to_owned).collect(), config, problem, ..self }
    }
}

fn by_count(dtypes: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut dtypes: Vec<_> = dtypes.into_iter().collect();
    dtypes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    dtypes
}

/// How numbers are stored, in a word or three. Types of few numbers, such as those of norms in packed files, are left out.
pub fn dtype(dtypes: impl Iterator<Item = (String, u64)>) -> String {
    let mut all = BTreeMap::<String, u64>::new();
    dtypes.for_each(|(name, count)| *all.entry(name).or_default() += count);
    let least = all.values().sum::<u64>() as f64 * WORTH_SAYING;
    let names: Vec<String> =
        by_count(all).into_iter().filter(|(_, count)| *count as f64 >= least).map(|(name, _)| name).collect();
    if names.len() <= TYPES { names.join(" + ") } else { format!("mixed: {} …", names[..TYPES].join(" + ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_many_numbers_are_named() {
        let said = |all: &[(&str, u64)]| dtype(all.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        assert_eq!(said(&[("bf16", 10), ("f32", 10_000), ("bf16", 20_000)]), "bf16 + f32");
        assert_eq!(said(&[("4-bit affine", 1_000_000), ("bf16", 1000)]), "4-bit affine");
        assert_eq!(said(&[("a", 4), ("b", 3), ("c", 2), ("d", 1)]), "mixed: a + b + c …");
        assert_eq!(said(&[]), "");
    }
}
