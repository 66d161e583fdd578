//! The graph: what people save, share and run. Names, not indices; no tensor, no plugin, no editor here.

mod check;
mod file;
mod files;
mod identity;
pub(crate) mod names;
mod order;
mod passing;
mod plan;
mod plugins;
pub(crate) mod prompt;
mod rename;
pub(crate) mod scan;
mod source;
#[cfg(test)]
pub(crate) mod tests;
mod unknown;
mod values;
pub(crate) mod write;

use std::sync::Arc;

use indexmap::IndexMap;
use ron::value::RawValue;

use crate::error::{Code, Error, Result};

pub use check::{Partly, Present, check, check_partly, check_present, describe};
pub use file::{is_name, name_rule};
pub use files::{ExtraFolder, Roots};
pub(crate) use files::{MODEL_FOLDERS, PART_FOLDERS};
pub use identity::{Identities, Identity};
pub use passing::Mode;
pub use plan::{Param, Plan, Source, Step};
pub use plugins::Named;
pub use unknown::missing_kinds;
pub use values::fits;

/// A graph as its file says it. What this version does not know is kept as text and written back unchanged. Two graphs
/// are equal where they mean the same, however their files are laid out.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The comment lines above the graph, with their line ends.
    pub header: String,
    pub nodes: IndexMap<String, Node>,
    /// Fields beside `format` and `nodes`, as RON text; `editor` (positions) is one of them.
    pub other: IndexMap<String, String>,
    /// How the file was laid out; none for a graph that was made in memory.
    source: Option<Arc<source::Source>>,
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        (&self.header, &self.nodes, &self.other) == (&other.header, &other.nodes, &other.other)
    }
}

impl Eq for Graph {}

#[derive(Debug, Clone)]
pub struct Node {
    /// `plugin/Name`.
    pub kind: String,
    pub inputs: IndexMap<String, Input>,
    /// Fields beside `kind` and `inputs`, as RON text.
    pub other: IndexMap<String, String>,
    /// The text that it was read from.
    origin: Option<Arc<source::Origin>>,
}

impl Node {
    /// A node without inputs.
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), inputs: IndexMap::new(), other: IndexMap::new(), origin: None }
    }

    /// The same node, but none that stands in a file.
    #[must_use]
    pub fn without_origin(&self) -> Self {
        Self { origin: None, ..self.clone() }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, &self.inputs, &self.other) == (&other.kind, &other.inputs, &other.other)
    }
}

impl Eq for Node {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Link(Link),
    /// RON text of a value.
    Value(String),
}

/// The output of a node: `node.output`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    pub node: String,
    pub output: String,
}

impl Link {
    /// From `node.output`; the output is what follows the last dot.
    pub fn parse(text: &str) -> Option<Self> {
        let (node, output) = text.rsplit_once('.')?;
        (!node.is_empty() && !output.is_empty()).then(|| Self { node: node.to_owned(), output: output.to_owned() })
    }
}

impl Graph {
    /// Carries out one `--set node.input=value`. The value is RON; what is no RON is text.
    ///
    /// # Errors
    /// No `=`, no such node.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let usage = |what: String| Error::new(Code::Usage, what).help("write --set node.input=value");
        let (target, value) =
            assignment.split_once('=').ok_or_else(|| usage(format!("--set {assignment} has no `=`")))?;
        let link = Link::parse(target.trim())
            .ok_or_else(|| usage(format!("--set {assignment} names no input: `{target}` has no dot")))?;
        if let Some(node) = self.nodes.get_mut(&link.node) {
            node.inputs.insert(link.output, Input::of_flag(value));
            return Ok(());
        }
        let names = self.nodes.keys().map(String::as_str);
        let error = Error::new(Code::Usage, format!("--set {assignment}: the graph has no node `{}`", link.node));
        Err(error.help(crate::text::did_you_mean("its nodes are", &link.node, names)))
    }
}

/// Whether a value begins with a letter as no RON value does: `fox` and `a red fox` are text, `true` is not.
fn is_bare_word(value: &str) -> bool {
    const RON: [&str; 8] = ["true", "false", "None", "Some", "Link", "inf", "NaN", "r"];
    let word = value.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    word.starts_with(char::is_alphabetic) && !RON.contains(&word)
}

impl Input {
    /// A text value.
    pub fn text(text: &str) -> Self {
        // Writing a str as RON cannot fail.
        Self::Value(ron::to_string(text).unwrap_or_default())
    }

    /// What `--set` means by a value: RON, or what is none as text.
    pub fn of_flag(value: &str) -> Self {
        let input = if is_bare_word(value.trim()) { None } else { file::input_of(value.trim()) };
        input.unwrap_or_else(|| Self::text(value))
    }

    fn from_raw(raw: &RawValue) -> Option<Self> {
        file::input_of(scan::strip(raw.get_ron()))
    }
}

/// A value as a message quotes it.
fn shorten(raw: &str) -> String {
    const SHOWN: usize = 40;
    if raw.chars().count() <= SHOWN {
        // Text brings its own quotes.
        return if raw.starts_with('"') { raw.to_owned() } else { format!("`{raw}`") };
    }
    format!("`{}…`", raw.chars().take(SHOWN).collect::<String>())
}
