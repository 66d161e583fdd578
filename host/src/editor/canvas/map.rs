//! Where every node and every wire is on the graph, seen or not: what a frame needs to know of 10 000 nodes to draw
//! twenty.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Pos2, Rect, Vec2, vec2};
use indexmap::{IndexMap, IndexSet};
use plugin_api::InputKind;

use super::node::Drawn;
use super::view::Ports;
use crate::editor::scene::{Port, Scene};
use crate::editor::theme::{self, NODE_WIDTH};
use crate::graph::Input;
use crate::plugins::Catalog;

/// A node without ports, and what each adds, at zoom 1.
const HEAD: f32 = 52.0;
const ROW: f32 = theme::FIELD + theme::GAP;
/// Rows that a text of several lines or a list takes beyond the first.
const TALL: usize = 4;

#[derive(Default)]
pub struct Map {
    nodes: Vec<Placed>,
    index: HashMap<String, usize>,
    pub links: Vec<Linked>,
    known: Option<(u64, Arc<Catalog>)>,
    placed: u64,
}

/// A node on the graph.
pub struct Placed {
    pub id: String,
    pub ports: Ports,
    /// Outputs that something takes from.
    used: Vec<String>,
    place: Pos2,
    guess: Vec2,
    /// Measured when it was last in sight, at zoom 1.
    size: Option<Vec2>,
    offsets: Vec<(Port, Vec2)>,
}

/// A wire on the graph, by the places of its nodes in the map.
pub struct Linked {
    pub from: usize,
    pub to: usize,
    pub output: Port,
    pub input: Port,
    pub kind: String,
}

impl Map {
    /// Takes over what changed in graph or catalogue since the last frame.
    pub fn learn(&mut self, scene: &Scene) {
        let shape = scene.document.shape();
        let is_known = |(known, catalog): &(u64, Arc<Catalog>)| *known == shape && Arc::ptr_eq(catalog, &scene.catalog);
        if !self.known.as_ref().is_some_and(is_known) {
            self.known = Some((shape, Arc::clone(&scene.catalog)));
            self.read(scene);
        }
        if self.placed != scene.document.revision() {
            self.placed = scene.document.revision();
            self.nodes.iter_mut().for_each(|node| node.place = scene.document.position(&node.id).into());
        }
    }

    fn read(&mut self, scene: &Scene) {
        let mut before: HashMap<String, Placed> = self.nodes.drain(..).map(|node| (node.id.clone(), node)).collect();
        let nodes = &scene.document.graph().nodes;
        self.index = nodes.keys().enumerate().map(|(index, id)| (id.clone(), index)).collect();
        let mut used: HashMap<&str, Vec<String>> = HashMap::new();
        self.links.clear();
        for (to, (id, node)) in nodes.iter().enumerate() {
            for (name, input) in &node.inputs {
                let Input::Link(link) = input else { continue };
                let Some(&from) = self.index.get(&link.node) else { continue };
                used.entry(&link.node).or_default().push(link.output.clone());
                let output = Port { node: link.node.clone(), name: link.output.clone(), is_output: true };
                let input = Port { node: id.clone(), name: name.clone(), is_output: false };
                let kind = scene.kind(&output).unwrap_or("*").to_owned();
                self.links.push(Linked { from, to, output, input, kind });
            }
        }
        for id in nodes.keys() {
            let used = used.remove(id.as_str()).unwrap_or_default();
            let ports = ports(scene, id, &used);
            let known = before.remove(id).filter(|known| known.ports == ports);
            let (size, offsets) = known.map_or((None, Vec::new()), |known| (known.size, known.offsets));
            let place = scene.document.position(id).into();
            let guess = vec2(NODE_WIDTH + 30.0, guessed_height(scene, id, &ports));
            self.nodes.push(Placed { id: id.clone(), ports, used, place, guess, size, offsets });
        }
    }

