//! What a node says of itself: ports, params, ranges, help. Crosses once, as RON text.
//!
//! ```
//! use plugin_api::{Folder, InputKind, InputSpec, NodeSpec};
//!
//! let spec = NodeSpec::new("Fade", "image", "Fades a picture to a colour.")
//!     .link("image", "IMAGE", "The picture.")
//!     .optional_link("mask", "MASK", "Only where this is 1.")
//!     .param("strength", InputKind::float(0.5, (0.0, 1.0), 0.05), "0 leaves the picture as it is.")
//!     .param("colour", InputKind::choice(&["black", "white"]).preset("white"), "Where it fades to.")
//!     .param("side", InputKind::int(512, (16, 8192)).soft(256, 2048).multiple(16), "In pixels.")
//!     .param("curve", InputKind::file(Folder::Input).extensions(&["json"]), "May be left empty.")
//!     .param(
//!         "stops",
//!         InputKind::rows(vec![
//!             InputSpec::new("enabled", InputKind::bool(true), "Whether the row counts."),
//!             InputSpec::new("note", InputKind::text("").multiline(), "").required(),
//!         ]),
//!         "One row for each stop.",
//!     )
//!     .output("image", "IMAGE");
//! assert_eq!(spec.inputs.len(), 7);
//! ```
//!
//! The types here may get new fields and variants; the builders are how a plugin makes them.

use serde::{Deserialize, Serialize};

/// A node kind. Its id is `plugin/name`, for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub struct NodeSpec {
    pub name: String,
    /// Where the node stands in the menu, e.g. `sampling`.
    #[serde(default)]
    pub menu: String,
    /// What it does, for people.
    #[serde(default)]
    pub help: String,
    #[serde(default)]
    pub inputs: Vec<InputSpec>,
    #[serde(default)]
    pub outputs: Vec<OutputSpec>,
    /// It runs even where nothing takes its outputs: it saves or shows.
    #[serde(default)]
    pub sink: bool,
    /// Loads from old graphs and is hidden from the menu.
    #[serde(default)]
    pub deprecated: bool,
    /// Of a deprecated node, the kind to use in its place, `plugin/Name`. Empty where there is none.
    #[serde(default)]
    pub replaced_by: String,
    /// Works for a command of Weft: it runs by its name, and is hidden from menus and lists.
    #[serde(default)]
    pub hidden: bool,
}

/// An input: a link, or a param that has a widget. A link on a param wins over its widget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub struct InputSpec {
    pub name: String,
    pub kind: InputKind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub help: String,
}

/// What an input takes. The first range is the hard one: values outside are refused. `soft` is the slider's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub enum InputKind {
    /// Links of this kind only, e.g. `MODEL` or `org.example/DEPTH`. `*` takes any.
    Link(String),
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Bool { default: bool },
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Int {
        default: i64,
        range: (i64, i64),
        #[serde(default)]
        soft: Option<(i64, i64)>,
        /// The value is a multiple of it.
        #[serde(default = "one")]
        multiple: i64,
    },
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Float {
        default: f64,
        range: (f64, f64),
        #[serde(default)]
        soft: Option<(f64, f64)>,
        /// The widget's step; any value in the range is taken.
        #[serde(default)]
        step: Option<f64>,
    },
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Text {
        default: String,
        #[serde(default)]
        multiline: bool,
    },
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Choice { default: String, options: Vec<String> },
    /// The path of an existing file, handed to the node absolute. An empty default means none.
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    File {
        #[serde(default)]
        default: String,
        folder: Folder,
        /// Lower case, without the dot; empty takes all.
        #[serde(default)]
        extensions: Vec<String>,
    },
    /// A whole number from 0 to 2⁶³−1 with the widget that draws new ones.
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Seed { default: i64 },
    /// Text of several lines in which `<lora:NAME:WEIGHT>` names files of a folder. The node gets a record: `text`, the
    /// prompt without these tags, and `rows`, a list of `{enabled, file, weight}` with absolute paths. It takes no link,
    /// because files are looked for before anything runs.
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Prompt {
        /// Without tags.
        default: String,
        folder: Folder,
        /// Lower case, without the dot; empty takes all.
        #[serde(default)]
        extensions: Vec<String>,
    },
    /// A list of records with these columns.
    #[cfg_attr(not(feature = "host"), non_exhaustive)]
    Rows {
        #[serde(deserialize_with = "columns")]
        columns: Vec<InputSpec>,
    },
}

