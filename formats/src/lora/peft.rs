//! What diffusers writes into a file's metadata of the adapter: PEFT's configuration, as JSON.

use serde_json::{Map, Value};

use super::{Metadata, Part, prefix};

/// The metadata's key.
pub(super) const KEY: &str = "lora_adapter_metadata";

/// PEFT's configuration of the adapter of each part. Its names have the part in front, or nothing.
#[derive(Debug, Default)]
pub(super) struct Config {
    values: Map<String, Value>,
}

impl Config {
    /// What cannot be read counts as nothing.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let value = metadata.get(KEY).and_then(|text| serde_json::from_str(text).ok());
        Self { values: value.unwrap_or_default() }
    }

    /// The number that divided by the rank gives the scale of a module, which the file may write with a prefix.
    pub(super) fn alpha(&self, part: Part, module: &str, rank: usize) -> Option<f64> {
        let general = || self.get(part, "lora_alpha").or_else(|| self.get(part, "alpha"));
        let alpha = self.pattern(part, "alpha_pattern", module).or_else(general)?.as_f64()?;
        let root = self.get(part, "use_rslora").and_then(Value::as_bool).unwrap_or(false);
        // A rank-stabilised adapter is scaled by alpha / √rank.
        let alpha = if root { alpha * (rank as f64).sqrt() } else { alpha };
        alpha.is_finite().then_some(alpha)
    }

    pub(super) fn get(&self, part: Part, name: &str) -> Option<&Value> {
        let prefix = match part {
            Part::Model => "transformer",
            Part::TextEncoder => "text_encoder",
        };
        self.values.get(&format!("{prefix}.{name}")).or_else(|| self.values.get(name))
    }

    /// The value of the first pattern that fits the module's name, by its last segments or, with `^`, by all of it.
    fn pattern(&self, part: Part, name: &str, module: &str) -> Option<&Value> {
        let patterns = self.get(part, name)?.as_object()?;
        let names = prefix::candidates(module);
        let fits = |pattern: &str| names.iter().any(|(_, name)| fits(pattern, name));
        patterns.iter().find(|(pattern, _)| fits(&pattern.replace('\\', ""))).map(|(_, value)| value)
    }
}

/// PEFT reads a pattern as an expression; those that programs write are names.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('^') {
        Some(whole) => whole == name,
        None => name.strip_suffix(pattern).is_some_and(|before| before.is_empty() || before.ends_with('.')),
    }
}
