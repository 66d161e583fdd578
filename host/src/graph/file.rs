//! Graph files: RON text to [`Graph`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use ron::value::RawValue;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::scan::strip;
use super::source::Source;
use super::{Graph, Input, Link, Node};
use crate::error::{Code, Error, Result};
use crate::limits;

/// The version of the format that this program writes, and the highest that it reads.
pub(super) const FORMAT: u32 = 1;

impl Graph {
    /// Reads a graph file.
    ///
    /// # Errors
    /// A file that is not there, too large, no text or no graph, with line and column.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::reading(Code::Unreadable, path, &error).help("give the path of a .ron graph or of a picture")
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > limits::GRAPH_BYTES {
            let what = format!("{} is too large for a graph: it has {size} bytes", path.display());
            let help =
                format!("give a graph of at most {} MiB, or a picture that Weft made", limits::GRAPH_BYTES >> 20);
            return Err(Error::new(Code::Unreadable, what).help(help));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Error::new(Code::Unreadable, format!("{} is not text", path.display()))
                .cause(format!("the byte at {} is not UTF-8", error.utf8_error().valid_up_to()))
                .help("a graph is a RON text file; the graph inside a picture is read from PNG, JPEG and WebP files")
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a graph from text; `name` is what messages call it.
    ///
    /// # Errors
    /// Syntax and form, with line and column.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let fail = |what: &str| Error::new(Code::Unreadable, format!("{name} {what}"));
        // Windows editors put a byte order mark there; it carries nothing.
        let file = text;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(fail("is empty").help("`weft nodes` lists what a graph can hold; graphs/ has examples"));
        }
        let options = ron::Options::default().with_recursion_limit(limits::GRAPH_NESTING);
        let form: Form<'_> = options.from_str(text).map_err(|error| {
            // A later format may look different; then it is the format that is to be told of.
            if let Some(format) = written_format(text).filter(|format| *format > FORMAT) {
                return other_format(name, format);
            }
            let at = error.span.start;
            let error =
                fail("is not a graph").place(format!("{name}:{}:{}", at.line, at.col)).cause(cause(&error.code));
            error.help(help(text))
        })?;
        if form.format != FORMAT {
            return Err(other_format(name, form.format));
        }
        if form.nodes.len() > limits::GRAPH_NODES {
            let what = format!("has {} nodes, but {} is the most", form.nodes.len(), limits::GRAPH_NODES);
            return Err(fail(&what).help("divide it into several graphs"));
        }
        let mut graph = Self { header: header(text), nodes: form.nodes, other: form.other, source: None };
        graph.source = Source::of(file, &mut graph).map(Arc::new);
        Ok(graph)
    }
}

fn other_format(name: &str, format: u32) -> Error {
    let help = if format > FORMAT { "open it with a newer version of Weft" } else { "write `format: 1`" };
    Error::new(Code::Unreadable, format!("{name} has another format"))
        .cause(format!("it has the format {format}, this version of Weft reads {FORMAT}"))
        .help(help)
}

/// The number behind the first `format:`.
fn written_format(text: &str) -> Option<u32> {
    let rest = text.split_once("format")?.1.trim_start().strip_prefix(':')?.trim_start();
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What to do about text that is no graph.
fn help(text: &str) -> &'static str {
    let text = text.trim_start();
    if text.starts_with('{') || text.starts_with('[') {
        "this looks like JSON, maybe a workflow of another program; Weft reads its own .ron graphs, see graphs/"
    } else if text.starts_with('<') {
        "this looks like a web page; download the file itself"
    } else {
        "correct the file at this place; the examples in graphs/ show how a graph is written"
    }
}

