//! A list under a search line, as popups and the palette have it: arrows and Enter choose, and so does a click.

use egui::{
    Align, CornerRadius, Id, Key, Margin, Modifiers, Rect, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, WidgetType,
    pos2, vec2,
};

use super::paint;
use crate::editor::theme::{FIELD, FIELD_RADIUS, GAP, Theme};

/// A line of a list.
pub enum Line {
    Heading(String),
    Item {
        text: String,
        /// In quiet text at the right.
        quiet: String,
        /// The accessible name.
        name: String,
    },
}

/// The keys of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys {
    /// An arrow was pressed: what is chosen has to be seen.
    pub moved: bool,
    pub entered: bool,
}

/// Takes the arrows and Enter, before the search line can. `chosen` is an item's place among `count` items.
pub fn keys(ui: &Ui, chosen: &mut usize, count: usize) -> Keys {
    ui.input_mut(|input| {
        let mut pressed = |key| input.count_and_consume_key(Modifiers::NONE, key);
        let (down, up) = (pressed(Key::ArrowDown), pressed(Key::ArrowUp));
        let (page_down, page_up) = (pressed(Key::PageDown), pressed(Key::PageUp));
        let entered = pressed(Key::Enter) > 0;
        let last = count.saturating_sub(1);
        let moved = down + up + page_down + page_up > 0;
        *chosen = (*chosen).min(last).saturating_add(down + 10 * page_down).saturating_sub(up + 10 * page_up).min(last);
        Keys { moved, entered: entered && count > 0 }
    })
}

/// The search line, which has the keyboard as long as it is shown. Gives whether the text changed.
pub fn search(ui: &mut Ui, id: Id, query: &mut String, name: &str) -> bool {
    let edit = TextEdit::singleline(query)
        .id(id)
        .hint_text("Search")
        .margin(Margin::symmetric(paint::PAD as i8, 4))
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(name));
    if !response.has_focus() && !ui.input(|input| input.key_pressed(Key::Escape)) {
        response.request_focus();
    }
    response.changed()
}

/// Draws the lines that are in sight and gives the item that was clicked. A hand that moves over an item chooses it.
pub fn show(ui: &mut Ui, id: Id, lines: &[Line], chosen: &mut usize, keys: Keys, height: f32) -> Option<usize> {
    let items = |line: &&Line| matches!(line, Line::Item { .. });
    let mut clicked = None;
    let area =
        ScrollArea::vertical().id_salt(id).max_height(height).min_scrolled_height(height).auto_shrink([false, true]);
    area.show_viewport(ui, |ui, seen| {
        ui.set_width(ui.available_width());
        ui.set_height(lines.len() as f32 * FIELD);
        let origin = ui.max_rect().min;
        let place = |index: usize| {
            let min = pos2(origin.x, origin.y + index as f32 * FIELD);
            Rect::from_min_size(min, vec2(ui.max_rect().width(), FIELD))
        };
        let first = ((seen.min.y / FIELD).floor().max(0.0) as usize).min(lines.len());
        let end = (((seen.max.y / FIELD).ceil()).max(0.0) as usize).clamp(first, lines.len());
        let mut item = lines[..first].iter().filter(items).count();
        let pointer_moved = ui.input(|input| input.pointer.delta() != egui::Vec2::ZERO);
        for (index, line) in lines.iter().enumerate().take(end).skip(first) {
            let rect = place(index);
            match line {
                Line::Heading(text) => {
                    let rect = rect.shrink2(vec2(paint::PAD, 0.0));
                    paint::line(ui, rect, text, Theme::of(ui).quiet, Align::Min);
                }
                Line::Item { text, quiet, name } => {
                    let response = ui.interact(rect, id.with(index), Sense::click());
                    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, name));
                    if response.hovered() && pointer_moved {
                        *chosen = item;
                    }
                    if response.clicked() {
                        clicked = Some(item);
                    }
                    draw(ui, rect, text, quiet, *chosen == item);
                    item += 1;
                }
            }
        }
        if keys.moved {
            let line = lines.iter().enumerate().filter(|(_, line)| items(line)).nth(*chosen).map(|(index, _)| index);
            if let Some(line) = line {
                // A heading right above comes into sight with its first item.
                let above = line.checked_sub(1).filter(|above| matches!(lines[*above], Line::Heading(_)));
                ui.scroll_to_rect(place(above.unwrap_or(line)).union(place(line)), None);
            }
        }
    });
    clicked
}

fn draw(ui: &Ui, rect: Rect, text: &str, quiet: &str, is_chosen: bool) {
    let theme = Theme::of(ui);
    if is_chosen {
        ui.painter().rect_filled(rect, CornerRadius::same(FIELD_RADIUS), theme.hovered);
    }
    let inner = rect.shrink2(vec2(paint::PAD, 0.0));
    let width = paint::line(ui, inner.with_min_x(inner.center().x), quiet, theme.quiet, Align::Max);
    paint::line(ui, inner.with_max_x(inner.max.x - width - GAP), text, theme.text, Align::Min);
}