fn one() -> i64 {
    1
}

/// Columns, of which none has rows again: no description nests so deep that reading it overflows the stack.
fn columns<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<InputSpec>, D::Error> {
    thread_local! {
        static IS_WITHIN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if IS_WITHIN.replace(true) {
        return Err(serde::de::Error::custom("rows within rows"));
    }
    let columns = Vec::deserialize(deserializer);
    IS_WITHIN.set(false);
    columns
}

/// Where a file is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub enum Folder {
    /// Below this folder of every models root; empty is the root itself.
    Models(String),
    /// A folder or file that holds a whole model, below any folder of the models roots.
    AnyModel,
    /// Beside the graph or below an `--input` folder.
    Input,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub struct OutputSpec {
    pub name: String,
    /// The kind of link it makes.
    pub kind: String,
}

impl InputKind {
    /// The kind of link that this input takes, none where it takes no link.
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::Link(kind) => Some(kind),
            Self::Bool { .. } => Some("BOOL"),
            Self::Int { .. } | Self::Seed { .. } => Some("INT"),
            Self::Float { .. } => Some("FLOAT"),
            Self::Text { .. } | Self::Choice { .. } | Self::File { .. } => Some("TEXT"),
            Self::Rows { .. } | Self::Prompt { .. } => None,
        }
    }

    /// A switch.
    pub fn bool(default: bool) -> Self {
        Self::Bool { default }
    }

    /// A whole number in `range`.
    pub fn int(default: i64, range: (i64, i64)) -> Self {
        Self::Int { default, range, soft: None, multiple: 1 }
    }

    /// A number in `range`, stepped by the widget.
    pub fn float(default: f64, range: (f64, f64), step: f64) -> Self {
        Self::Float { default, range, soft: None, step: Some(step) }
    }

    /// One line of text.
    pub fn text(default: &str) -> Self {
        Self::Text { default: default.to_owned(), multiline: false }
    }

    /// One of `options`; the first is the default, unless [`InputKind::preset`] says another.
    pub fn choice(options: &[&str]) -> Self {
        Self::Choice {
            default: options.first().copied().unwrap_or_default().to_owned(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
        }
    }

    /// The path of an existing file, or none where nothing is given. With extensions: [`InputKind::extensions`].
    pub fn file(folder: Folder) -> Self {
        Self::File { default: String::new(), folder, extensions: Vec::new() }
    }

    /// A number to draw from, 0 by default, with the widget that draws new ones.
    pub fn seed() -> Self {
        Self::Seed { default: 0 }
    }

    /// A text with `<lora:NAME:WEIGHT>` in it, of files in `folder`.
    pub fn prompt(folder: Folder) -> Self {
        Self::Prompt { default: String::new(), folder, extensions: Vec::new() }
    }

    /// A list of records with these columns.
    pub fn rows(columns: Vec<InputSpec>) -> Self {
        Self::Rows { columns }
    }

    /// Of a choice, file, text or prompt: another default. Other kinds have theirs from the beginning.
    #[must_use]
    pub fn preset(mut self, value: &str) -> Self {
        if let Self::Choice { default, .. }
        | Self::File { default, .. }
        | Self::Text { default, .. }
        | Self::Prompt { default, .. } = &mut self
        {
            value.clone_into(default);
        }
        self
    }

    /// Of an int or float: the slider's range, inside the hard one.
    #[must_use]
    pub fn soft(mut self, low: impl Into<f64>, high: impl Into<f64>) -> Self {
        let (low, high) = (low.into(), high.into());
        match &mut self {
            Self::Int { soft, .. } => *soft = Some((low as i64, high as i64)),
            Self::Float { soft, .. } => *soft = Some((low, high)),
            _ => {}
        }
        self
    }

    /// Of an int: values are multiples of `number`.
    #[must_use]
    pub fn multiple(mut self, number: i64) -> Self {
        if let Self::Int { multiple, .. } = &mut self {
            *multiple = number;
        }
        self
    }

    /// Of a text: of several lines.
    #[must_use]
    pub fn multiline(mut self) -> Self {
        if let Self::Text { multiline, .. } = &mut self {
            *multiline = true;
        }
        self
    }

    /// Of a file or prompt: only files that end so. Lower case, without the dot.
    #[must_use]
    pub fn extensions(mut self, endings: &[&str]) -> Self {
        if let Self::File { extensions, .. } | Self::Prompt { extensions, .. } = &mut self {
            *extensions = endings.iter().map(|&ending| ending.to_owned()).collect();
        }
        self
    }
}

