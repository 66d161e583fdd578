//! A graph drawn small: its nodes and links, for templates that have no picture.

use std::collections::HashMap;

use egui::epaint::CubicBezierShape;
use egui::{Color32, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};

use crate::editor::theme::{NODE_WIDTH, SPACE, Theme};
use crate::graph::{Graph, Input, Node};

/// Nodes that are drawn; more would be a smear.
const SHOWN: usize = 200;
/// Largest scale, so that two nodes do not fill the card.
const LARGEST: f32 = 0.2;
/// How much taller than true to scale it may be: graphs are wide, and cards are not.
const TALLER: f32 = 1.8;

/// Draws the graph into `rect`.
pub fn miniature(ui: &Ui, rect: Rect, graph: &Graph) {
    let theme = Theme::of(ui);
    let nodes = places(graph);
    let Some(bounds) = nodes.iter().map(|(_, rect)| *rect).reduce(Rect::union) else { return };
    let room = rect.shrink(SPACE * 1.5).size();
    let across = (room.x / bounds.width()).min(room.y / bounds.height()).min(LARGEST);
    let scale = vec2(across, (room.y / bounds.height()).min(across * TALLER));
    let onto = |at: Pos2| rect.center() + (at - bounds.center()) * scale;
    let by_name: HashMap<&str, Rect> =
        nodes.iter().map(|(name, node)| (*name, Rect::from_min_max(onto(node.min), onto(node.max)))).collect();
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let mut colors = HashMap::new();
    for (name, node) in graph.nodes.iter().take(SHOWN) {
        let Some(to) = by_name.get(name.as_str()) else { continue };
        for (index, input) in node.inputs.values().enumerate() {
            let Input::Link(link) = input else { continue };
            let Some(from) = by_name.get(link.node.as_str()) else { continue };
            let share = (index as f32 + 1.0) / (node.inputs.len() as f32 + 1.0);
            let (start, end) = (from.right_center(), pos2(to.left(), to.top() + to.height() * share));
            let bend = vec2(((end.x - start.x).abs() * 0.5).max(4.0), 0.0);
            // Weft's nodes call an output what it gives, which is as near to its kind as one comes without a catalogue.
            let color = theme.kind(&link.output.to_uppercase());
            colors.entry(link.node.as_str()).or_insert(color);
            let points = [start, start + bend, end - bend, end];
            let stroke = Stroke::new(1.5, color);
            painter.add(CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, stroke));
        }
    }
    for (name, node) in &by_name {
        painter.rect(*node, 3, theme.raised, Stroke::new(1.0, theme.line), StrokeKind::Inside);
        let title = Rect::from_min_size(node.min, vec2(node.width(), 3.0));
        painter.rect_filled(title, 2, colors.get(name).copied().unwrap_or(theme.quiet));
    }
}

/// Where the nodes stand: as the file says, or in columns by how many links lead to them.
fn places(graph: &Graph) -> Vec<(&str, Rect)> {
    let editor = graph.other.get("editor").and_then(|text| ron::from_str::<ron::Value>(text).ok());
    let mut depths: HashMap<&str, usize> = HashMap::new();
    let mut columns: HashMap<usize, f32> = HashMap::new();
    let mut placed = Vec::new();
    for (name, node) in graph.nodes.iter().take(SHOWN) {
        let links = node.inputs.values().filter_map(|input| match input {
            Input::Link(link) => depths.get(link.node.as_str()),
            Input::Value(_) => None,
        });
        let depth = links.max().map_or(0, |depth| depth + 1);
        depths.insert(name, depth);
        let size = size(node);
        let column = columns.entry(depth).or_default();
        let free = pos2(depth as f32 * NODE_WIDTH * 1.3, *column);
        *column += size.y + 40.0;
        let at = editor.as_ref().and_then(|editor| field(editor, name)).and_then(place).unwrap_or(free);
        placed.push((name.as_str(), Rect::from_min_size(at, size)));
    }
    placed
}

/// About what the node measures on the canvas.
fn size(node: &Node) -> Vec2 {
    vec2(NODE_WIDTH, 60.0 + 28.0 * node.inputs.len().clamp(1, 12) as f32)
}

fn field<'a>(value: &'a ron::Value, name: &str) -> Option<&'a ron::Value> {
    let ron::Value::Map(map) = value else { return None };
    map.iter().find(|(key, _)| matches!(key, ron::Value::String(key) if key == name)).map(|(_, value)| value)
}

/// Two numbers, or the first two numbers among the fields of a record.
fn place(value: &ron::Value) -> Option<Pos2> {
    match value {
        ron::Value::Seq(pair) => match pair.as_slice() {
            [ron::Value::Number(x), ron::Value::Number(y)] => {
                let at = pos2(x.into_f64() as f32, y.into_f64() as f32);
                // Beyond that nobody has put a node, and a stray one would make all others specks.
                (at.is_finite() && at.x.abs() < 1e5 && at.y.abs() < 1e5).then_some(at)
            }
            _ => None,
        },
        ron::Value::Map(map) => {
            map.iter().find_map(|(_, value)| matches!(value, ron::Value::Seq(_)).then(|| place(value)).flatten())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(editor: &str) -> Graph {
        let nodes =
            r#""a": (kind: "p/A"), "b": (kind: "p/B", inputs: { "x": Link("a.image"), "y": Link("gone.image") })"#;
        Graph::parse(&format!("Graph(format: 1, nodes: {{ {nodes} }}{editor})"), "test").unwrap()
    }

    #[test]
    fn nodes_stand_where_the_file_says() {
        for editor in [
            r#", editor: { "a": (-10, 20.5), "b": (300, 40) }"#,
            r#", editor: { "a": (at: (-10, 20.5), open: false), "b": (at: (300, 40)) }"#,
        ] {
            let graph = graph(editor);
            let places = places(&graph);
            assert_eq!(places[0].1.min, pos2(-10.0, 20.5), "{editor}");
            assert_eq!(places[1].1.min, pos2(300.0, 40.0), "{editor}");
        }
    }

    #[test]
    fn without_places_links_lead_to_the_right() {
        for editor in ["", ", editor: 7", r#", editor: { "a": (NaN, 0), "b": (1e30, 0) }"#, r#", editor: { "b": "x" }"#]
        {
            let graph = graph(editor);
            let places = places(&graph);
            assert!(places[1].1.left() > places[0].1.right(), "{editor}");
        }
    }
}
