//! The graphs that come with Weft.

use std::path::{Path, PathBuf};

use super::order;
use crate::flags;
use crate::graph::Graph;
use crate::limits;

/// A graph that comes with Weft.
#[derive(Debug, Clone)]
pub struct Template {
    pub path: PathBuf,
    /// What its first comment says before the colon.
    pub title: String,
    /// The rest of the comment.
    pub about: String,
    /// A picture that it made, beside it under the same name.
    pub picture: Option<PathBuf>,
    pub graph: Graph,
}

/// The template that people meet first.
const FIRST: &str = "text-to-image";
/// A title has at most so many bytes; what is longer is a sentence.
const TITLE_BYTES: usize = 60;

/// The graphs in graphs/ of the current folder, or beside the executable or above its build folder; simplest first.
pub fn templates() -> Vec<Template> {
    graphs_folder().map(|folder| templates_in(&folder)).unwrap_or_default()
}

/// The folder `graphs` of the current folder, beside the executable, or up to three levels above it.
pub fn graphs_folder() -> Option<PathBuf> {
    flags::folders_called("graphs", 4).into_iter().next()
}

/// The graphs in a folder. What is no graph is left out.
pub fn templates_in(folder: &Path) -> Vec<Template> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().take(limits::LISTED_FILES).map(|entry| entry.path());
    let is_graph = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ron") && path.is_file();
    let mut templates: Vec<Template> = paths.filter(is_graph).filter_map(Template::open).collect();
    let rank = |template: &Template| (template.name() != FIRST, template.graph.nodes.len());
    templates.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| order::natural(&a.name(), &b.name())));
    templates
}

impl Template {
    fn open(path: PathBuf) -> Option<Self> {
        let graph = Graph::open(&path).ok()?;
        let picture = Some(path.with_extension("png")).filter(|picture| picture.is_file());
        let (title, about) = title_and_about(&graph.header);
        let mut template = Self { path, title, about, picture, graph };
        if template.title.is_empty() {
            template.title = capital(&template.name().replace(['-', '_'], " "));
        }
        Some(template)
    }

    /// The file's name without its ending.
    fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The title is empty where the comment has none.
fn title_and_about(header: &str) -> (String, String) {
    let prose = prose(header);
    match prose.split_once(':') {
        Some((title, about)) if title.len() <= TITLE_BYTES && !title.contains(['.', '\n']) => {
            (title.trim().to_owned(), capital(about.trim()))
        }
        _ => (String::new(), capital(&prose)),
    }
}

/// The comment's paragraphs, each on one line, without the commands, which are indented.
fn prose(header: &str) -> String {
    let lines = header.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    let mut paragraphs = vec![String::new()];
    for line in lines.filter(|line| !line.starts_with("    ")) {
        match (line.trim(), paragraphs.last_mut()) {
            ("", _) => paragraphs.push(String::new()),
            (line, Some(paragraph)) if !paragraph.is_empty() => *paragraph += &format!(" {line}"),
            (line, _) => paragraphs.push(line.to_owned()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_titles() {
        let header = "// Guidance: every step leads\n// away.\n//\n//     weft run x\n//\n// Set it: to 0.\n";
        let expected = ("Guidance".to_owned(), "Every step leads away.\n\nSet it: to 0.".to_owned());
        assert_eq!(title_and_about(header), expected);
        assert_eq!(title_and_about("// A red fox.\n"), (String::new(), "A red fox.".to_owned()));
        assert_eq!(title_and_about(""), (String::new(), String::new()));
        let sentence = "// A red fox. It has: a tail.";
        assert_eq!(title_and_about(sentence).0, "");
    }

    #[test]
    fn the_graphs_that_ship() {
        let templates = templates();
        let titles: Vec<&str> = templates.iter().map(|template| template.title.as_str()).collect();
        let large = ["Upscale", "A larger picture", "The whole pipeline"];
        let small = ["Text to image", "Z-Image-Turbo", "Guidance", "Image to image", "LeMiCa", "A LoRA"];
        assert_eq!(titles, [&small[..], &large[..]].concat());
        assert!(templates[0].about.starts_with("A prompt becomes a picture, with the small model"));
        assert!(!templates[0].about.contains("weft run"));
        let pictures: Vec<bool> = templates.iter().map(|template| template.picture.is_some()).collect();
        assert_eq!(pictures[..4], [true, false, true, true]);
    }
}
