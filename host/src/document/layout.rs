//! Where nodes stand. The file's field `editor` has a place for each: `editor: {"sample": (640, 0)}`.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::history::{insert_all, put, remove_all};
use super::{Point, columns};
use crate::graph::Graph;
use crate::graph::scan::{Block, Piece, unquote};
use crate::graph::write::{Pieces, quote};

const FIELD: &str = "editor";

/// One entry of the field. What is no place is kept as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    piece: Piece,
    point: Option<Point>,
}

#[derive(Debug, Clone)]
pub struct Layout {
    /// Around the entries.
    open: String,
    after: String,
    close: String,
    /// By node. Entries that name none have a key that no node can have.
    places: IndexMap<String, Place>,
    /// What stands before a new entry.
    lead: String,
    /// The whole field where the file has none or another one than a map with entries; it comes back with the last undo.
    replaced: Option<Option<String>>,
    /// For nodes that the file gives no place.
    automatic: HashMap<String, Point>,
    is_changed: bool,
}

impl Layout {
    pub fn of(graph: &Graph) -> Self {
        let field = graph.other.get(FIELD).cloned();
        let block = field.as_deref().filter(|text| text.starts_with('{')).and_then(|text| Block::read(text, b'{'));
        let end = graph.line_end();
        let mut layout = Self {
            open: "{".to_owned(),
            after: String::new(),
            close: format!("{end}    }}"),
            places: IndexMap::new(),
            lead: format!("{end}        "),
            replaced: None,
            automatic: HashMap::new(),
            is_changed: false,
        };
        match block.filter(|block| !block.pieces.is_empty()) {
            Some(block) => {
                layout.lead = block.lead().unwrap_or(layout.lead);
                (layout.open, layout.after, layout.close) = (block.open, block.after, block.close);
                for piece in block.pieces {
                    let name = unquote(&piece.key).filter(|name| !layout.places.contains_key(name));
                    let name = name.unwrap_or_else(|| format!("\0{}", layout.places.len()));
                    let point = point(&piece.value);
                    layout.places.insert(name, Place { piece, point });
                }
            }
            None => layout.replaced = Some(field),
        }
        layout.automatic = columns::place(graph, |node| layout.placed(node), |_| None);
        layout
    }

    /// Places again what the file gives no place, for nodes of these heights.
    pub fn arrange(&mut self, graph: &Graph, height: impl Fn(&str) -> Option<f32>) {
        self.automatic = columns::place(graph, |node| self.placed(node), height);
    }

    pub fn position(&self, node: &str) -> Point {
        self.placed(node).or_else(|| self.automatic.get(node).copied()).unwrap_or_default()
    }

    /// The place that the file gives a node.
    fn placed(&self, node: &str) -> Option<Point> {
        self.places.get(node)?.point
    }

    pub fn get(&self, node: &str) -> Option<(usize, Place)> {
        let (index, _, place) = self.places.get_full(node)?;
        Some((index, place.clone()))
    }

    /// The entry of `node` as it is to be, with its index.
    pub fn moved(&self, node: &str, to: Point) -> (usize, Place) {
        let (index, mut place) = self.get(node).unwrap_or_else(|| {
            let has_comma = self.lead.contains('\n');
            let (lead, key, gap) = (self.lead.clone(), quote(node), ": ".to_owned());
            (self.places.len(), Place { piece: Piece { lead, key, gap, has_comma, ..Piece::default() }, point: None })
        });
        if place.point != Some(to) {
            place.piece.value = format!("({}, {})", number(to[0]), number(to[1]));
            place.point = Some(to);
        }
        (index, place)
    }

    /// The entry of `node` under another name.
    pub fn renamed(&mut self, node: &str, to: &str) -> Option<(usize, Place)> {
        if let Some(&point) = self.automatic.get(node) {
            self.automatic.insert(to.to_owned(), point);
        }
        let (index, mut place) = self.get(node)?;
        place.piece.key = quote(to);
        Some((index, place))
    }

    pub fn put(&mut self, node: String, place: Option<(usize, Place)>) {
        put(&mut self.places, node, place);
        self.is_changed = true;
    }

    /// Takes many entries out at once.
    pub fn remove(&mut self, places: &[(usize, String, Place)]) {
        remove_all(&mut self.places, places);
        self.is_changed = true;
    }

    /// Puts many entries back.
    pub fn insert(&mut self, places: Vec<(usize, String, Place)>) {
        insert_all(&mut self.places, places);
        self.is_changed = true;
    }

    /// Brings the graph's field up to date.
    pub fn write(&mut self, graph: &mut Graph) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        match &self.replaced {
            Some(None) if self.places.is_empty() => drop(graph.other.shift_remove(FIELD)),
            Some(Some(field)) if self.places.is_empty() => drop(graph.other.insert(FIELD.to_owned(), field.clone())),
            _ => {
                let mut text = Pieces::new(String::new());
                text.begin(&self.open, &self.after);
                for place in self.places.values() {
                    text.put(&place.piece, &place.piece.key, &place.piece.value);
                }
                graph.other.insert(FIELD.to_owned(), text.end(&self.close));
            }
        }
    }
}

/// A point that can be drawn.
pub fn is_finite(point: Point) -> bool {
    point.iter().all(|number| number.is_finite())
}

fn point(value: &str) -> Option<Point> {
    let (x, y): (f32, f32) = ron::from_str(value).ok()?;
    Some([x, y]).filter(|&point| is_finite(point))
}

/// Without a minus before zero.
fn number(number: f32) -> f32 {
    number + 0.0
}
