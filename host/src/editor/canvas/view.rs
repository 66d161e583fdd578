//! The one file that names the node-graph crate. The crate lays out, drags and wires the nodes that are in sight; it
//! owns nothing. Every frame the document is projected into it, and what the user did comes out as [`Did`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, Shape, Style, Ui, Vec2, pos2};
use egui_node_graph::{
    AnyParameterId, DataTypeTrait, Graph, GraphEditorOptions, GraphEditorState, InputParamKind, NodeDataTrait, NodeId,
    NodeOrientation, NodeResponse, NodeTemplateIter, NodeTemplateTrait, UserResponseTrait, WidgetValueTrait,
};

use super::{Camera, node};
use crate::editor::scene::{Port, Scene};

/// The crate's state, and which of its nodes is which of ours.
pub struct View {
    state: GraphEditorState<Shown, Kind, Slot, NoTemplate, Scene>,
    nodes: HashMap<String, Projected>,
    style: Arc<Style>,
    styled_for: (Option<Arc<Style>>, f32),
}

struct Projected {
    id: NodeId,
    ports: Ports,
    seen: u64,
}

/// What a node is drawn with: a change of it draws the node anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ports {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// What the user did to nodes and wires in a frame.
#[derive(Debug, Default)]
pub struct Did {
    /// The node that is dragged, and how far on the screen.
    pub moved: Option<(String, Vec2)>,
    /// The node that was clicked.
    pub clicked: Option<String>,
    /// The port from which a wire began.
    pub began: Option<Port>,
    /// The port whose wire was let go.
    pub dropped: Option<Port>,
    /// The nodes in the box that is being drawn.
    pub boxed: Option<Vec<String>>,
}

impl Default for View {
    fn default() -> Self {
        let mut state = GraphEditorState::new(1.0);
        // The camera does what the crate would do here for the first time.
        state.pan_zoom.started = true;
        Self { state, nodes: HashMap::new(), style: Arc::default(), styled_for: (None, 0.0) }
    }
}

impl View {
    /// Draws `nodes`, in this order, each with its ports, and says what was done to them.
    pub fn draw(
        &mut self,
        ui: &mut Ui,
        scene: &mut Scene,
        nodes: &[(String, Ports)],
        camera: &mut Camera,
        can_edit: bool,
    ) -> Did {
        self.project(scene, nodes, camera.zoom);
        self.scale(ui, camera.zoom);
        self.state.pan_zoom.pan = camera.offset;
        let held = self.wire();
        let first = ui.painter().add(Shape::Noop);
        let options = GraphEditorOptions { interactions_enabled: can_edit };
        let before = Arc::clone(ui.style());
        let response = self.state.draw_graph_editor_with_options(ui, NoTemplates, scene, Vec::new(), options);
        ui.set_style(before);
        camera.offset = self.state.pan_zoom.pan;
        // Its search is not ours.
        self.state.node_finder = None;
        let mut did = Did::default();
        for response in response.node_responses {
            match response {
                NodeResponse::MoveNode { node, drag_delta } => did.moved = self.name(node).map(|id| (id, drag_delta)),
                NodeResponse::SelectNode(node) => did.clicked = self.name(node),
                NodeResponse::ConnectEventStarted(_, port) => did.began = self.port(port),
                _ => {}
            }
        }
        if held.is_some() && self.state.connection_in_progress.is_none() {
            did.dropped = held;
        }
        if self.state.ongoing_box_selection.is_some() {
            did.boxed = Some(self.state.selected_nodes.iter().filter_map(|id| self.name(*id)).collect());
        }
        take_out(ui, first.0);
        did
    }

    /// The port whose wire hangs on the pointer.
    pub fn wire(&self) -> Option<Port> {
        self.port(self.state.connection_in_progress?.1)
    }

