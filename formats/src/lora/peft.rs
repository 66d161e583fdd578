//! What diffusers writes into a file's metadata of the adapter: PEFT's configuration, as JSON.

use serde_json::{Map, Value};

use super::{Metadata, Part, prefix};

/// The metadata's key.
pub(super) const KEY: &str = "lora_adapter_metadata";

/// PEFT's configuration of the adapter of each part. Its names have the part in front, or nothing.
#[derive(Debug, Default)]
pub(super) struct Config {
    values: Map<String, Value>,
    is_broken: bool,
}

/// The metadata are there, but not the alpha that they should tell.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Config {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let text = metadata.get(KEY).filter(|text| !text.trim().is_empty());
        let value = text.map(|text| serde_json::from_str(text));
        let is_broken = matches!(value, Some(Err(_)));
        Self { values: value.and_then(Result::ok).unwrap_or_default(), is_broken }
    }

    /// The number that divided by the rank gives the scale of a module, which the file may write with a prefix. None where
    /// the metadata say nothing of it. What says something that is no number must not count as nothing: the LoRA would be
    /// applied with another strength.
    pub(super) fn alpha(&self, part: Part, module: &str, rank: usize) -> Result<Option<f64>, Unreadable> {
        if self.is_broken {
            return Err(Unreadable);
        }
        let general = || self.get(part, "lora_alpha").or_else(|| self.get(part, "alpha"));
        let Some(value) = self.pattern(part, "alpha_pattern", module).or_else(general).filter(|value| !value.is_null())
        else {
            return Ok(None);
        };
        let root = self.get(part, "use_rslora").and_then(Value::as_bool).unwrap_or(false);
        // A rank-stabilised adapter is scaled by alpha / √rank.
        let factor = if root { (rank as f64).sqrt() } else { 1.0 };
        let alpha = value.as_f64().map(|alpha| alpha * factor).filter(|alpha| alpha.is_finite());
        alpha.map(Some).ok_or(Unreadable)
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
