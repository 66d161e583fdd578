//! What a file is, in a few words and numbers.

use std::collections::BTreeSet;

use super::suffix::{self, Role};
use super::{Adapter, Alpha, Delta, Fit, Part, prefix};
use crate::{Dtype, Tensor};

/// What a file is. Of the adapters that fit; sizes and types are of all its tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// "LoRA", "DoRA", "LoKr", "LoHa", "full difference": in the order of the file.
    pub kinds: Vec<&'static str>,
    /// How it is written: "diffusers names, `diffusion_model.` in front, lora_A/lora_B, alpha in the file".
    pub layout: String,
    /// Each once, ascending.
    pub ranks: Vec<usize>,
    /// Those of the metadata, each once, ascending.
    pub alphas: Vec<f64>,
    /// The tensors with the other alphas.
    pub alpha_tensors: Vec<String>,
    /// What is changed, in the order of the file.
    pub targets: Vec<TargetGroup>,
    /// Blocks that are changed: layers, refiners and those of the text encoder.
    pub layers: usize,
    pub dtypes: Vec<Dtype>,
    /// Numbers in the file, alphas aside.
    pub parameters: usize,
}

/// Tensors of the same name in several blocks: "attention.to_q" ×30.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroup {
    pub part: Part,
    pub name: String,
    pub count: usize,
}

/// Sums up a file that was fitted.
pub fn summary(file: &[Tensor], fit: &Fit) -> Summary {
    let adapters = &fit.adapters;
    let weights = || file.iter().filter(|tensor| !matches!(suffix::split(&tensor.name), Some((_, Role::Alpha))));
    let size = |tensor: &Tensor| tensor.shape.iter().fold(1, |size: usize, axis| size.saturating_mul(*axis));
    Summary {
        kinds: distinct(adapters.iter().map(kind)),
        layout: layout(file, adapters),
        ranks: adapters
            .iter()
            .map(|adapter| adapter.rank)
            .filter(|rank| *rank > 0)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        alphas: alphas(adapters),
        alpha_tensors: adapters.iter().filter_map(alpha_tensor).collect(),
        targets: groups(adapters),
        layers: blocks(adapters),
        dtypes: distinct(weights().map(|tensor| tensor.dtype)),
        parameters: weights().map(size).fold(0, usize::saturating_add),
    }
}

/// Each once, in the order of their first.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut seen, item| {
        if !seen.contains(&item) {
            seen.push(item);
        }
        seen
    })
}

fn kind(adapter: &Adapter) -> &'static str {
    match (&adapter.delta, &adapter.magnitude) {
        (Delta::LowRank { .. }, None) => "LoRA",
        (Delta::LowRank { .. }, Some(_)) => "DoRA",
        (Delta::Kronecker { .. }, None) => "LoKr",
        (Delta::Kronecker { .. }, Some(_)) => "LoKr with DoRA",
        (Delta::Hadamard { .. }, None) => "LoHa",
        (Delta::Hadamard { .. }, Some(_)) => "LoHa with DoRA",
        (Delta::Full { .. }, _) => "full difference",
    }
}

fn alphas(adapters: &[Adapter]) -> Vec<f64> {
    let numbers = adapters.iter().filter_map(|adapter| match adapter.alpha {
        Alpha::Number(alpha) => Some(alpha),
        _ => None,
    });
    let mut alphas = distinct(numbers);
    alphas.sort_by(f64::total_cmp);
    alphas
}

fn alpha_tensor(adapter: &Adapter) -> Option<String> {
    match &adapter.alpha {
        Alpha::Tensor(name) => Some(name.clone()),
        _ => None,
    }
}

/// The tensors by their names within a block.
fn groups(adapters: &[Adapter]) -> Vec<TargetGroup> {
    let changed =
        adapters.iter().flat_map(|adapter| adapter.targets.iter().map(|target| (adapter.part, &target.tensor)));
    let mut groups: Vec<TargetGroup> = Vec::new();
    let mut seen = BTreeSet::new();
    for (part, tensor) in changed.filter(|changed| seen.insert(*changed)) {
        let name = within_block(tensor).1;
        match groups.iter_mut().find(|group| group.part == part && group.name == name) {
            Some(group) => group.count += 1,
            None => groups.push(TargetGroup { part, name: name.to_owned(), count: 1 }),
        }
    }
    groups
}

