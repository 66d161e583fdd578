//! Wires: curves from output to input.

use egui::epaint::CubicBezierShape;
use egui::{Color32, Pos2, Shape, Stroke, vec2};

/// From an output at `from` to an input at `to`.
pub fn wire(from: Pos2, to: Pos2, zoom: f32, width: f32, color: Color32) -> Shape {
    let (across, down) = (to.x - from.x, (to.y - from.y).abs());
    // Backwards it swings out around the nodes.
    let reach = if across >= 0.0 {
        (across / 2.0).max(36.0 * zoom).min(180.0 * zoom + down * 0.2)
    } else {
        (across.abs() * 0.45).clamp(50.0 * zoom, 220.0 * zoom)
    };
    let points = [from, from + vec2(reach, 0.0), to - vec2(reach, 0.0), to];
    CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, Stroke::new(width, color)).into()
}
