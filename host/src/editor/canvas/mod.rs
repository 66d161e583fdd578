//! The canvas: the graph as nodes and wires, what the pointer does to them, and where it looks.

mod body;
mod camera;
mod deprecated;
mod gestures;
mod map;
mod node;
mod said;
mod view;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use egui::{DragAndDrop, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, WidgetType, pos2, vec2};
use indexmap::IndexMap;
use plugin_api::InputKind;

pub use camera::Camera;
use gestures::Gestures;
use map::{Map, Placed};
use node::{Drawing, Drawn};
use view::{Ports, View};

use super::Action;
use super::palette::Wire;
use super::panels::Carried;
use super::scene::{Port, Scene};
use super::theme::Theme;
use crate::document::Edit;
use crate::graph::Link;

/// The canvas between frames.
#[derive(Default)]
pub struct Canvas {
    pub camera: Camera,
    /// Where it was drawn last.
    pub rect: Option<Rect>,
    view: View,
    map: Map,
    gestures: Gestures,
    /// Nodes that were raised, last on top.
    raised: Vec<String>,
}

/// What drawing the nodes needs and leaves behind.
#[derive(Debug, Default)]
pub struct Frame {
    pub zoom: f32,
    pub drawing: Drawing,
    /// In the order in which they were drawn: later ones lie on top.
    pub drawn: IndexMap<String, Drawn>,
    /// Heights at zoom 1 of nodes that are drawn without their rows.
    pub heights: HashMap<String, f32>,
    /// The node whose title was clicked.
    pub clicked: Option<String>,
    pub actions: Vec<Action>,
}

impl Frame {
    /// Whether values are too small to be read.
    pub fn is_far(&self) -> bool {
        self.zoom < node::FAR
    }
}

/// What the canvas asks for beside edits.
#[derive(Debug, Default)]
pub struct Asked {
    pub actions: Vec<Action>,
    /// Open the palette here, with this wire.
    pub palette: Option<(Pos2, Option<Wire>)>,
    /// A file out of the side panel that was let go here, and the node under it.
    pub file: Option<(Pos2, Option<String>, Arc<Carried>)>,
    /// A refused wire, in words.
    pub refusal: Option<String>,
    /// No gesture goes on: the next edit is a step of its own.
    pub is_settled: bool,
}

