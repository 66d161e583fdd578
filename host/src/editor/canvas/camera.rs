//! Where on the graph the canvas looks.

use std::ops::RangeInclusive;

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::document::Point;

/// The graph's points times `zoom`, plus `offset` from the canvas's corner, are points of the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    pub offset: Vec2,
    pub zoom: f32,
}

/// As far as the node-graph crate goes.
pub const ZOOM: RangeInclusive<f32> = 0.2..=2.0;

impl Default for Camera {
    fn default() -> Self {
        Self { offset: vec2(40.0, 40.0), zoom: 1.0 }
    }
}

impl Camera {
    pub fn to_screen(self, canvas: Rect, point: Point) -> Pos2 {
        canvas.min + self.offset + vec2(point[0], point[1]) * self.zoom
    }

    pub fn to_graph(self, canvas: Rect, at: Pos2) -> Point {
        ((at - canvas.min - self.offset) / self.zoom).into()
    }

    /// The part of the graph that the canvas shows.
    pub fn visible(self, canvas: Rect) -> Rect {
        let corner = |at: Pos2| Pos2::from(self.to_graph(canvas, at));
        Rect::from_min_max(corner(canvas.min), corner(canvas.max))
    }

    /// What lies under `at` stays there.
    pub fn zoom_at(&mut self, canvas: Rect, at: Pos2, factor: f32) {
        let zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let from_corner = at - canvas.min;
        self.offset = from_corner - (from_corner - self.offset) * (zoom / self.zoom);
        self.zoom = zoom;
    }

    /// Shows `bounds` whole, at a zoom within `sizes`; where that is too large, what begins at its corner.
    pub fn fit(&mut self, canvas: Rect, bounds: Rect, sizes: RangeInclusive<f32>) {
        if !bounds.is_finite() || canvas.width() <= 0.0 || canvas.height() <= 0.0 {
            return;
        }
        const MARGIN: f32 = 28.0;
        let room = (canvas.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
        let zoom = (room / bounds.size().max(Vec2::splat(1.0))).min_elem();
        self.zoom = zoom.clamp(*sizes.start(), *sizes.end()).clamp(*ZOOM.start(), *ZOOM.end());
        self.center(canvas, bounds.center());
        // A little above the middle: pictures will come below.
        self.offset.y = self.offset.y.min(2.0 * MARGIN - bounds.min.y * self.zoom);
        // What does not fit even so begins at its corner.
        let scaled = bounds.size() * self.zoom;
        if scaled.x > canvas.width() {
            self.offset.x = MARGIN - bounds.min.x * self.zoom;
        }
        if scaled.y > canvas.height() {
            self.offset.y = MARGIN - bounds.min.y * self.zoom;
        }
    }

    pub fn center(&mut self, canvas: Rect, at: Pos2) {
        self.offset = canvas.size() / 2.0 - at.to_vec2() * self.zoom;
    }
}

/// The dots of the canvas: one every 24 points, fewer where they would crowd.
pub fn dots(painter: &egui::Painter, canvas: Rect, camera: Camera, color: egui::Color32) {
    let mut step = 24.0 * camera.zoom;
    while step < 20.0 {
        step *= 2.0;
    }
    let first = pos2(canvas.min.x + camera.offset.x.rem_euclid(step), canvas.min.y + camera.offset.y.rem_euclid(step));
    let radius = (0.9 * camera.zoom).clamp(0.6, 1.4);
    let mut mesh = egui::Mesh::default();
    let (columns, rows) = ((canvas.width() / step) as u32 + 1, (canvas.height() / step) as u32 + 1);
    for index in 0..columns * rows {
        let at = first + vec2((index % columns) as f32, (index / columns) as f32) * step;
        mesh.add_colored_rect(Rect::from_center_size(at, Vec2::splat(2.0 * radius)), color);
    }
    painter.add(mesh);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Rect = Rect { min: pos2(100.0, 50.0), max: pos2(1100.0, 650.0) };

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut camera = Camera::default();
        let at = pos2(400.0, 300.0);
        let before = camera.to_graph(CANVAS, at);
        camera.zoom_at(CANVAS, at, 1.3);
        let after = camera.to_graph(CANVAS, at);
        assert!((before[0] - after[0]).abs() < 1e-3 && (before[1] - after[1]).abs() < 1e-3);
        camera.zoom_at(CANVAS, at, 100.0);
        assert_eq!(camera.zoom, *ZOOM.end());
    }

    #[test]
    fn fitting_shows_everything() {
        let mut camera = Camera::default();
        let bounds = Rect::from_min_max(pos2(-500.0, 0.0), pos2(1500.0, 700.0));
        camera.fit(CANVAS, bounds, ZOOM);
        assert!(camera.visible(CANVAS).contains_rect(bounds));
        camera.fit(CANVAS, Rect::NOTHING, ZOOM);
        assert!(camera.visible(CANVAS).contains_rect(bounds), "nothing to show changes nothing");
    }
}
