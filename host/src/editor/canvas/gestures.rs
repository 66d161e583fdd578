//! What the pointer does to the canvas itself: zoom, pan, clicks beside the nodes.

use egui::{Event, Key, MouseWheelUnit, PointerButton, Pos2, Rect, Ui, Vec2};

use super::Camera;

#[derive(Debug, Default)]
pub struct Gestures {
    moving: Option<String>,
    is_panning: bool,
    /// The wire on the pointer was pulled off an input.
    pub is_rewiring: bool,
}

/// A click beside every node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Click {
    Single(Pos2),
    Double(Pos2),
    Secondary(Pos2),
}

impl Gestures {
    /// The wheel zooms at the pointer, two fingers pan, a pinch zooms, Space and drag pans. (The middle button pans
    /// within the node-graph crate.)
    pub fn navigate(&mut self, ui: &Ui, rect: Rect, camera: &mut Camera) {
        let ctx = ui.ctx();
        if !ctx.input(|input| input.pointer.any_down()) {
            self.moving = None;
            self.is_panning = false;
        }
        let typing = ctx.egui_wants_keyboard_input();
        let pointer =
            ctx.pointer_latest_pos().filter(|at| rect.contains(*at) && ctx.layer_id_at(*at) == Some(ui.layer_id()));
        let Some(at) = pointer else { return };
        let (mut factor, mut pan) = (1.0, Vec2::ZERO);
        ctx.input(|input| {
            factor *= input.zoom_delta();
            for event in &input.events {
                let Event::MouseWheel { unit, delta, modifiers, .. } = event else { continue };
                if modifiers.command {
                    continue; // egui has it as a zoom already
                }
                match unit {
                    MouseWheelUnit::Point => pan += *delta,
                    MouseWheelUnit::Line => factor *= (delta.y * 0.12).exp(),
                    MouseWheelUnit::Page => factor *= (delta.y * 0.5).exp(),
                }
            }
            if !typing && input.key_down(Key::Space) {
                self.is_panning = true;
                if input.pointer.primary_down() {
                    pan += input.pointer.delta();
                }
            }
        });
        // What is inside of nodes may scroll; the node-graph crate must not zoom by it.
        ctx.input_mut(|input| input.smooth_scroll_delta = Vec2::ZERO);
        if self.is_panning {
            ctx.set_cursor_icon(egui::CursorIcon::Grab);
        }
        camera.offset += pan;
        if factor != 1.0 {
            camera.zoom_at(rect, at, factor);
        }
    }

    pub fn is_panning(&self) -> bool {
        self.is_panning
    }

    pub fn begin_move(&mut self, node: &str) {
        if self.moving.as_deref() != Some(node) {
            self.moving = Some(node.to_owned());
        }
    }

    /// The node that is dragged; it is drawn even where it left what is in sight.
    pub fn moving(&self) -> Option<&String> {
        self.moving.as_ref()
    }

    /// A click on the canvas beside the nodes.
    pub fn canvas_clicked(&self, ui: &Ui, rect: Rect, on_node: impl Fn(Pos2) -> bool) -> Option<Click> {
        let ctx = ui.ctx();
        let click = ctx.input(|input| {
            let at = input.pointer.interact_pos()?;
            if input.pointer.button_double_clicked(PointerButton::Primary) {
                Some(Click::Double(at))
            } else if input.pointer.button_clicked(PointerButton::Primary) {
                Some(Click::Single(at))
            } else if input.pointer.button_clicked(PointerButton::Secondary) {
                Some(Click::Secondary(at))
            } else {
                None
            }
        })?;
        let (Click::Single(at) | Click::Double(at) | Click::Secondary(at)) = click;
        let is_free = rect.contains(at) && ctx.layer_id_at(at) == Some(ui.layer_id()) && !on_node(at);
        is_free.then_some(click)
    }
}