    /// Whether the node was drawn in the last frame.
    pub fn shows(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    /// Lets the wire of another port hang on the pointer.
    pub fn hold(&mut self, port: Option<&Port>) {
        self.state.connection_in_progress = port.and_then(|port| {
            let projected = self.nodes.get(&port.node)?;
            let node = &self.state.graph[projected.id];
            let id = if port.is_output {
                AnyParameterId::Output(node.get_output(&port.name).ok()?)
            } else {
                AnyParameterId::Input(node.get_input(&port.name).ok()?)
            };
            Some((projected.id, id))
        });
    }

    /// Makes the crate's graph the one in sight. What stays keeps its identity, and with it focus and drags.
    fn project(&mut self, scene: &Scene, nodes: &[(String, Ports)], zoom: f32) {
        let turn = self.nodes.values().map(|node| node.seen).max().unwrap_or(0) + 1;
        let held = self.wire();
        self.state.node_order.clear();
        for (name, ports) in nodes {
            if self.nodes.get(name).is_none_or(|known| known.ports != *ports) {
                self.remove(name);
                let id = self.add(scene, name, ports);
                self.nodes.insert(name.clone(), Projected { id, ports: ports.clone(), seen: turn });
            }
            let Some(projected) = self.nodes.get_mut(name) else { continue };
            projected.seen = turn;
            let [x, y] = scene.document.position(name);
            self.state.node_positions.insert(projected.id, pos2(x, y) * zoom);
            self.state.node_order.push(projected.id);
        }
        let gone: Vec<String> =
            self.nodes.iter().filter(|(_, node)| node.seen != turn).map(|(name, _)| name.clone()).collect();
        gone.iter().for_each(|name| self.remove(name));
        // A node that was drawn anew took its wire along.
        if held != self.wire() {
            self.hold(held.as_ref());
        }
        self.state.selected_nodes.retain(|id| self.state.graph.nodes.contains_key(*id));
    }

    fn add(&mut self, scene: &Scene, name: &str, ports: &Ports) -> NodeId {
        let shown = Shown { name: name.to_owned() };
        let kind = |name: &str, is_output| {
            let port = Port { node: shown.name.clone(), name: name.to_owned(), is_output };
            scene.kind(&port).map(str::to_owned)
        };
        let id = self.state.graph.add_node(String::new(), shown.clone(), |_, _| {});
        for input in &ports.inputs {
            let kind = kind(input, false);
            let takes =
                if kind.is_some() { InputParamKind::ConnectionOrConstant } else { InputParamKind::ConstantOnly };
            let kind = Kind(kind.unwrap_or_default());
            self.state.graph.add_input_param(id, input.clone(), kind, Slot, takes, true);
        }
        for output in &ports.outputs {
            let kind = Kind(kind(output, true).unwrap_or_default());
            self.state.graph.add_output_param(id, output.clone(), kind);
        }
        self.state.node_orientations.insert(id, NodeOrientation::LeftToRight);
        id
    }

    fn remove(&mut self, name: &str) {
        let Some(node) = self.nodes.remove(name) else { return };
        if self.state.connection_in_progress.is_some_and(|(held, _)| held == node.id) {
            self.state.connection_in_progress = None;
        }
        self.state.graph.remove_node(node.id);
        self.state.node_positions.remove(node.id);
        self.state.node_orientations.remove(node.id);
        self.state.selected_nodes.retain(|id| *id != node.id);
    }

    /// The style at this zoom. The crate's own scaling rounds margins and corners to whole factors.
    fn scale(&mut self, ui: &Ui, zoom: f32) {
        let current = ui.style();
        let is_known = self.styled_for.0.as_ref().is_some_and(|known| Arc::ptr_eq(known, current));
        if !is_known || self.styled_for.1 != zoom {
            self.style = Arc::new(scaled(current, zoom));
            self.styled_for = (Some(Arc::clone(current)), zoom);
        }
        self.state.pan_zoom.zoomed_style = Arc::clone(&self.style);
        self.state.pan_zoom.zoom = zoom;
    }

    fn name(&self, id: NodeId) -> Option<String> {
        self.state.graph.nodes.get(id).map(|node| node.user_data.name.clone())
    }

    fn port(&self, id: AnyParameterId) -> Option<Port> {
        let graph = &self.state.graph;
        let (node, is_output) = match id {
            AnyParameterId::Input(id) => (graph.try_get_input(id)?.node, false),
            AnyParameterId::Output(id) => (graph.try_get_output(id)?.node, true),
        };
        let node = graph.nodes.get(node)?;
        let name = match id {
            AnyParameterId::Input(id) => node.inputs.iter().find(|(_, known)| *known == id)?.0.clone(),
            AnyParameterId::Output(id) => node.outputs.iter().find(|(_, known)| *known == id)?.0.clone(),
        };
        Some(Port { node: node.user_data.name.clone(), name, is_output })
    }
}

/// The canvas paints bodies and wires its own way: those that the crate painted go. A body is a list of three
/// rectangles, with its outline before it.
fn take_out(ui: &Ui, first: usize) {
    ui.ctx().graphics_mut(|graphics| {
        let list = graphics.entry(ui.layer_id());
        let is_body =
            |shapes: &[Shape]| shapes.len() == 3 && shapes.iter().all(|shape| matches!(shape, Shape::Rect(_)));
        let mut out = Vec::new();
        for (index, entry) in list.all_entries().enumerate().skip(first) {
            match &entry.shape {
                Shape::CubicBezier(_) => out.push(index),
                Shape::Vec(shapes) if is_body(shapes) => out.extend([index - 1, index]),
                _ => {}
            }
        }
        out.into_iter().for_each(|index| list.reset_shape(egui::layers::ShapeIdx(index)));
    });
}

fn scaled(style: &Style, zoom: f32) -> Style {
    let mut style = style.clone();
    for text in style.text_styles.values_mut() {
        text.size *= zoom;
    }
    let spacing = &mut style.spacing;
    for size in [&mut spacing.item_spacing, &mut spacing.button_padding, &mut spacing.interact_size] {
        *size *= zoom;
    }
    for length in [
        &mut spacing.indent,
        &mut spacing.slider_width,
        &mut spacing.text_edit_width,
        &mut spacing.combo_width,
        &mut spacing.icon_width,
        &mut spacing.icon_width_inner,
        &mut spacing.icon_spacing,
        &mut spacing.scroll.bar_width,
    ] {
        *length *= zoom;
    }
    spacing.menu_margin *= zoom;
    let visuals = &mut style.visuals;
    let widgets = &mut visuals.widgets;
    for widget in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        widget.corner_radius *= zoom;
        widget.bg_stroke.width *= zoom.min(1.0);
        widget.fg_stroke.width *= zoom;
    }
    visuals.clip_rect_margin *= zoom;
    style
}

