//! The tags of a prompt: what they name stands out in its text, and files become tags.

use std::cell::RefCell;
use std::ops::Range;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId};

use crate::graph::prompt::rename;

/// A tag in a text, by bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    pub whole: Range<usize>,
    pub name: String,
}

/// The tags of a text; none where one of them is wrong, as a run takes none of them then.
pub fn tags(text: &str) -> Vec<Tag> {
    let found = RefCell::new(Vec::new());
    // The one reader of tags: it gives each name, which is a piece of the text.
    rename(text, |name| {
        let at = name.as_ptr() as usize - text.as_ptr() as usize;
        let start = text[..at].rfind('<').unwrap_or(at);
        let end = text[at..].find('>').map_or(text.len(), |end| at + end + 1);
        found.borrow_mut().push(Tag { whole: start..end, name: name.to_owned() });
        String::new()
    });
    found.into_inner()
}

/// The text with its tags in colours of their own.
pub fn layout(text: &str, font: &FontId, colour: Color32, of_tag: impl Fn(&str) -> Color32) -> LayoutJob {
    let mut job = LayoutJob::default();
    let mut put = |piece: &str, colour| job.append(piece, 0.0, TextFormat::simple(font.clone(), colour));
    let mut last = 0;
    for tag in tags(text) {
        put(&text[last..tag.whole.start], colour);
        put(&text[tag.whole.clone()], of_tag(&tag.name));
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
    fn tags_are_found_where_they_stand() {
        let text = "é <lora:ink:0.5>, a <LoRA: my oil > fox";
        let found: Vec<(&str, String)> = tags(text).into_iter().map(|tag| (&text[tag.whole], tag.name)).collect();
        assert_eq!(found, [("<lora:ink:0.5>", "ink".to_owned()), ("<LoRA: my oil >", "my oil".to_owned())]);
        assert!(tags("<lora:ink> <lora:a:b:c>").is_empty());
        let job = layout(text, &FontId::default(), Color32::WHITE, |_| Color32::RED);
        assert_eq!(job.text, text);
        assert_eq!(job.sections.iter().filter(|section| section.format.color == Color32::RED).count(), 2);
    }

    #[test]
    fn files_become_tags() {
        assert_eq!(with("", "styles/ink.safetensors", Some(0.8)), "<lora:styles/ink:0.8>");
        assert_eq!(with("a fox", "ink", None), "a fox <lora:ink>");
        assert_eq!(tags(&with("a fox\n", "ink", Some(-1.0)))[0].name, "ink");
    }
}