/// What RON says, in the words of a graph.
fn cause(error: &ron::Error) -> String {
    use ron::Error as Ron;
    match error {
        Ron::Eof | Ron::ExpectedStringEnd | Ron::UnclosedBlockComment => {
            "the file ends in the middle: a quote, a bracket or a comment is not closed".to_owned()
        }
        Ron::TrailingCharacters => "there is more text behind the end of the graph".to_owned(),
        Ron::ExceededRecursionLimit => format!("brackets are nested deeper than {} levels", limits::GRAPH_NESTING),
        Ron::MissingStructField { field, .. } => format!("the field `{field}` is missing"),
        Ron::DuplicateStructField { field, .. } => format!("the field `{field}` stands there twice"),
        Ron::ExpectedNamedStructLike(_) | Ron::ExpectedDifferentStructName { .. } => {
            "`Graph(` is expected at the beginning, and `(` at that of a node".to_owned()
        }
        Ron::IntegerOutOfBounds => "the number is negative or too large".to_owned(),
        error => {
            let text = error.to_string();
            let mut chars = text.chars();
            chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
        }
    }
}

/// The comment lines above the graph.
fn header(text: &str) -> String {
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with("//");
    text.split_inclusive('\n').take_while(is_comment).collect()
}

/// A link, or RON text that is a value. None where it is neither.
pub(super) fn input_of(text: &str) -> Option<Input> {
    #[derive(serde::Deserialize)]
    #[serde(rename = "Link")]
    struct Tag(String);
    if text.starts_with("Link") && text[4..].trim_start().starts_with('(') {
        return Some(Input::Link(Link::parse(&ron::from_str::<Tag>(text).ok()?.0)?));
    }
    // RON takes any word for a unit struct; here it is a text whose quotes are missing.
    let is_word = ron::from_str::<ron::Value>(text).ok()? == ron::Value::Unit && text.starts_with(char::is_alphabetic);
    (!is_word).then(|| Input::Value(text.to_owned()))
}

/// Whether a node or an input may be called so.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= limits::ID_BYTES && !name.chars().any(char::is_control)
}

/// What [`is_name`] asks for.
pub fn name_rule() -> String {
    format!("a name has 1 to {} bytes and no control characters", limits::ID_BYTES)
}

impl Input {
    /// A value or link from RON text that a file can hold.
    ///
    /// # Errors
    /// Text that is neither, that is too long, or nested too deep.
    pub fn parse(text: &str) -> Result<Self> {
        let text = strip(text);
        let file = format!("Graph(format: 1, nodes: {{\"n\": (kind: \"k\", inputs: {{\"i\": {text}}})}})");
        let no_value = |cause: String| {
            let what = format!("{} is no value", super::shorten(text));
            Error::new(Code::Invalid, what).cause(cause).help("write a number, a text in quotes, true or false")
        };
        let graph = Graph::parse(&file, "the value").map_err(|error| no_value(error.cause))?;
        let only =
            || (graph.nodes.len() == 1 && graph.other.is_empty()).then(|| graph.nodes.get("n"))??.inputs.get("i");
        let node_is_plain = graph.nodes.values().all(|node| node.inputs.len() == 1 && node.other.is_empty());
        // More than one value would have become more than one input.
        only().filter(|_| node_is_plain).cloned().ok_or_else(|| no_value("there is more than one value".to_owned()))
    }
}

/// The file's own form, before its version is looked at.
struct Form<'a> {
    format: u32,
    nodes: IndexMap<String, Node>,
    other: IndexMap<String, String>,
    _text: std::marker::PhantomData<&'a ()>,
}

