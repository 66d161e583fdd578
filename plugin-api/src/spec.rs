//! What a node says of itself: ports, params, ranges, help. Crosses once, as RON text.

use serde::{Deserialize, Serialize};

/// A node kind. Its id is `plugin/name`, for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Works for a command of Weft: it runs by its name, and is hidden from menus and lists.
    #[serde(default)]
    pub hidden: bool,
}

/// An input: a link, or a param that has a widget. A link on a param wins over its widget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub enum InputKind {
    /// Links of this kind only, e.g. `MODEL` or `org.example/DEPTH`. `*` takes any.
    Link(String),
    Bool {
        default: bool,
    },
    Int {
        default: i64,
        range: (i64, i64),
        #[serde(default)]
        soft: Option<(i64, i64)>,
        /// The value is a multiple of it.
        #[serde(default = "one")]
        multiple: i64,
    },
    Float {
        default: f64,
        range: (f64, f64),
        #[serde(default)]
        soft: Option<(f64, f64)>,
        /// The widget's step; any value in the range is taken.
        #[serde(default)]
        step: Option<f64>,
    },
    Text {
        default: String,
        #[serde(default)]
        multiline: bool,
    },
    Choice {
        default: String,
        options: Vec<String>,
    },
    /// The path of an existing file, handed to the node absolute. An empty default means none.
    File {
        #[serde(default)]
        default: String,
        folder: Folder,
        /// Lower case, without the dot; empty takes all.
        #[serde(default)]
        extensions: Vec<String>,
    },
    /// A whole number from 0 to 2⁶³−1 with the widget that draws new ones.
    Seed {
        default: i64,
    },
    /// Text of several lines in which `<lora:NAME:WEIGHT>` names files of a folder. The node gets a record: `text`, the
    /// prompt without these tags, and `rows`, a list of `{enabled, file, weight}` with absolute paths. It takes no link,
    /// because files are looked for before anything runs.
    Prompt {
        /// Without tags.
        default: String,
        folder: Folder,
        /// Lower case, without the dot; empty takes all.
        #[serde(default)]
        extensions: Vec<String>,
    },
    /// A list of records with these columns.
    Rows {
        columns: Vec<InputSpec>,
    },
}

fn one() -> i64 {
    1
}

/// Where a file is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Folder {
    /// Below this folder of every models root; empty is the root itself.
    Models(String),
    /// A folder or file that holds a whole model, below any folder of the models roots.
    AnyModel,
    /// Beside the graph or below an `--input` folder.
    Input,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// One of `options`; the first is the default.
    pub fn choice(options: &[&str]) -> Self {
        Self::Choice {
            default: options.first().copied().unwrap_or_default().to_owned(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
        }
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
        self.inputs.push(InputSpec { name: name.to_owned(), kind, required, help: help.to_owned() });
        self
    }
}
