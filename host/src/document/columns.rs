//! Places for nodes that have none: columns from left to right, each node right of all that it takes from.

use std::collections::HashMap;

use super::Point;
use crate::graph::{Graph, Input, Node};

/// From one column to the next.
const WIDTH: f32 = 320.0;
/// A node without inputs, and what each input adds.
const HEAD: f32 = 100.0;
const ROW: f32 = 28.0;

/// Places for the nodes for which `placed` has none; below those that have one. `height` knows some nodes' better than the
/// number of their inputs in the file tells.
pub fn place(
    graph: &Graph,
    placed: impl Fn(&str) -> Option<Point>,
    height: impl Fn(&str) -> Option<f32>,
) -> HashMap<String, Point> {
    let height = |id: &str, node: &Node| height(id).map_or_else(|| guessed(node), |height| height + ROW);
    let there = graph.nodes.iter().filter_map(|(id, node)| placed(id).map(|[x, y]| [x, y + height(id, node)]));
    let corner = there.reduce(|[left, low], [x, y]| [left.min(x), low.max(y)]);
    let [left, top] = corner.map_or([0.0, 0.0], |[left, low]| [left, low + ROW]);
    let mut bottoms: Vec<f32> = Vec::new();
    let mut places = HashMap::new();
    for ((id, node), depth) in graph.nodes.iter().zip(depths(graph)) {
        if placed(id).is_none() {
            bottoms.resize(bottoms.len().max(depth + 1), top);
            places.insert(id.clone(), [left + WIDTH * depth as f32, bottoms[depth]]);
            bottoms[depth] += height(id, node);
        }
    }
    places
}

fn guessed(node: &Node) -> f32 {
    HEAD + ROW * node.inputs.len() as f32
}

/// How many links lead to each node, one after the other; the longest way counts. Nodes in a cycle count from 0.
fn depths(graph: &Graph) -> Vec<usize> {
    let mut takers: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    let mut waiting = vec![0_usize; graph.nodes.len()];
    for (taker, node) in graph.nodes.values().enumerate() {
        for input in node.inputs.values() {
            let Input::Link(link) = input else { continue };
            if let Some(source) = graph.nodes.get_index_of(&link.node) {
                takers[source].push(taker);
                waiting[taker] += 1;
            }
        }
    }
    let mut depths = vec![0; graph.nodes.len()];
    let mut ready: Vec<usize> = (0..waiting.len()).filter(|&node| waiting[node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &taker in &takers[node] {
            depths[taker] = depths[taker].max(depths[node] + 1);
            waiting[taker] -= 1;
            if waiting[taker] == 0 {
                ready.push(taker);
            }
        }
    }
    depths
}
