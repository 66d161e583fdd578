//! The metadata that diffusers reads alpha from: PEFT's configuration of the adapter, as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::module::Module;
use crate::lora::suffix::{Kind, Role};
use crate::lora::{Metadata, Part, peft};

/// Takes the alphas of low-rank adapters out of their tensors and writes them into the metadata, if there are any: without
/// metadata a reader takes alpha / rank as 1.
pub(super) fn move_alphas(modules: &mut [Module], metadata: &mut Metadata) {
    let mut config = old(metadata);
    let mut any = false;
    for (part, prefix) in [(Part::Model, "transformer"), (Part::TextEncoder, "text_encoder")] {
        let mut own: Vec<&mut Module> = modules.iter_mut().filter(|module| module.part == part).collect();
        // In one order whatever that of the file is.
        own.sort_by(|one, other| one.name.cmp(&other.name));
        if own.iter().any(|module| is_low_rank(module) && module.has(Role::Alpha)) {
            any = true;
            let values = of_part(&own);
            config.extend(values.into_iter().map(|(name, value)| (format!("{prefix}.{name}"), value)));
            own.into_iter()
                .filter(|module| is_low_rank(module))
                .for_each(|module| drop(module.tensors.remove(&Role::Alpha)));
        }
    }
    metadata.remove(peft::KEY);
    if any {
        metadata.insert(peft::KEY.to_owned(), format!("{:#}", Value::Object(config)));
    }
}

/// What the file's own configuration says besides, which is PEFT's own matter.
fn old(metadata: &Metadata) -> Map<String, Value> {
    let value = metadata.get(peft::KEY).and_then(|text| serde_json::from_str(text).ok());
    let mut config: Map<String, Value> = value.unwrap_or_default();
    // Names without a part would speak of both.
    config.retain(|name, _| name.starts_with("transformer.") || name.starts_with("text_encoder."));
    config
}

fn is_low_rank(module: &Module) -> bool {
    module.kind() == Some(Kind::LowRank)
}

fn of_part(modules: &[&mut Module]) -> Map<String, Value> {
    let low_rank = || modules.iter().filter(|module| is_low_rank(module));
    let (rank, rank_pattern) = pattern(low_rank().map(|module| (module.name.clone(), json!(module.rank))));
    // Others without an alpha have to be told apart from those for which the general one is meant.
    let scaled = modules.iter().filter(|module| module.rank > 0 && (is_low_rank(module) || !module.has(Role::Alpha)));
    let alpha = |module: &Module| number(module.alpha().unwrap_or(module.rank as f64));
    let (alpha, alpha_pattern) = pattern(scaled.map(|module| (module.name.clone(), alpha(module))));
    let targets: Vec<_> = low_rank().map(|module| module.name.clone()).collect();
    let values = [
        ("r", rank),
        ("lora_alpha", alpha),
        ("rank_pattern", Value::Object(rank_pattern)),
        ("alpha_pattern", Value::Object(alpha_pattern)),
        ("target_modules", json!(targets)),
        ("use_dora", json!(low_rank().any(|module| module.has(Role::Magnitude)))),
        ("use_rslora", json!(false)),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whole numbers as PEFT writes them.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

/// The most frequent value, and those of the modules that have another.
fn pattern(values: impl Iterator<Item = (String, Value)>) -> (Value, Map<String, Value>) {
    let values: Vec<_> = values.collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    values.iter().for_each(|(_, value)| *counts.entry(value.to_string()).or_default() += 1);
    let most = values.iter().map(|(_, value)| value).max_by_key(|value| counts.get(&value.to_string()));
    let most = most.cloned().unwrap_or_default();
    let others = values.into_iter().filter(|(_, value)| *value != most).collect();
    (most, others)
}