    /// Places the nodes that the file gives no place, once the catalogue tells how high they are. True where it did.
    pub fn arrange(&mut self, scene: &mut Scene) -> bool {
        if scene.document.is_arranged() || scene.catalog.nodes().next().is_none() {
            return false;
        }
        self.learn(scene);
        scene.document.arrange(|id| self.get(id).map(|node| node.rect().height()));
        self.known = None;
        true
    }

    pub fn get(&self, id: &str) -> Option<&Placed> {
        self.index.get(id).map(|&index| &self.nodes[index])
    }

    pub fn at(&self, index: usize) -> &Placed {
        &self.nodes[index]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Placed> {
        self.nodes.iter()
    }

    /// The rectangle around nodes; an empty one around none.
    pub fn bounds<'a>(&'a self, nodes: impl Iterator<Item = &'a Placed>) -> Rect {
        nodes.fold(Rect::NOTHING, |all, node| all.union(node.rect()))
    }

    /// Keeps what nodes measured on the screen.
    pub fn measure(&mut self, drawn: &IndexMap<String, Drawn>, zoom: f32) {
        for (id, drawn) in drawn {
            let Some(node) = self.index.get(id).map(|&index| &mut self.nodes[index]) else { continue };
            node.size = Some(drawn.rect.size() / zoom);
            node.offsets.clear();
            node.offsets.extend(drawn.ports.iter().map(|(port, at)| (port.clone(), (*at - drawn.rect.min) / zoom)));
        }
    }
}

impl Placed {
    pub fn rect(&self) -> Rect {
        Rect::from_min_size(self.place, self.size())
    }

    pub fn is_used(&self, output: &str) -> bool {
        self.used.iter().any(|used| used == output)
    }

    /// The size at zoom 1: measured, or guessed before it was ever in sight.
    fn size(&self) -> Vec2 {
        self.size.unwrap_or(self.guess)
    }

    /// Where a port is on the graph.
    pub fn port(&self, port: &Port) -> Pos2 {
        let measured = self.offsets.iter().find(|(known, _)| known == port).map(|(_, offset)| *offset);
        let offset = measured.unwrap_or_else(|| {
            let size = self.size();
            let row = if port.is_output {
                self.ports.inputs.len() + self.ports.outputs.iter().position(|name| *name == port.name).unwrap_or(0)
            } else {
                self.ports.inputs.iter().position(|name| *name == port.name).unwrap_or(0)
            };
            vec2(if port.is_output { size.x } else { 0.0 }, HEAD + row as f32 * ROW)
        });
        self.place + offset
    }
}

fn ports(scene: &Scene, id: &str, used: &[String]) -> Ports {
    // Outputs of an unknown kind are known by the links from them.
    let outputs = if scene.spec(id).is_some() { scene.outputs(id) } else { unique(used) };
    let mut ports = Ports { inputs: scene.inputs(id), outputs };
    if scene.document.is_collapsed(id) {
        ports.inputs.retain(|input| scene.link(id, input).is_some());
        ports.outputs.retain(|output| used.contains(output));
    }
    ports
}

/// The height at zoom 1 of a node that was never in sight, by its ports and the widgets of its inputs.
fn guessed_height(scene: &Scene, id: &str, ports: &Ports) -> f32 {
    let is_tall = |kind: &InputKind| {
        matches!(kind, InputKind::Text { multiline: true, .. } | InputKind::Prompt { .. } | InputKind::Rows { .. })
    };
    let inputs = scene.spec(id).map_or(&[][..], |spec| &spec.inputs);
    let tall = inputs.iter().filter(|input| is_tall(&input.kind) && ports.inputs.contains(&input.name)).count();
    // What saves or shows has a picture below, as high as it is wide or less.
    let picture = if scene.spec(id).is_some_and(|spec| spec.sink) { NODE_WIDTH } else { 0.0 };
    HEAD + ROW * (ports.inputs.len() + ports.outputs.len() + TALL * tall) as f32 + picture
}

fn unique(names: &[String]) -> Vec<String> {
    names.iter().cloned().collect::<IndexSet<String>>().into_iter().collect()
}
