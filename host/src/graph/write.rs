//! [`Graph`] to RON text: as it was read where it did not change, in Weft's own form elsewhere.

use std::fmt::Write;

use super::scan::{Piece, ends_in_comment, indentation, strip};
use super::source::{Origin, Source, name};
use super::{Graph, Input, Node};

/// A node stands on one line up to here.
const WIDTH: usize = 120;

impl Graph {
    /// The text of the graph's file. What did not change since it was read is written byte for byte.
    pub fn to_ron(&self) -> String {
        match &self.source {
            Some(source) => self.rewrite(source),
            None => self.write(),
        }
    }

    /// How the file's lines end.
    pub(crate) fn line_end(&self) -> &'static str {
        self.source.as_ref().map_or("\n", |source| source.ending)
    }

    fn write(&self) -> String {
        let mut text = self.header.clone();
        text.push_str("Graph(\n");
        field(&mut text, "format", &super::file::FORMAT.to_string());
        if self.nodes.is_empty() {
            field(&mut text, "nodes", "{}");
        } else {
            text.push_str("    nodes: {\n");
            for (id, node) in &self.nodes {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "        {}: {},", quote(id), node_text(id, node, "        ", "\n"));
            }
            text.push_str("    },\n");
        }
        for (name, value) in &self.other {
            field(&mut text, name, value);
        }
        text.push_str(")\n");
        text
    }

    fn rewrite(&self, source: &Source) -> String {
        let mut text = Pieces::new(source.mark.clone());
        // The same where nobody changed it.
        text.text.push_str(&self.header);
        text.begin(&source.fields.open, &source.fields.after);
        for field in &source.fields.pieces {
            match name(field) {
                "format" => text.put(field, &field.key, &field.value),
                "nodes" => text.put(field, &field.key, &self.rewrite_nodes(source, indentation(&field.lead))),
                name => {
                    if let Some(value) = self.other.get(name) {
                        text.put(field, &field.key, value);
                    }
                }
            }
        }
        let lead = source.fields.lead().unwrap_or_default();
        for (name, value) in &self.other {
            if !source.fields.pieces.iter().any(|field| self::name(field) == name) {
                text.add(&lead, name, value);
            }
        }
        text.end(&source.fields.close)
    }

    fn rewrite_nodes(&self, source: &Source, indent: &str) -> String {
        let mut text = Pieces::new(String::new());
        text.begin(&source.nodes.open, &source.nodes.after);
        let ending = self.line_end();
        let lead = source.lead.clone().unwrap_or_else(|| format!("{ending}{indent}    "));
        for (id, node) in &self.nodes {
            match &node.origin {
                Some(origin) => text.node(id, node, origin, ending),
                None => text.add(&lead, &quote(id), &node_text(id, node, indentation(&lead), ending)),
            }
        }
        let was_empty = source.lead.is_none() && !self.nodes.is_empty();
        let close = &source.nodes.close;
        if was_empty && !close.contains('\n') { text.end(&format!("{ending}{indent}{close}")) } else { text.end(close) }
    }
}

/// Pieces of a map or struct, one after the other.
pub(crate) struct Pieces {
    text: String,
    /// Where a comma has to stand if another piece follows.
    missing_comma: Option<usize>,
    /// The text ends in a comment that only a new line ends.
    in_comment: bool,
}

impl Pieces {
    pub fn new(text: String) -> Self {
        Self { text, missing_comma: None, in_comment: false }
    }

    /// The opening bracket and what follows it.
    pub fn begin(&mut self, open: &str, after: &str) {
        self.text.push_str(open);
        self.text.push_str(after);
        self.in_comment = ends_in_comment(after);
    }

    fn lead(&mut self, lead: &str) {
        if let Some(place) = self.missing_comma.take() {
            self.text.insert(place, ',');
        }
        self.line(lead);
    }

    fn line(&mut self, lead: &str) {
        if self.in_comment && !lead.starts_with(['\n', '\r']) {
            self.text.push('\n');
        }
        self.in_comment = false;
        self.text.push_str(lead);
    }

    /// A piece that was there before, maybe with another key or value.
    pub fn put(&mut self, piece: &Piece, key: &str, value: &str) {
        self.lead(&piece.lead);
        for part in [key, &piece.gap, value, &piece.before_comma] {
            self.text.push_str(part);
        }
        if piece.has_comma {
            self.text.push(',');
        } else {
            self.missing_comma = Some(self.text.len());
        }
        self.text.push_str(&piece.after);
        self.in_comment = ends_in_comment(&piece.after);
    }

    /// A new piece.
    pub fn add(&mut self, lead: &str, key: &str, value: &str) {
        let has_comma = lead.contains('\n');
        let (lead, gap) = (lead.to_owned(), ": ".to_owned());
        self.put(&Piece { lead, gap, has_comma, ..Piece::default() }, key, value);
    }

    fn node(&mut self, id: &str, node: &Node, origin: &Origin, ending: &str) {
        let piece = &origin.piece;
        let key = if origin.id == id { piece.key.clone() } else { quote(id) };
        if *node == origin.node {
            self.put(piece, &key, &piece.value);
        } else {
            self.put(piece, &key, &node_text(id, node, indentation(&piece.lead), ending));
        }
    }

    /// The closing bracket and all that follows; gives the whole text.
    pub fn end(mut self, close: &str) -> String {
        self.line(close);
        self.text
    }
}

fn field(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "    {name}: {value},");
}

/// On one line where that is short enough, else with each input on its own.
fn node_text(id: &str, node: &Node, indent: &str, ending: &str) -> String {
    let inputs: Vec<String> =
        node.inputs.iter().map(|(name, input)| format!("{}: {}", quote(name), input_text(input))).collect();
    let other: String = node.other.iter().map(|(name, value)| format!(", {name}: {value}")).collect();
    let kind = quote(&node.kind);
    let within = if inputs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", inputs.join(", ")) };
    let line = format!("(kind: {kind}, inputs: {within}{other})");
    let width = [indent, &quote(id), ": ", &line, ","].iter().map(|part| part.chars().count()).sum::<usize>();
    if inputs.is_empty() || (width <= WIDTH && !line.contains('\n')) {
        return line;
    }
    // A node stands two levels deep in most files, so that half of its indentation is one level.
    let level = if indent.is_empty() { "    " } else { &indent[..indent.len().div_ceil(2)] };
    let each: String = inputs.iter().map(|input| format!("{indent}{level}{input},{ending}")).collect();
    format!("(kind: {kind}, inputs: {{{ending}{each}{indent}}}{other})")
}

fn input_text(input: &Input) -> String {
    match input {
        Input::Link(link) => format!("Link({})", quote(&format!("{}.{}", link.node, link.output))),
        // A comment behind the value would take in what follows it.
        Input::Value(text) => strip(text).to_owned(),
    }
}

/// Text in quotes.
pub(crate) fn quote(text: &str) -> String {
    // Writing a str as RON cannot fail.
    ron::to_string(text).unwrap_or_default()
}
