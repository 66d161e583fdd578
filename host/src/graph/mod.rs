//! The graph: what people save, share and run. Names, not indices; no tensor, no plugin, no editor here.

mod check;
mod file;
mod files;
mod plan;
mod write;

use indexmap::IndexMap;
use ron::value::RawValue;

use crate::error::{Code, Error, Result};

pub use check::{check, describe};
pub use files::Roots;
pub use plan::{Param, Plan, Source, Step};

/// A graph as its file says it. What this version does not know is kept as text and written back unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The comment lines above the graph, with their line ends.
    pub header: String,
    pub nodes: IndexMap<String, Node>,
    /// Fields beside `format` and `nodes`, as RON text; `editor` (positions) is one of them.
    pub other: IndexMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `plugin/Name`.
    pub kind: String,
    pub inputs: IndexMap<String, Input>,
    /// Fields beside `kind` and `inputs`, as RON text.
    pub other: IndexMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Link(Link),
    /// RON text of a value.
    Value(String),
}

/// The output of a node: `node.output`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let names = crate::text::list(self.nodes.keys());
        let node = self.nodes.get_mut(&link.node).ok_or_else(|| {
            Error::new(Code::Usage, format!("--set {assignment}: the graph has no node `{}`", link.node))
                .help(format!("its nodes are {names}"))
        })?;
        let input = if is_bare_word(value.trim()) { None } else { file::input_of(value.trim()) };
        node.inputs.insert(link.output, input.unwrap_or_else(|| Input::text(value)));
        Ok(())
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

    fn from_raw(raw: &RawValue) -> Option<Self> {
        file::input_of(raw.get_ron().trim())
    }
}

/// A value as a message quotes it.
fn shorten(raw: &str) -> String {
    const SHOWN: usize = 40;
    if raw.chars().count() <= SHOWN {
        return format!("`{raw}`");
    }
    format!("`{}…`", raw.chars().take(SHOWN).collect::<String>())
}