/// A node as the crate keeps it: our name for it.
#[derive(Debug, Clone)]
struct Shown {
    name: String,
}

/// A kind of link. Which may go where is the scene's to say, when the wire is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind(String);

/// Values live in the document.
#[derive(Debug, Clone, Default)]
struct Slot;

#[derive(Debug, Clone)]
enum Nothing {}

impl UserResponseTrait for Nothing {}

impl DataTypeTrait<Scene> for Kind {
    fn data_type_color(&self, _: &mut Scene) -> Color32 {
        // The canvas paints ports over the crate's.
        Color32::TRANSPARENT
    }

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl WidgetValueTrait for Slot {
    type Response = Nothing;
    type UserState = Scene;
    type NodeData = Shown;

    fn value_widget(&mut self, name: &str, _: NodeId, ui: &mut Ui, scene: &mut Scene, node: &Shown) -> Vec<Nothing> {
        node::input(ui, scene, &node.name, name);
        Vec::new()
    }
}

impl NodeDataTrait for Shown {
    type Response = Nothing;
    type UserState = Scene;
    type DataType = Kind;
    type ValueType = Slot;

    fn top_bar_ui(
        &self,
        ui: &mut Ui,
        _: NodeId,
        _: &Graph<Self, Kind, Slot>,
        scene: &mut Scene,
    ) -> Vec<NodeResponse<Nothing, Self>> {
        node::title(ui, scene, &self.name);
        Vec::new()
    }

    fn output_ui(
        &self,
        ui: &mut Ui,
        _: NodeId,
        _: &Graph<Self, Kind, Slot>,
        scene: &mut Scene,
        name: &str,
    ) -> Vec<NodeResponse<Nothing, Self>> {
        node::output(ui, scene, &self.name, name);
        Vec::new()
    }

    fn bottom_ui(
        &self,
        ui: &mut Ui,
        _: NodeId,
        _: &Graph<Self, Kind, Slot>,
        scene: &mut Scene,
    ) -> Vec<NodeResponse<Nothing, Self>> {
        node::bottom(ui, scene, &self.name);
        Vec::new()
    }

    fn can_delete(&self, _: NodeId, _: &Graph<Self, Kind, Slot>, _: &mut Scene) -> bool {
        false
    }

    fn can_flip(&self, _: NodeId, _: &Graph<Self, Kind, Slot>, _: &mut Scene) -> bool {
        false
    }
}

/// The crate's search has nothing to offer: the palette does that.
#[derive(Debug, Clone)]
struct NoTemplate;

struct NoTemplates;

impl NodeTemplateIter for NoTemplates {
    type Item = NoTemplate;

    fn all_kinds(&self) -> Vec<NoTemplate> {
        Vec::new()
    }
}

impl NodeTemplateTrait for NoTemplate {
    type NodeData = Shown;
    type DataType = Kind;
    type ValueType = Slot;
    type UserState = Scene;
    type CategoryType = ();

    fn node_finder_label(&self, _: &mut Scene) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn node_graph_label(&self, _: &mut Scene) -> String {
        String::new()
    }

    fn user_data(&self, _: &mut Scene) -> Shown {
        Shown { name: String::new() }
    }

    fn build_node(&self, _: &mut Graph<Shown, Kind, Slot>, _: &mut Scene, _: NodeId) {}
}

/// Where the crate puts a node's outer rectangle around what is drawn in it: its margin at this zoom.
pub fn margin(zoom: f32) -> Vec2 {
    egui::vec2(15.0, 5.0) * zoom
}

/// Within this distance of a port the crate begins a wire there.
pub fn reach(zoom: f32) -> f32 {
    10.0 * zoom
}

/// The width that the crate adds to the title row for buttons which are not there.
pub fn title_rest(ui: &Ui, zoom: f32) -> f32 {
    20.0 * zoom + ui.spacing().item_spacing.x
}
