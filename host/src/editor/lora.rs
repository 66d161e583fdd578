//! What a LoRA, an upscaler or a model says of itself, in words: for the lines under fields, the model browser and the text over both.

use std::path::Path;

use egui::{RichText, TextStyle, Ui};

use super::panels;
use super::theme::Theme;
use crate::library::{Facts, FileFacts, LoraFacts, ModelFacts};
use crate::text::printable;

/// Trigger words as they are typed into a prompt; none where the file names none.
pub fn trigger_words(facts: &Facts) -> Option<String> {
    let facts = lora(facts)?;
    let words: Vec<&str> =
        facts.about.trigger_words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| printable(&words.join(", ")).replace('\n', " "))
}

/// The weight that the file's author recommends.
pub fn recommended(facts: &Facts) -> Option<f64> {
    lora(facts)?.about.weight.filter(|weight| weight.is_finite())
}

/// What is wrong with the file at `path`: why it cannot be read, or what of it fits no model.
pub fn problem(facts: &Facts, path: &Path) -> Option<String> {
    // Its path would fill the line in which this stands.
    let short = |text: &str| text.replace(&path.display().to_string(), "this file");
    match &**facts {
        Ok(FileFacts::Model(facts)) => model_problem(facts),
        Ok(facts) => facts.lora()?.problem.clone(),
        Err(error) if error.cause.is_empty() => Some(short(&error.what)),
        Err(error) => Some(format!("{}: {}", short(&error.what), error.cause)),
    }
}

fn model_problem(facts: &ModelFacts) -> Option<String> {
    let lacks = (!facts.missing.is_empty()).then(|| format!("it lacks {}", facts.missing.join(", ")));
    facts.problem.clone().or(lacks)
}

/// Those of a model.
pub fn model(facts: &Facts) -> Option<&ModelFacts> {
    facts.as_ref().as_ref().ok()?.model()
}

fn lora(facts: &Facts) -> Option<&LoraFacts> {
    facts.as_ref().as_ref().ok()?.lora()
}

/// In a few words: "LoRA, rank 16 · 0.8 · ink wash", "RRDB, 4×, 23 blocks of 64 features, new names".
pub fn short(facts: &Facts) -> String {
    let known = match &**facts {
        Ok(FileFacts::Lora(known)) => known,
        Ok(FileFacts::Upscaler(about)) => return about.clone(),
        Ok(FileFacts::Model(known)) => return model_parts(known).join(" · "),
        Err(_) => return String::new(),
    };
    let weight = known.about.weight.map(shown);
    let parts: Vec<String> = [kind(known), weight, trigger_words(facts)].into_iter().flatten().collect();
    parts.join(" · ")
}

/// "VAE", "f32", "one file".
fn model_parts(facts: &ModelFacts) -> Vec<&str> {
    [facts.kind.name(), &facts.dtype, &facts.layout].into_iter().filter(|part| !part.is_empty()).collect()
}

/// Whatever can be searched for.
pub fn all_text(facts: &Facts) -> String {
    let Some(facts) = lora(facts) else { return short(facts) };
    let title = facts.about.title.clone();
    title.into_iter().chain(lines(facts).into_iter().map(|(_, text)| text)).collect::<Vec<_>>().join("\n")
}

/// "LoRA, rank 16", "LoKr and full difference, rank 4 to 16".
fn kind(facts: &LoraFacts) -> Option<String> {
    let summary = &facts.summary;
    let kinds = summary.kinds.join(" and ");
    let rank = match (summary.ranks.first(), summary.ranks.last()) {
        (Some(first), Some(last)) if first < last => format!("rank {first} to {last}"),
        (Some(only), _) => format!("rank {only}"),
        _ => String::new(),
    };
    let parts: Vec<String> = [kinds, rank].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What of a model: "attention.to_q, feed_forward.w1 and 5 more in 30 blocks".
fn changes(facts: &LoraFacts) -> Option<String> {
    const SHOWN: usize = 3;
    let names: Vec<&str> = facts.summary.targets.iter().map(|target| target.name.as_str()).collect();
    let (shown, rest) = names.split_at(names.len().min(SHOWN));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    let blocks = match facts.summary.layers {
        0 => String::new(),
        1 => " in 1 block".to_owned(),
        blocks => format!(" in {blocks} blocks"),
    };
    (!names.is_empty()).then(|| format!("{}{more}{blocks}", shown.join(", ")))
}

/// Without the traces of float32.
fn shown(number: f64) -> String {
    ((number * 1e4).round() / 1e4).to_string()
}

/// "0.5, 16".
fn numbers(numbers: &[f64]) -> Option<String> {
    (!numbers.is_empty()).then(|| numbers.iter().copied().map(shown).collect::<Vec<_>>().join(", "))
}

/// Everything, by name.
fn lines(facts: &LoraFacts) -> Vec<(&'static str, String)> {
    let about = &facts.about;
    let words = (!about.trigger_words.is_empty()).then(|| about.trigger_words.join(", "));
    let lines = [
        ("kind", kind(facts)),
        ("alpha", numbers(&facts.alphas)),
        ("changes", changes(facts)),
        ("trigger words", words),
        ("recommended weight", about.weight.map(shown)),
        ("base model", about.base_model.clone()),
        ("layout", Some(facts.summary.layout.clone()).filter(|layout| !layout.is_empty())),
    ];
    lines.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

/// A model, by name.
fn model_lines(facts: &ModelFacts) -> Vec<(&'static str, String)> {
    let numbers = format!("{:.2} billion in {} tensors", facts.parameters() as f64 / 1e9, facts.tensors());
    let memory = facts.memory;
    let loaded = [
        ("as bfloat16", memory.bfloat16),
        ("as float32", memory.float32),
        ("with 8 bits", memory.rounded[0]),
        ("with 4 bits", memory.rounded[2]),
    ];
    let loaded = loaded.map(|(how, bytes)| format!("{} {how}", panels::bytes(bytes))).join(", ");
    let kind = facts.kind.name().to_owned();
    vec![
        ("kind", kind),
        ("layout", facts.layout.clone()),
        ("numbers", facts.dtype.clone()),
        ("parameters", numbers),
        ("in memory", loaded),
    ]
}

/// The text over a file: title, then everything by name, then what is wrong.
pub fn about(ui: &mut Ui, facts: &Facts, path: &Path) {
    let theme = Theme::of(ui);
    ui.set_max_width(340.0);
    if let Ok(FileFacts::Upscaler(about)) = &**facts {
        ui.label(RichText::new(about).text_style(TextStyle::Small));
    }
    if let Some(title) = lora(facts).and_then(|facts| facts.about.title.as_ref()) {
        ui.label(RichText::new(printable(title)).strong());
    }
    let lines = lora(facts).map(lines).or_else(|| model(facts).map(model_lines)).unwrap_or_default();
    egui::Grid::new("facts").num_columns(2).spacing([12.0, 3.0]).show(ui, |ui| {
        for (name, text) in lines {
            ui.label(RichText::new(name).color(theme.quiet).text_style(TextStyle::Small));
            let text: String = printable(&text).chars().take(400).collect();
            ui.add(egui::Label::new(RichText::new(text).text_style(TextStyle::Small)).wrap());
            ui.end_row();
        }
    });
    if let Some(problem) = problem(facts, path) {
        ui.label(RichText::new(printable(&problem)).color(theme.warning).text_style(TextStyle::Small));
    }
}