impl<'de> Deserialize<'de> for Form<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_struct("Graph", &["format", "nodes"], FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = Form<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Graph(format: 1, nodes: {…})")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Form<'de>, M::Error> {
        let (mut format, mut nodes, mut other) = (None, None, IndexMap::new());
        while let Some(Field(field)) = map.next_key()? {
            match field.as_str() {
                "format" => once(&mut format, map.next_value()?, "format")?,
                "nodes" => once(&mut nodes, map.next_value::<Named<Node>>()?.0, "nodes")?,
                _ => keep(&mut other, field, map.next_value()?)?,
            }
        }
        Ok(Form {
            format: format.ok_or_else(|| de::Error::missing_field("format"))?,
            nodes: nodes.ok_or_else(|| de::Error::missing_field("nodes"))?,
            other,
            _text: std::marker::PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_struct("Node", &["kind", "inputs"], NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node: (kind: \"plugin/Name\", inputs: {…})")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Node, M::Error> {
        let (mut kind, mut inputs, mut other) = (None, None, IndexMap::new());
        while let Some(Field(field)) = map.next_key()? {
            match field.as_str() {
                "kind" => once(&mut kind, map.next_value()?, "kind")?,
                "inputs" => once(&mut inputs, map.next_value::<Named<Input>>()?.0, "inputs")?,
                _ => keep(&mut other, field, map.next_value()?)?,
            }
        }
        let kind = kind.ok_or_else(|| de::Error::missing_field("kind"))?;
        Ok(Node { kind, inputs: inputs.unwrap_or_default(), other, origin: None })
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if raw.get_ron().len() > limits::TEXT_BYTES {
            return Err(de::Error::custom(format!("a value is longer than {} bytes", limits::TEXT_BYTES)));
        }
        Self::from_raw(raw).ok_or_else(|| {
            de::Error::custom(format!(
                "{} is neither a value nor Link(\"node.output\")",
                super::shorten(raw.get_ron().trim())
            ))
        })
    }
}

/// A map with names of bounded length, none of them twice.
struct Named<T>(IndexMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(NamedVisitor(std::marker::PhantomData))
    }
}

struct NamedVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from names in quotes: {\"name\": …}")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Named<T>, M::Error> {
        let mut named = IndexMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if !is_name(&name) {
                return Err(de::Error::custom(name_rule()));
            }
            if named.contains_key(&name) {
                drop(map.next_value::<IgnoredAny>());
                return Err(de::Error::custom(format!("`{name}` stands there twice")));
            }
            named.insert(name, map.next_value()?);
        }
        Ok(Named(named))
    }
}

/// A field's name, whether this version knows it or not.
struct Field(String);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Field;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> std::result::Result<Field, E> {
                Ok(Field(name.to_owned()))
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, value: T, field: &'static str) -> std::result::Result<(), E> {
    if slot.replace(value).is_some() { Err(de::Error::duplicate_field(field)) } else { Ok(()) }
}

fn keep<E: de::Error>(
    other: &mut IndexMap<String, String>,
    field: String,
    value: &RawValue,
) -> std::result::Result<(), E> {
    match other.insert(field.clone(), strip(value.get_ron()).to_owned()) {
        Some(_) => Err(de::Error::custom(format!("the field `{field}` stands there twice"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOX: &str = r#"// A fox.
// Second line.
Graph(
    format: 1,
    nodes: {
        "model": (kind: "model-loader/LoadModel", inputs: { "path": "demo" }),
        "sample": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "steps": 8 }, muted: true),
    },
    editor: { "model": (0, 0) },
    future: Some([1, 2]),
)
"#;

    #[test]
    fn what_is_unknown_is_kept() {
        let graph = Graph::parse(FOX, "fox.ron").unwrap();
        assert_eq!(graph.to_ron(), FOX);
        assert_eq!(graph.nodes["sample"].other["muted"], "true");
        let link = Link { node: "model".into(), output: "model".into() };
        assert_eq!(graph.nodes["sample"].inputs["model"], Input::Link(link));
    }

    #[test]
    fn errors_name_line_and_column() {
        let broken = FOX.replace("\"steps\": 8", "\"steps\": 8 8");
        let error = Graph::parse(&broken, "fox.ron").unwrap_err();
        assert_eq!(error.code, Code::Unreadable);
        assert!(error.place.starts_with("fox.ron:7:"), "{error}");
        let twice = FOX.replace("\"sample\"", "\"model\"");
        assert!(Graph::parse(&twice, "g").unwrap_err().cause.contains("`model` stands there twice"));
    }

    #[test]
    fn set_takes_ron_or_a_bare_word() {
        let mut graph = Graph::parse(FOX, "fox.ron").unwrap();
        graph.set("sample.steps=4").unwrap();
        graph.set("model.path=fox").unwrap();
        assert_eq!(graph.nodes["model"].inputs["path"], Input::text("fox"));
        graph.set("model.path=my model").unwrap();
        assert_eq!(graph.nodes["sample"].inputs["steps"], Input::Value("4".into()));
        assert_eq!(graph.nodes["model"].inputs["path"], Input::text("my model"));
        assert_eq!(graph.set("nobody.x=1").unwrap_err().code, Code::Usage);
    }
}
