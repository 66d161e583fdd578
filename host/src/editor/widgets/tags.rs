//! The tags of a prompt: what they name stands out in its text, and files become tags.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId};

use crate::graph::prompt::tags;

/// The text with its tags in colours of their own.
pub fn layout(text: &str, font: &FontId, colour: Color32, of_tag: impl Fn(&str) -> Color32) -> LayoutJob {
    let mut job = LayoutJob::default();
    let mut put = |piece: &str, colour| job.append(piece, 0.0, TextFormat::simple(font.clone(), colour));
    let mut last = 0;
    // Where one of them is wrong, a run takes none.
    for tag in tags(text).unwrap_or_default() {
        put(&text[last..tag.whole.start], colour);
        put(&text[tag.whole.clone()], of_tag(&text[tag.name]));
        last = tag.whole.end;
    }
    put(&text[last..], colour);
    job
}

/// The text with one more tag at its end.
pub fn with(text: &str, name: &str, weight: Option<f64>) -> String {
    let name = name.strip_suffix(".safetensors").unwrap_or(name);
    let gap = if text.is_empty() || text.ends_with(char::is_whitespace) { "" } else { " " };
    match weight {
        Some(weight) => format!("{text}{gap}<lora:{name}:{weight}>"),
        None => format!("{text}{gap}<lora:{name}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stand_out() {
        let text = "é <lora:ink:0.5>, a <LoRA: my oil > fox";
        let job = layout(text, &FontId::default(), Color32::WHITE, |_| Color32::RED);
        assert_eq!(job.text, text);
        let red = job.sections.iter().filter(|section| section.format.color == Color32::RED);
        let red: Vec<&str> = red.map(|section| &text[section.byte_range.start.0..section.byte_range.end.0]).collect();
        assert_eq!(red, ["<lora:ink:0.5>", "<LoRA: my oil >"]);
        let wrong = layout("<lora:ink> <lora:a:b:c>", &FontId::default(), Color32::WHITE, |_| Color32::RED);
        assert_eq!(wrong.sections.len(), 1);
    }

    #[test]
    fn files_become_tags() {
        assert_eq!(with("", "styles/ink.safetensors", Some(0.8)), "<lora:styles/ink:0.8>");
        assert_eq!(with("a fox", "ink", None), "a fox <lora:ink>");
        assert_eq!(tags(&with("a fox\n", "ink", Some(-1.0))).unwrap()[0].weight, -1.0);
    }
}