impl Folder {
    /// A folder below every models root, e.g. `loras`.
    pub fn models(folder: &str) -> Self {
        Self::Models(folder.to_owned())
    }
}

impl InputSpec {
    /// An input that may be left out: a column of [`InputKind::rows`]. (Inputs of a node come from [`NodeSpec`]'s builders.)
    pub fn new(name: &str, kind: InputKind, help: &str) -> Self {
        Self { name: name.to_owned(), kind, required: false, help: help.to_owned() }
    }

    /// It must be given.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

impl NodeSpec {
    /// A node without ports, to be given some: `NodeSpec::new("Blur", "image", "…").input(…).output(…)`.
    pub fn new(name: &str, menu: &str, help: &str) -> Self {
        Self {
            name: name.to_owned(),
            menu: menu.to_owned(),
            help: help.to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            sink: false,
            deprecated: false,
            replaced_by: String::new(),
            hidden: false,
        }
    }

    /// A link that must be there.
    #[must_use]
    pub fn link(self, name: &str, kind: &str, help: &str) -> Self {
        self.input(name, InputKind::Link(kind.to_owned()), true, help)
    }

    /// A link that may be absent.
    #[must_use]
    pub fn optional_link(self, name: &str, kind: &str, help: &str) -> Self {
        self.input(name, InputKind::Link(kind.to_owned()), false, help)
    }

    /// A param that has a default.
    #[must_use]
    pub fn param(self, name: &str, kind: InputKind, help: &str) -> Self {
        self.input(name, kind, false, help)
    }

    /// A param that must be given.
    #[must_use]
    pub fn required_param(self, name: &str, kind: InputKind, help: &str) -> Self {
        self.input(name, kind, true, help)
    }

    /// What [`crate::Node::run`] returns under `name`, and the kind of links that it makes.
    #[must_use]
    pub fn output(mut self, name: &str, kind: &str) -> Self {
        self.outputs.push(OutputSpec { name: name.to_owned(), kind: kind.to_owned() });
        self
    }

    /// It saves or shows: it runs even where nothing takes its outputs.
    #[must_use]
    pub fn sink(mut self) -> Self {
        self.sink = true;
        self
    }

    /// It loads from old graphs, is hidden from the menu, and whoever meets it reads that `replacement` (a kind
    /// `plugin/Name`, or empty) takes its place.
    #[must_use]
    pub fn deprecated(mut self, replacement: &str) -> Self {
        self.deprecated = true;
        replacement.clone_into(&mut self.replaced_by);
        self
    }

    /// Whether people choose it for new graphs.
    pub fn is_offered(&self) -> bool {
        !self.deprecated && !self.hidden
    }

    /// Is not offered: a command of Weft puts it into a graph.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    fn input(mut self, name: &str, kind: InputKind, required: bool, help: &str) -> Self {
        self.inputs.push(InputSpec { required, ..InputSpec::new(name, kind, help) });
        self
    }
}
