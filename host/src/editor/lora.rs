//! What a LoRA file says of itself, in words: for the lines under fields, the model browser and the text over both.

use egui::{RichText, TextStyle, Ui};

use super::theme::Theme;
use crate::library::{Facts, LoraFacts};
use crate::text::printable;

/// Trigger words as they are typed into a prompt; none where the file names none.
pub fn trigger_words(facts: &Facts) -> Option<String> {
    let Ok(facts) = &**facts else { return None };
    let words: Vec<&str> =
        facts.about.trigger_words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| printable(&words.join(", ")).replace('\n', " "))
}

/// The weight that the file's author recommends.
pub fn recommended(facts: &Facts) -> Option<f64> {
    facts.as_ref().as_ref().ok()?.about.weight.filter(|weight| weight.is_finite())
}

/// What is wrong with it: why it cannot be read, or what of it fits no model.
pub fn problem(facts: &Facts) -> Option<String> {
    match &**facts {
        Ok(facts) => facts.problem.clone(),
        Err(error) if error.cause.is_empty() => Some(error.what.clone()),
        Err(error) => Some(format!("{}: {}", error.what, error.cause)),
    }
}

/// In a few words: "LoRA, rank 16 · 0.8 · ink wash".
pub fn short(facts: &Facts) -> String {
    let Ok(known) = &**facts else { return String::new() };
    let weight = known.about.weight.map(|weight| weight.to_string());
    let parts: Vec<String> = [kind(known), weight, trigger_words(facts)].into_iter().flatten().collect();
    parts.join(" · ")
}

/// Whatever can be searched for.
pub fn all_text(facts: &Facts) -> String {
    let Ok(facts) = &**facts else { return String::new() };
    let title = facts.about.title.clone();
    title.into_iter().chain(lines(facts).into_iter().map(|(_, text)| text)).collect::<Vec<_>>().join("\n")
}

fn kind(_facts: &LoraFacts) -> Option<String> {
    None
}

/// Everything, by name.
fn lines(facts: &LoraFacts) -> Vec<(&'static str, String)> {
    let about = &facts.about;
    let words = (!about.trigger_words.is_empty()).then(|| about.trigger_words.join(", "));
    let lines = [
        ("kind", kind(facts)),
        ("trigger words", words),
        ("recommended weight", about.weight.map(|weight| weight.to_string())),
        ("base model", about.base_model.clone()),
    ];
    lines.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

/// The text over a file: title, then everything by name, then what is wrong.
pub fn about(ui: &mut Ui, facts: &Facts) {
    let theme = Theme::of(ui);
    ui.set_max_width(340.0);
    if let Ok(facts) = &**facts {
        if let Some(title) = &facts.about.title {
            ui.label(RichText::new(printable(title)).strong());
        }
        egui::Grid::new("facts").num_columns(2).spacing([12.0, 3.0]).show(ui, |ui| {
            for (name, text) in lines(facts) {
                ui.label(RichText::new(name).color(theme.quiet).text_style(TextStyle::Small));
                let text: String = printable(&text).chars().take(400).collect();
                ui.add(egui::Label::new(RichText::new(text).text_style(TextStyle::Small)).wrap());
                ui.end_row();
            }
        });
    }
    if let Some(problem) = problem(facts) {
        ui.label(RichText::new(printable(&problem)).color(theme.warning).text_style(TextStyle::Small));
    }
}
