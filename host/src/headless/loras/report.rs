//! What becomes of each key of a file.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use weft_formats::lora::{Fit, Key, State};

/// The report for people: how many keys there are of each state, where those go that are applied, and each that is not,
/// with its reason. With `is_long` each key has a line.
pub fn lines(fit: &Fit, is_long: bool) -> Vec<String> {
    let mut lines = vec![format!("{} keys: {}", fit.keys.len(), counted(fit))];
    if is_long {
        lines.extend(fit.keys.iter().map(|key| format!("  {:<22}{}", words(key.state), fate(key))));
        return lines;
    }
    let applied = fit.keys.iter().filter(|key| key.state.is_applied());
    let targets = applied.filter_map(|key| key.target.as_deref()).map(of_any_layer);
    lines.extend(count(targets).into_iter().map(|(target, keys)| format!("  {keys:>6}  {target}")));
    let lost = fit.keys.iter().filter(|key| !key.state.is_applied());
    lines.extend(lost.map(|key| format!("  {}: {}", words(key.state), fate(key))));
    lines
}

/// Every key with its state, its target and why it is not applied.
pub fn json(fit: &Fit) -> Value {
    let key = |key: &Key| json!({ "key": key.name, "state": key.state.name(), "target": key.target, "why": key.why });
    fit.keys.iter().map(key).collect()
}

/// Keys by state, as `--json` gives them.
pub fn counts(fit: &Fit) -> Value {
    by_state(fit).into_iter().map(|(state, keys)| (state, keys.into())).collect::<Map<_, _>>().into()
}

fn by_state(fit: &Fit) -> IndexMap<String, usize> {
    count(fit.keys.iter().map(|key| key.state.name().to_owned()))
}

fn counted(fit: &Fit) -> String {
    let counts: Vec<String> = by_state(fit).iter().map(|(state, keys)| format!("{keys} {}", plain(state))).collect();
    if counts.is_empty() { "there is no tensor in it".to_owned() } else { counts.join(", ") }
}

fn count<T: std::hash::Hash + Eq>(things: impl Iterator<Item = T>) -> IndexMap<T, usize> {
    let mut counts = IndexMap::new();
    things.for_each(|thing| *counts.entry(thing).or_default() += 1);
    counts
}

fn fate(key: &Key) -> String {
    let target = key.target.as_ref().map(|target| format!(" → {target}")).unwrap_or_default();
    let why = key.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}{target}{why}", key.name)
}

fn words(state: State) -> String {
    plain(state.name())
}

fn plain(state: &str) -> String {
    state.replace('_', " ")
}

/// `layers.N.attention.to_q.weight` for each of `layers.0.attention.to_q.weight` and so on. A number right before the end
/// of a name counts no layers.
fn of_any_layer(target: &str) -> String {
    let mut parts: Vec<&str> = target.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(at) = parts.iter().position(is_number).filter(|at| at + 2 < parts.len()) {
        parts[at] = "N";
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, state: State, target: Option<&str>, why: Option<&str>) -> Key {
        Key { name: name.to_owned(), state, target: target.map(str::to_owned), why: why.map(str::to_owned) }
    }

    #[test]
    fn applied_keys_are_grouped_and_lost_ones_named() {
        let target = |layer: usize| format!("layers.{layer}.attention.to_q.weight");
        let fit = Fit {
            adapters: Vec::new(),
            keys: vec![
                key("q0.down", State::Applied, Some(&target(0)), None),
                key("q0.up", State::Applied, Some(&target(0)), None),
                key("q1.down", State::Applied, Some(&target(1)), None),
                key("e", State::AppliedToTextEncoder, Some("cap_embedder.1.weight"), None),
                key("x", State::Unknown, None, Some("no such tensor")),
                key("y", State::ShapeMismatch, Some("z"), Some("it is 2x3")),
            ],
        };
        let expected = [
            "6 keys: 3 applied, 1 applied text encoder, 1 unknown, 1 shape mismatch",
            "       3  layers.N.attention.to_q.weight",
            "       1  cap_embedder.1.weight",
            "  unknown: x: no such tensor",
            "  shape mismatch: y → z: it is 2x3",
        ];
        assert_eq!(lines(&fit, false), expected);
        let long = lines(&fit, true);
        assert_eq!(long.len(), 7);
        assert_eq!(long[1], "  applied               q0.down → layers.0.attention.to_q.weight");
        assert_eq!(json(&fit)[5]["state"], "shape_mismatch");
        let empty = Fit { adapters: Vec::new(), keys: Vec::new() };
        assert_eq!(lines(&empty, false), ["0 keys: there is no tensor in it"]);
    }
}
