//! Seeds that are drawn before a run.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use super::facts::{SeedMode, seed_modes};
use crate::graph::{Graph, Input, Mode, Node};

/// The largest seed that is drawn: programs that read JSON keep every whole number up to it.
const MOST: u64 = 1 << 53;

/// New seeds for all inputs that are not fixed, by node and input. Nodes that do not run keep theirs, and so do links.
pub fn draw(graph: &Graph) -> Vec<(String, String, i64)> {
    let mut drawn = Vec::new();
    for (id, node) in graph.nodes.iter().filter(|(_, node)| Mode::of(node) == Ok(Mode::Active)) {
        for (input, mode) in seed_modes(node) {
            let Some(old) = seed(node, &input) else { continue };
            let new = match mode {
                SeedMode::Fixed => continue,
                SeedMode::Increment => old.checked_add(1).unwrap_or(0).max(0),
                SeedMode::Random => random(),
            };
            drawn.push((id.clone(), input, new));
        }
    }
    drawn
}

/// The seed that stands there; none where a link does.
fn seed(node: &Node, input: &str) -> Option<i64> {
    match node.inputs.get(input) {
        Some(Input::Link(_)) => None,
        Some(Input::Value(text)) => Some(ron::from_str(text).unwrap_or(0)),
        None => Some(0),
    }
}

/// From 0 to 2⁵³. The hasher's keys come from the system's randomness; time sets apart what one process draws.
fn random() -> i64 {
    let mut hasher = RandomState::new().build_hasher();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(time.as_nanos());
    (hasher.finish() % (MOST + 1)).cast_signed()
}