impl Canvas {
    /// Draws the graph over all that `ui` has.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene) -> Asked {
        let rect = ui.max_rect();
        self.rect = Some(rect);
        let theme = Theme::of(ui);
        ui.painter().rect_filled(rect, 0.0, theme.canvas);
        self.map.learn(scene);
        self.raised.retain(|id| self.map.get(id).is_some());
        self.gestures.navigate(ui, rect, &mut self.camera);
        camera::dots(ui.painter(), rect, self.camera, theme.grid);
        let wires = ui.painter().add(Shape::Noop);
        scene.frame = Frame { zoom: self.camera.zoom, ..Frame::default() };
        let nodes = self.in_sight(ui.ctx(), rect);
        if scene.frame.is_far() {
            let height = |id: &String| self.map.get(id).map(|node| (id.clone(), node.rect().height()));
            scene.frame.heights = nodes.iter().filter_map(|(id, _)| height(id)).collect();
        }
        let can_edit = !self.gestures.is_panning();
        let did = self.view.draw(ui, scene, &nodes, &mut self.camera, can_edit);
        if !scene.frame.is_far() {
            self.map.measure(&scene.frame.drawn, scene.frame.zoom);
        }
        let shapes = self.wires(ui, scene, theme, rect);
        ui.painter().set(wires, Shape::Vec(shapes));
        self.paint_ports(ui, scene, theme);
        let mut asked = self.answer(ui, scene, rect, did);
        asked.file = self.carried(ui, scene, rect);
        asked.actions.append(&mut scene.frame.actions);
        asked.is_settled = !ui.ctx().input(|input| input.pointer.any_down()) && !ui.ctx().egui_wants_keyboard_input();
        asked
    }

    /// Gives nodes without a place one; true where there is something new to see.
    pub fn arrange(&mut self, scene: &mut Scene) -> bool {
        self.map.arrange(scene)
    }

    /// Shows these nodes, or all where there are none; nothing smaller than `smallest`, even where not all of it fits.
    pub fn fit(&mut self, scene: &Scene, nodes: &[String], smallest: f32) {
        let Some(rect) = self.rect else { return };
        self.map.learn(scene);
        let bounds = match nodes {
            [] => self.map.bounds(self.map.iter()),
            nodes => self.map.bounds(nodes.iter().filter_map(|id| self.map.get(id))),
        };
        self.camera.fit(rect, bounds, smallest..=1.0);
    }

    /// The nodes that have to be drawn, lowest first: those in sight, and the one whose wire hangs on the pointer.
    fn in_sight(&self, ctx: &egui::Context, rect: Rect) -> Vec<(String, Ports)> {
        let visible = self.camera.visible(rect).expand(40.0);
        let held = self.view.wire().map(|port| port.node);
        // A value that is being typed stays with its node.
        let typing = ctx.text_edit_focused();
        let is_seen = |node: &&Placed| {
            visible.intersects(node.rect())
                || held.as_ref() == Some(&node.id)
                || self.gestures.moving() == Some(&node.id)
                || typing && self.view.shows(&node.id)
        };
        let height = |id: &String| self.raised.iter().position(|raised| raised == id).map_or(0, |place| place + 1);
        let mut nodes: Vec<(usize, &Placed)> =
            self.map.iter().filter(is_seen).map(|node| (height(&node.id), node)).collect();
        nodes.sort_by_key(|(height, _)| *height);
        // Far away a node is its title.
        let ports = |node: &Placed| if self.camera.zoom < node::FAR { Ports::default() } else { node.ports.clone() };
        nodes.into_iter().map(|(_, node)| (node.id.clone(), ports(node))).collect()
    }

    /// Where a port is on the screen, drawn or not.
    fn port_at(&self, scene: &Scene, rect: Rect, node: &Placed, port: &Port) -> Pos2 {
        let drawn =
            scene.frame.drawn.get(&node.id).and_then(|drawn| drawn.ports.iter().find(|(known, _)| known == port));
        drawn.map_or_else(|| self.camera.to_screen(rect, node.port(port).into()), |(_, at)| *at)
    }

    fn wires(&self, ui: &Ui, scene: &Scene, theme: &Theme, rect: Rect) -> Vec<Shape> {
        let zoom = self.camera.zoom;
        let visible = self.camera.visible(rect);
        let mut shapes = Vec::new();
        let hovered = ui.ctx().pointer_hover_pos();
        for link in &self.map.links {
            let (from, to) = (self.map.at(link.from), self.map.at(link.to));
            if !visible.intersects(from.rect().union(to.rect())) {
                continue;
            }
            let start = self.port_at(scene, rect, from, &link.output);
            let end = self.port_at(scene, rect, to, &link.input);
            let is_chosen = scene.selection.contains(&to.id) || scene.selection.contains(&from.id);
            let is_near = |at: Pos2| at.distance(end).min(at.distance(start)) < view::reach(zoom);
            let is_lit = is_chosen || hovered.is_some_and(is_near);
            let (width, strength) = if is_lit { (3.0, 1.0) } else { (2.2, 0.8) };
            let color = theme.kind(&link.kind).gamma_multiply(strength);
            shapes.push(wire::wire(start, end, zoom, (width * zoom).max(1.0), color));
        }
        if let (Some(port), Some(at)) = (self.view.wire(), hovered)
            && let Some(node) = self.map.get(&port.node)
        {
            let start = self.port_at(scene, rect, node, &port);
            let (from, to) = if port.is_output { (start, at) } else { (at, start) };
            shapes.push(wire::wire(from, to, zoom, 3.0 * zoom, theme.kind(scene.kind(&port).unwrap_or("*"))));
        }
        shapes
    }

    /// Ports over the crate's, with their names for those who do not see them. While a wire hangs on the pointer, only
    /// those where it fits are lit.
    fn paint_ports(&self, ui: &Ui, scene: &Scene, theme: &Theme) {
        let zoom = self.camera.zoom;
        let held = self.view.wire();
        let pointer = ui.ctx().pointer_hover_pos();
        let blocked = held.as_ref().map(|held| scene.blocked(held)).unwrap_or_default();
        for (index, drawn) in scene.frame.drawn.values().enumerate() {
            for (port, at) in &drawn.ports {
                if scene.frame.drawn.values().skip(index + 1).any(|above| above.rect.contains(*at)) {
                    continue;
                }
                let Some(kind) = scene.kind(port) else { continue };
                let fits = held
                    .as_ref()
                    .is_none_or(|held| held == port || !blocked.contains(&port.node) && scene.kinds_fit(held, port));
                let color = if fits { theme.kind(kind) } else { theme.line };
                let is_near = pointer.is_some_and(|pointer| pointer.distance(*at) < view::reach(zoom));
                let radius = if is_near && fits { 6.5 } else { 5.0 } * zoom;
                let is_linked = if port.is_output {
                    self.map.get(&port.node).is_some_and(|node| node.is_used(&port.name))
                } else {
                    scene.link(&port.node, &port.name).is_some()
                };
                // A value that has no link is seldom given one: its port stays in the background.
                let is_quiet = !is_linked && !is_near && held.is_none() && self.is_value(scene, port);
                let (radius, line, color) =
                    if is_quiet { (3.5 * zoom, 1.5, color.gamma_multiply(0.6)) } else { (radius, 2.0, color) };
                let fill = if is_linked || is_near { color } else { theme.raised };
                if !is_linked {
                    // A wire that passes below is not one that ends here.
                    ui.painter().circle_filled(*at, radius + 3.0 * zoom, theme.canvas);
                }
                ui.painter().circle(*at, radius, fill, Stroke::new(line * zoom, color));
                let side = Vec2::splat(2.0 * view::reach(zoom));
                let way = if port.is_output { "output" } else { "input" };
                let response =
                    ui.interact(Rect::from_center_size(*at, side), ui.id().with(("port", port)), Sense::hover());
                response.widget_info(|| {
                    WidgetInfo::labeled(WidgetType::Other, true, format!("{way} {}.{}", port.node, port.name))
                });
            }
        }
    }

    /// Whether a port stands beside a value's widget.
    fn is_value(&self, scene: &Scene, port: &Port) -> bool {
        let spec = scene.spec(&port.node).filter(|_| !port.is_output);
        let input = spec.and_then(|spec| spec.inputs.iter().find(|input| input.name == port.name));
        input.is_some_and(|input| !matches!(input.kind, InputKind::Link(_)))
    }

    /// What the user did, as edits.
    fn answer(&mut self, ui: &Ui, scene: &mut Scene, rect: Rect, did: view::Did) -> Asked {
        let mut asked = Asked::default();
        let (pointer, modifiers) = ui.ctx().input(|input| (input.pointer.latest_pos(), input.modifiers));
        let adds = modifiers.command || modifiers.shift;
        if let Some(id) = did.clicked.or(scene.frame.clicked.take()) {
            self.raise(&id);
            if adds {
                if !scene.selection.shift_remove(&id) {
                    scene.selection.insert(id);
                }
            } else {
                scene.selection = [id].into();
            }
        }
        if let Some((id, delta)) = did.moved {
            if !scene.selection.contains(&id) {
                scene.selection = [id.clone()].into();
            }
            self.raise(&id);
            self.gestures.begin_move(&id);
            let delta = delta / self.camera.zoom;
            let to = |id: &String| {
                let [x, y] = scene.document.position(id);
                (id.clone(), [x + delta.x, y + delta.y])
            };
            asked.actions.push(Action::Edit(Edit::Move(scene.selection.iter().map(to).collect())));
        }
        if let Some(boxed) = did.boxed {
            if !adds {
                scene.selection.clear();
            }
            scene.selection.extend(boxed);
        }
        if let Some(began) = did.began {
            self.begin_wire(scene, &began, &mut asked);
        }
        if let (Some(port), Some(at)) = (did.dropped, pointer) {
            self.drop_wire(ui, scene, rect, &port, at, &mut asked);
        }
        if let Some(at) = self.gestures.canvas_clicked(ui, rect, |at| self.node_at(scene, at).is_some()) {
            match at {
                gestures::Click::Single(_) if !adds => scene.selection.clear(),
                gestures::Click::Single(_) => {}
                gestures::Click::Double(at) | gestures::Click::Secondary(at) => asked.palette = Some((at, None)),
            }
        }
        asked
    }

    /// Lights the node that would take the file on the pointer; gives the file where it is let go.
    fn carried(&self, ui: &Ui, scene: &Scene, rect: Rect) -> Option<(Pos2, Option<String>, Arc<Carried>)> {
        let ctx = ui.ctx();
        let carried = DragAndDrop::payload::<Carried>(ctx)?;
        let at = ctx.pointer_latest_pos().filter(|at| rect.contains(*at))?;
        let node = self.node_at(scene, at).filter(|id| scene.gives(id, &carried).is_some());
        if let Some(drawn) = node.as_ref().and_then(|id| scene.frame.drawn.get(id)) {
            let stroke = Stroke::new(2.5 * self.camera.zoom.max(0.5), Theme::of(ui).accent);
            ui.painter().rect_stroke(drawn.rect, body::corner(self.camera.zoom), stroke, StrokeKind::Outside);
        }
        let is_dropped = ctx.input(|input| input.pointer.any_released());
        is_dropped.then(|| DragAndDrop::clear_payload(ctx)).map(|()| (at, node, carried))
    }

    fn raise(&mut self, id: &str) {
        self.raised.retain(|raised| raised != id);
        self.raised.push(id.to_owned());
    }

    /// A wire that is pulled off an input is cut there, and its other end hangs on the pointer.
    fn begin_wire(&mut self, scene: &Scene, began: &Port, asked: &mut Asked) {
        if began.is_output {
            return;
        }
        let Some(link) = scene.link(&began.node, &began.name) else { return };
        let source = Port { node: link.node.clone(), name: link.output.clone(), is_output: true };
        self.gestures.is_rewiring = true;
        let cut = Edit::Disconnect { node: began.node.clone(), input: began.name.clone() };
        asked.actions.push(Action::Edit(cut));
        if scene.frame.drawn.contains_key(&source.node) {
            self.view.hold(Some(&source));
        }
    }

    fn drop_wire(&mut self, ui: &Ui, scene: &Scene, rect: Rect, held: &Port, at: Pos2, asked: &mut Asked) {
        let was_rewiring = std::mem::take(&mut self.gestures.is_rewiring);
        if let Some(target) = self.target(scene, held, at) {
            match scene.refusal(held, &target) {
                None => asked.actions.push(Action::Edit(connect(held, &target))),
                Some(why) => asked.refusal = Some(why),
            }
            return;
        }
        let is_on_canvas = rect.contains(at) && ui.ctx().layer_id_at(at) == Some(ui.layer_id());
        if self.node_at(scene, at).is_some() {
            let kind = scene.kind(held).unwrap_or("*");
            asked.refusal = Some(format!("nothing on this node fits {kind}"));
        } else if is_on_canvas && !was_rewiring {
            let kind = scene.kind(held).unwrap_or("*").to_owned();
            let (node, name) = (held.node.clone(), held.name.clone());
            let wire = if held.is_output {
                Wire::From { link: Link { node, output: name }, kind }
            } else {
                Wire::Into { node, input: name, kind }
            };
            asked.palette = Some((at, Some(wire)));
        }
    }

    /// The port that is meant: the one at the pointer, that of the row, or the first on the node where the wire fits.
    fn target(&self, scene: &Scene, held: &Port, at: Pos2) -> Option<Port> {
        let zoom = self.camera.zoom;
        let ports = || scene.frame.drawn.values().flat_map(|drawn| &drawn.ports).filter(|(port, _)| port != held);
        let near = ports()
            .filter(|(_, place)| place.distance(at) < 1.6 * view::reach(zoom))
            .min_by(|a, b| a.1.distance(at).total_cmp(&b.1.distance(at)));
        if let Some((port, _)) = near {
            return Some(port.clone());
        }
        let id = self.node_at(scene, at)?;
        let drawn = scene.frame.drawn.get(&id)?;
        let row = drawn
            .ports
            .iter()
            .filter(|(port, _)| port.is_output != held.is_output)
            .find(|(_, place)| (place.y - at.y).abs() < 11.0 * zoom);
        let fits = |(port, _): &&(Port, Pos2)| scene.refusal(held, port).is_none();
        let free = |(port, _): &&(Port, Pos2)| port.is_output || scene.link(&port.node, &port.name).is_none();
        let first = || drawn.ports.iter().filter(fits).find(free).or_else(|| drawn.ports.iter().find(fits));
        row.or_else(first).map(|(port, _)| port.clone())
    }

    fn node_at(&self, scene: &Scene, at: Pos2) -> Option<String> {
        scene.frame.drawn.iter().rev().find(|(_, drawn)| drawn.rect.contains(at)).map(|(id, _)| id.clone())
    }
}

/// The edit that links two ports, one of which is an output.
pub fn connect(one: &Port, other: &Port) -> Edit {
    let (output, input) = if one.is_output { (one, other) } else { (other, one) };
    let from = Link { node: output.node.clone(), output: output.name.clone() };
    Edit::Connect { from, node: input.node.clone(), input: input.name.clone() }
}

/// Where the middle of the canvas is on the graph.
pub fn middle(canvas: &Canvas) -> [f32; 2] {
    let rect = canvas.rect.unwrap_or(Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 600.0)));
    canvas.camera.to_graph(rect, rect.center())
}
