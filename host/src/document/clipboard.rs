//! Nodes to text and back.

use std::collections::HashMap;

use super::Point;
use super::layout::Layout;
use super::names::Names;
use crate::error::Result;
use crate::graph::{Graph, Input, Node};

/// How far from its original a copy stands.
const OFFSET: f32 = 30.0;

/// The nodes as a graph of their own, in the order in which they stand in theirs.
pub fn copy(graph: &Graph, layout: &Layout, nodes: &[String]) -> String {
    let chosen: std::collections::HashSet<&str> = nodes.iter().map(String::as_str).collect();
    let mut copied = Graph::default();
    for (id, node) in graph.nodes.iter().filter(|(id, _)| chosen.contains(id.as_str())) {
        copied.nodes.insert(id.clone(), node.without_origin());
    }
    let mut places = Layout::of(&copied);
    for id in copied.nodes.keys() {
        places.put(id.clone(), Some(places.moved(id, layout.position(id))));
    }
    places.write(&mut copied);
    copied.to_ron()
}

/// Nodes from text, with names that are free in `graph` and their places. Links between them stay; others only with
/// `links`, and where their node is there.
pub fn read(text: &str, graph: &Graph, at: Option<Point>, links: bool) -> Result<Vec<(String, Node, Point)>> {
    let copied = Graph::parse(text, "the pasted text")?;
    let layout = Layout::of(&copied);
    let mut free = Names::new(graph);
    let names: HashMap<&str, String> = copied.nodes.keys().map(|id| (id.as_str(), free.free(id))).collect();
    let places = || copied.nodes.keys().map(|id| layout.position(id));
    let corner = places().reduce(|[left, top], [x, y]| [left.min(x), top.min(y)]).unwrap_or_default();
    let by = at.map_or([OFFSET, OFFSET], |at| [at[0] - corner[0], at[1] - corner[1]]);
    let paste = |(id, node): (&String, &Node)| {
        let mut node = node.without_origin();
        node.inputs.retain(|_, input| match input {
            Input::Value(_) => true,
            Input::Link(link) => match names.get(link.node.as_str()) {
                Some(name) => {
                    link.node.clone_from(name);
                    true
                }
                None => links && graph.nodes.contains_key(&link.node),
            },
        });
        let [x, y] = layout.position(id);
        (names[id.as_str()].clone(), node, [x + by[0], y + by[1]])
    };
    Ok(copied.nodes.iter().map(paste).collect())
}
