//! A field over a node's title for its name.

use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{Area, Context, Id, Key, Margin, Order, TextEdit};

use super::canvas::Canvas;
use super::scene::Scene;
use super::theme::NODE_WIDTH;
use crate::document::Edit;

pub struct Rename {
    node: String,
    text: String,
    is_new: bool,
}

pub enum Answer {
    Open,
    Closed,
    To(Edit),
}

impl Rename {
    pub fn new(node: String) -> Self {
        Self { text: node.clone(), node, is_new: true }
    }

    pub fn show(&mut self, ctx: &Context, canvas: &Canvas, scene: &Scene) -> Answer {
        let Some(rect) = canvas.rect.filter(|_| scene.node(&self.node).is_some()) else { return Answer::Closed };
        let at = canvas.camera.to_screen(rect, scene.document.position(&self.node));
        let id = Id::new("rename");
        let (lost, enter) = Area::new(id)
            .order(Order::Foreground)
            .fixed_pos(at)
            .show(ctx, |ui| {
                // As wide as the node is, with its margins; the text lies over the title.
                let zoom = canvas.camera.zoom;
                let margin = Margin::symmetric((14.0 * zoom) as i8, (7.0 * zoom) as i8);
                let width = (NODE_WIDTH + 30.0) * zoom;
                let edit = TextEdit::singleline(&mut self.text).margin(margin).desired_width(width);
                let response = ui.add(edit);
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, format!("name of {}", self.node))
                });
                if std::mem::take(&mut self.is_new) {
                    response.request_focus();
                    // Typing replaces the name.
                    let mut state = TextEditState::load(ui.ctx(), response.id).unwrap_or_default();
                    let end = CCursor::new(self.text.chars().count());
                    state.cursor.set_char_range(Some(CCursorRange::two(CCursor::default(), end)));
                    state.store(ui.ctx(), response.id);
                }
                (response.lost_focus(), ui.input(|input| input.key_pressed(Key::Enter)))
            })
            .inner;
        let name = self.text.trim();
        match (lost, enter) {
            (true, true) if !name.is_empty() && name != self.node => {
                Answer::To(Edit::Rename { node: self.node.clone(), to: name.to_owned() })
            }
            (true, _) => Answer::Closed,
            _ => Answer::Open,
        }
    }
}
