//! What the editor keeps in a node's own fields. A node without them is as it always was.

use crate::graph::scan::{Block, Piece, unquote};
use crate::graph::write::{Pieces, quote};
use crate::graph::{Mode, Node};

/// What becomes of a seed before each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeedMode {
    #[default]
    Fixed,
    Increment,
    Random,
}

pub fn set_mode(node: &mut Node, mode: Mode) {
    match mode {
        Mode::Active => node.other.shift_remove("mode"),
        Mode::Muted => node.other.insert("mode".to_owned(), "Muted".to_owned()),
        Mode::Bypassed => node.other.insert("mode".to_owned(), "Bypassed".to_owned()),
    };
}

pub fn is_collapsed(node: &Node) -> bool {
    node.other.get("collapsed").is_some_and(|value| value == "true")
}

pub fn set_collapsed(node: &mut Node, collapsed: bool) {
    if collapsed {
        node.other.insert("collapsed".to_owned(), "true".to_owned());
    } else {
        node.other.shift_remove("collapsed");
    }
}

pub fn seed_mode(node: &Node, input: &str) -> SeedMode {
    seed_modes(node).into_iter().find(|(name, _)| name == input).map_or(SeedMode::Fixed, |(_, mode)| mode)
}

/// The inputs whose seeds are not fixed.
pub fn seed_modes(node: &Node) -> Vec<(String, SeedMode)> {
    let seed = |piece: &Piece| match piece.value.as_str() {
        "Increment" => Some((unquote(&piece.key)?, SeedMode::Increment)),
        "Random" => Some((unquote(&piece.key)?, SeedMode::Random)),
        _ => None,
    };
    let Some(seeds) = node.other.get("seeds").and_then(|seeds| Block::read(seeds, b'{')) else { return Vec::new() };
    seeds.pieces.iter().filter_map(seed).collect()
}

/// Keeps what else stands in the field.
pub fn set_seed_mode(node: &mut Node, input: &str, mode: SeedMode) {
    let empty = || Block { open: "{".to_owned(), close: "}".to_owned(), ..Block::default() };
    let mut seeds = node.other.get("seeds").and_then(|seeds| Block::read(seeds, b'{')).unwrap_or_else(empty);
    let value = match mode {
        SeedMode::Fixed => None,
        SeedMode::Increment => Some("Increment".to_owned()),
        SeedMode::Random => Some("Random".to_owned()),
    };
    let place = seeds.pieces.iter().position(|piece| unquote(&piece.key).as_deref() == Some(input));
    match (place, value) {
        (Some(place), Some(value)) => seeds.pieces[place].value = value,
        (None, Some(value)) => {
            let lead = if seeds.pieces.is_empty() { "" } else { " " }.to_owned();
            let (key, gap) = (quote(input), ": ".to_owned());
            seeds.pieces.push(Piece { lead, key, gap, value, ..Piece::default() });
        }
        (Some(place), None) => drop(seeds.pieces.remove(place)),
        (None, None) => return,
    }
    if seeds.pieces.is_empty() {
        node.other.shift_remove("seeds");
        return;
    }
    let mut text = Pieces::new(String::new());
    text.begin(&seeds.open, &seeds.after);
    for piece in &seeds.pieces {
        text.put(piece, &piece.key, &piece.value);
    }
    node.other.insert("seeds".to_owned(), text.end(&seeds.close));
}