fn blocks(adapters: &[Adapter]) -> usize {
    let targets =
        adapters.iter().flat_map(|adapter| adapter.targets.iter().map(|target| (adapter.part, &target.tensor)));
    let blocks = targets.filter_map(|(part, tensor)| Some((part, within_block(tensor).0?)));
    blocks.collect::<BTreeSet<_>>().len()
}

/// The block of a tensor, and its name in there: `layers.3` and `attention.to_q`.
fn within_block(tensor: &str) -> (Option<&str>, &str) {
    let name = body(trunk(tensor));
    let mut dots = name.match_indices('.').map(|(at, _)| at);
    match (dots.next(), dots.next()) {
        (Some(first), Some(second)) if name[first + 1..second].bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(&name[..second]), &name[second + 1..])
        }
        _ => (None, name),
    }
}

/// The module of a weight.
fn trunk(tensor: &str) -> &str {
    tensor.strip_suffix(".weight").unwrap_or(tensor)
}

/// A name without its prefix.
fn body(name: &str) -> &str {
    prefix::candidates(name).last().map_or(name, |(_, body)| body)
}

fn layout(file: &[Tensor], adapters: &[Adapter]) -> String {
    let mut parts = vec![spelling(adapters).to_owned()];
    parts.push(in_front(adapters));
    parts.extend(halves(file));
    parts.extend(scale(adapters).map(str::to_owned));
    if adapters.is_empty() { String::new() } else { parts.join(", ") }
}

fn spelling(adapters: &[Adapter]) -> &'static str {
    let has = |words: &[&str]| {
        let flat = |adapter: &Adapter| format!("{}_", adapter.module.replace('.', "_"));
        adapters.iter().any(|adapter| words.iter().any(|word| flat(adapter).contains(word)))
    };
    let dots = |adapter: &&Adapter| adapter.targets.iter().any(|target| body(trunk(&target.tensor)).contains('.'));
    let underscored = adapters.iter().filter(dots).any(|adapter| !body(&adapter.module).contains('.'));
    match (has(&["attention_qkv_", "attention_out_"]), has(&["attention_to_"]), underscored) {
        (true, false, false) => "native names",
        (true, false, true) => "native names with underscores",
        (false, true, false) => "diffusers names",
        (false, true, true) => "diffusers names with underscores",
        (_, _, false) => "the model's names",
        (_, _, true) => "the model's names with underscores",
    }
}

fn in_front(adapters: &[Adapter]) -> String {
    let prefixes =
        distinct(adapters.iter().map(|adapter| adapter.module.strip_suffix(body(&adapter.module)).unwrap_or_default()));
    let quoted: Vec<_> =
        prefixes.iter().filter(|prefix| !prefix.is_empty()).map(|prefix| format!("`{prefix}`")).collect();
    if quoted.is_empty() { "nothing in front".to_owned() } else { format!("{} in front", quoted.join(" and ")) }
}

/// The ends of the first pair: "lora_A/lora_B".
fn halves(file: &[Tensor]) -> Option<String> {
    let end = |wanted: Role| {
        file.iter().find_map(|tensor| {
            let (module, _) = suffix::split(&tensor.name).filter(|(_, role)| *role == wanted)?;
            Some(tensor.name[module.len()..].trim_start_matches(['.', '_']).trim_end_matches(".weight"))
        })
    };
    Some(format!("{}/{}", end(Role::Down)?, end(Role::Up)?))
}

fn scale(adapters: &[Adapter]) -> Option<&'static str> {
    let scaled: Vec<_> = adapters.iter().filter(|adapter| adapter.rank > 0).map(|adapter| &adapter.alpha).collect();
    let tensor = scaled.iter().any(|alpha| matches!(alpha, Alpha::Tensor(_)));
    let number = scaled.iter().any(|alpha| matches!(alpha, Alpha::Number(_)));
    let words = match (tensor, number) {
        (true, true) => "alpha in the file and in its metadata",
        (true, false) => "alpha in the file",
        (false, true) => "alpha in the metadata",
        (false, false) => "no alpha",
    };
    (!scaled.is_empty()).then_some(words)
}
