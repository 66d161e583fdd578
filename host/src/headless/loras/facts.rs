//! The facts of a LoRA, for people and as JSON.

use serde_json::{Value, json};
use weft_formats::lora::{Part, TargetGroup};

use crate::library::LoraFacts;

/// `LoRA, rank 16`.
pub fn kind_and_rank(facts: &LoraFacts) -> String {
    let kinds = facts.summary.kinds.join(", ");
    match facts.summary.ranks[..] {
        [] => kinds,
        [low, .., high] if facts.summary.ranks.len() > 3 => format!("{kinds}, ranks {low} to {high}"),
        ref ranks => format!("{kinds}, rank {}", list(ranks)),
    }
}

/// `12.3 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// One line a fact; those that the file does not say are left out.
pub fn lines(facts: &LoraFacts, bytes: u64) -> Vec<String> {
    let (about, summary) = (&facts.about, &facts.summary);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let types: Vec<&str> = summary.dtypes.iter().map(|dtype| dtype.name()).collect();
    let lines = [
        ("title", text(&about.title)),
        ("kind", summary.kinds.join(", ")),
        ("rank", list(&summary.ranks)),
        ("alpha", list(&facts.alphas)),
        ("layout", summary.layout.clone()),
        ("trigger words", about.trigger_words.join(", ")),
        ("weight", about.weight.map(|weight| format!("{weight} is recommended")).unwrap_or_default()),
        ("base model", text(&about.base_model)),
        ("changes", changes(facts)),
        ("numbers", format!("{} of {}", summary.parameters, types.join(", "))),
        ("size", size(bytes)),
        ("problem", text(&facts.problem)),
    ];
    lines.iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| format!("  {name:<14} {fact}")).collect()
}

pub fn json(facts: &LoraFacts) -> Value {
    let (about, summary) = (&facts.about, &facts.summary);
    let target = |group: &TargetGroup| json!({ "part": part(group.part), "name": group.name, "count": group.count });
    json!({
        "title": about.title, "trigger_words": about.trigger_words, "weight": about.weight,
        "base_model": about.base_model, "kinds": summary.kinds, "layout": summary.layout, "ranks": summary.ranks,
        "alphas": facts.alphas, "targets": summary.targets.iter().map(target).collect::<Vec<_>>(),
        "layers": summary.layers, "dtypes": summary.dtypes.iter().map(|dtype| dtype.name()).collect::<Vec<_>>(),
        "parameters": summary.parameters, "problem": facts.problem,
    })
}

/// `30 layers: attention.to_q ×30, cap_embedder.1`.
fn changes(facts: &LoraFacts) -> String {
    let summary = &facts.summary;
    let name = |group: &TargetGroup| match (group.part, group.count) {
        (Part::Model, 1) => group.name.clone(),
        (Part::Model, count) => format!("{} ×{count}", group.name),
        (Part::TextEncoder, count) => format!("{} ×{count} of the text encoder", group.name),
    };
    let names: Vec<String> = summary.targets.iter().map(name).collect();
    match summary.layers {
        0 => names.join(", "),
        1 => format!("1 layer: {}", names.join(", ")),
        layers => format!("{layers} layers: {}", names.join(", ")),
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Model => "model",
        Part::TextEncoder => "text_encoder",
    }
}

fn list(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
