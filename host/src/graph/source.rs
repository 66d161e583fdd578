//! How a graph's file was laid out, so that what did not change is written as it was read.

use std::collections::HashMap;
use std::sync::Arc;

use super::scan::{Block, Piece, newline, unquote};
use super::{Graph, Node};

/// A file without its nodes, which keep their own text.
#[derive(Debug)]
pub(super) struct Source {
    /// A byte order mark, or nothing.
    pub mark: String,
    /// `format`, `nodes` and the others. `open` begins behind [`Graph::header`].
    pub fields: Block,
    /// What stands around the nodes; it has no pieces of its own.
    pub nodes: Block,
    /// How its lines end.
    pub ending: &'static str,
    /// What stands before a node that is added.
    pub lead: Option<String>,
}

/// The text that a node was read from.
#[derive(Debug)]
pub(super) struct Origin {
    pub id: String,
    pub piece: Piece,
    /// What the text says.
    pub node: Node,
}

impl Source {
    /// The layout of `text`, from which `graph` was read, and the origin of each of its nodes. None where the two do not
    /// agree; then the graph is written in Weft's own form.
    pub fn of(text: &str, graph: &mut Graph) -> Option<Self> {
        let mut fields = Block::read(text, b'(')?;
        let place = fields.pieces.iter().position(|field| name(field) == "nodes")?;
        let mut nodes = Block::read(&std::mem::take(&mut fields.pieces[place].value), b'{')?;
        let lead = nodes.lead();
        let pieces = std::mem::take(&mut nodes.pieces);
        let agree = pieces.len() == graph.nodes.len()
            && pieces.iter().zip(graph.nodes.keys()).all(|(piece, id)| unquote(&piece.key).as_ref() == Some(id));
        let values: HashMap<&str, &str> =
            fields.pieces.iter().map(|field| (name(field), field.value.as_str())).collect();
        let known = graph.other.iter().all(|(name, value)| values.get(name.as_str()) == Some(&value.as_str()));
        if !agree || !known || fields.pieces.len() != graph.other.len() + 2 {
            return None;
        }
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.to_string() } else { String::new() };
        fields.open = fields.open.strip_prefix(&mark)?.strip_prefix(&graph.header)?.to_owned();
        for (piece, (id, node)) in pieces.into_iter().zip(&mut graph.nodes) {
            node.origin = Some(Arc::new(Origin { id: id.clone(), piece, node: node.clone() }));
        }
        Some(Self { mark, fields, nodes, ending: newline(text), lead })
    }
}

/// The name of a field; `r#` marks names that are no words.
pub(super) fn name(field: &Piece) -> &str {
    field.key.strip_prefix("r#").unwrap_or(&field.key)
}
