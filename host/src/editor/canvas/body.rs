//! The look of a node's body: shadow, fill, title, progress and border.

use egui::{Color32, CornerRadius, Rect, Shape, Stroke, StrokeKind, pos2, vec2};
use plugin_api::InputKind;

use crate::editor::scene::Scene;
use crate::editor::theme::{self, Theme};
use crate::queue::NodeState;

pub fn corner(zoom: f32) -> CornerRadius {
    CornerRadius::same((f32::from(theme::RADIUS) * zoom).round() as u8)
}

/// Shadow, body, title and border.
pub fn shapes(scene: &Scene, theme: &Theme, id: &str, rect: Rect, title_bottom: f32) -> Vec<Shape> {
    let zoom = scene.frame.zoom;
    let radius = corner(zoom);
    let stripe = stripe(scene, theme, id);
    let mut shapes = Vec::with_capacity(6);
    if !scene.frame.is_far() {
        let shadow =
            egui::Shadow { offset: [0, (4.0 * zoom) as i8], blur: (16.0 * zoom) as u8, spread: 0, color: theme.shadow };
        shapes.push(shadow.as_shape(rect, radius).into());
    }
    shapes.push(Shape::rect_filled(rect, radius, theme.raised));
    let title = Rect::from_min_max(rect.min, pos2(rect.right(), title_bottom));
    let top = CornerRadius { sw: 0, se: 0, ..radius };
    shapes.push(Shape::rect_filled(
        title,
        top,
        theme.raised.lerp_to_gamma(stripe, if theme.is_dark { 0.2 } else { 0.16 }),
    ));
    shapes.push(Shape::hline(title.x_range(), title_bottom, Stroke::new(zoom, theme.line)));
    if let Some(done) = scene.states.get(id).and_then(progress) {
        let bar = Rect::from_min_size(
            pos2(rect.left(), title_bottom - 1.5 * zoom),
            vec2(rect.width() * done.clamp(0.0, 1.0), 3.0 * zoom),
        );
        shapes.push(Shape::rect_filled(bar, 0.0, theme.accent));
    }
    let state = scene.states.get(id);
    let (width, color) = match state {
        _ if scene.selection.contains(id) => (2.0, theme.accent),
        Some(NodeState::Failed(_)) => (1.6, theme.error),
        Some(NodeState::Running { .. } | NodeState::Loading { .. }) => (1.4, theme.accent),
        _ if scene.spec(id).is_none() => (1.4, theme.warning),
        _ if scene.problems.iter().any(|(node, _)| node.as_deref() == Some(id)) => (1.2, theme.warning),
        _ => (1.0, theme.line),
    };
    shapes.push(Shape::rect_stroke(rect, radius, Stroke::new(width * zoom.max(0.5), color), StrokeKind::Inside));
    shapes
}

/// The colour of what the node makes.
fn stripe(scene: &Scene, theme: &Theme, id: &str) -> Color32 {
    let spec = scene.spec(id);
    let kind = spec.and_then(|spec| {
        let output = spec.outputs.iter().map(|output| output.kind.as_str()).find(|kind| *kind != "TEXT");
        output.or_else(|| {
            spec.inputs
                .iter()
                .find_map(|input| if let InputKind::Link(kind) = &input.kind { Some(kind.as_str()) } else { None })
        })
    });
    kind.map_or(theme.warning, |kind| theme.kind(kind))
}

fn progress(state: &NodeState) -> Option<f32> {
    match state {
        NodeState::Loading { done, total } => Some(*done as f32 / (*total).max(1) as f32),
        NodeState::Running { done, total, .. } => Some(*done as f32 / (*total).max(1) as f32),
        _ => None,
    }
}
