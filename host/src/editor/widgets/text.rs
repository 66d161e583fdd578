//! Text: a line of it, or an area.

use std::path::Path;

use egui::{Align, FontSelection, Frame, Margin, Rect, Response, Sense, TextEdit, TextStyle, Ui, UiBuilder, vec2};

use plugin_api::InputKind;

use super::value::{self, Odd};
use super::{Cell, Change, paint, tags, words};
use crate::editor::theme::{self, GAP, Theme};

/// Lines that an area has at least and at most; what is longer scrolls.
const ROWS: (usize, usize) = (4, 10);

/// One line in `rect`.
pub fn line(ui: &mut Ui, rect: Rect, cell: &Cell<'_>, default: &str) -> Option<Change> {
    let read = value::read(cell.value, default.to_owned(), value::text);
    let mut text = text_of(&read);
    let is_default = text == *default;
    let response = edit(ui, rect, cell, &mut text, read.is_err(), is_default);
    let menu = cell.finish(&response, read.as_ref().err());
    if response.changed() { Some(Change::Value(Some(value::print(&text)))) } else { menu }
}

/// RON text itself, for what has no widget in a cell. Half-typed brackets would make the whole list unreadable: they are
/// kept here until they close.
pub fn raw(ui: &mut Ui, rect: Rect, cell: &Cell<'_>) -> Option<Change> {
    let kept = ui.data_mut(|data| data.remove_temp::<String>(cell.id()));
    let mut text = kept.unwrap_or_else(|| cell.value.unwrap_or_default().to_owned());
    let is_value = |text: &str| ron::from_str::<ron::Value>(text).is_ok();
    let is_odd = !text.is_empty() && !is_value(&text);
    let response = edit(ui, rect, cell, &mut text, is_odd, false);
    let menu = cell.finish(&response, None);
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(cell.id(), text.clone()));
    }
    let is_whole = text.is_empty() || is_value(&text);
    if response.changed() && is_whole { Some(Change::Value((!text.is_empty()).then_some(text))) } else { menu }
}

fn text_of(read: &Result<String, Odd>) -> String {
    match read {
        Ok(text) => text.clone(),
        Err(odd) => odd.text.clone(),
    }
}

fn edit(ui: &mut Ui, rect: Rect, cell: &Cell<'_>, text: &mut String, is_odd: bool, is_default: bool) -> Response {
    let hover = ui.interact(rect, cell.id().with("plate"), Sense::hover());
    paint::plate(ui, rect, &hover, cell.zoom);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    let margin = Margin::symmetric((paint::PAD * cell.zoom) as i8, 0);
    let edit = TextEdit::singleline(text)
        .id(cell.id())
        .font(FontSelection::Style(TextStyle::Body))
        .frame(Frame::new().inner_margin(margin))
        .margin(margin)
        .text_color(if is_odd { Theme::of(ui).error } else { paint::colour(ui, is_default) })
        .desired_width(rect.width())
        .min_size(rect.size())
        .vertical_align(Align::Center);
    let response = child.put(rect, edit);
    name(ui, &response, cell);
    if response.has_focus() {
        paint::ring(ui, rect, cell.zoom);
    }
    response
}

fn name(ui: &Ui, response: &Response, cell: &Cell<'_>) {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(cell.name.clone()));
}

/// Of a tag in a prompt: whether there is the file that it names.
fn tag_colour(ui: &Ui, cell: &Cell<'_>, name: &str) -> egui::Color32 {
    let InputKind::Prompt { folder, extensions, .. } = &cell.spec.kind else { return Theme::of(ui).text };
    let is_there = Path::new(name).is_absolute() || cell.files.find(folder, extensions, name).is_some();
    if is_there { Theme::of(ui).accent } else { Theme::of(ui).warning }
}

/// An area with its label above the text, over the whole width.
pub fn area(ui: &mut Ui, cell: &Cell<'_>, default: &str) -> Option<Change> {
    let read = value::read(cell.value, default.to_owned(), value::text);
    let mut text = text_of(&read);
    let theme = Theme::of(ui);
    let zoom = cell.zoom;
    let row = ui.text_style_height(&TextStyle::Body);
    let pad = vec2(paint::PAD, GAP * 0.75) * zoom;
    // As high as its lines, so that a prompt is read as a whole; the wrapped lines are those of the same width.
    let width = ui.available_width();
    let font = TextStyle::Body.resolve(ui.style());
    let inner = (width - 2.0 * pad.x).max(1.0);
    let wrapped = ui.painter().layout(text.clone(), font, theme.text, inner);
    let rows = wrapped.rows.len().clamp(ROWS.0, ROWS.1);
    // The label stands in the plate, as that of a number does, and as high as one.
    let head = theme::FIELD * zoom;
    let rect = ui.allocate_space(vec2(width, head + rows as f32 * row + pad.y)).1;
    let hover = ui.interact(rect, cell.id().with("plate"), Sense::hover());
    paint::plate(ui, rect, &hover, zoom);
    let inside = rect.shrink2(pad);
    paint::line(
        ui,
        inside.with_min_y(rect.min.y).with_max_y(rect.min.y + head),
        &cell.spec.name,
        theme.quiet,
        Align::Min,
    );
    let mut child = ui.new_child(UiBuilder::new().max_rect(inside.with_min_y(rect.min.y + head)));
    let colour = if read.is_err() { theme.error } else { paint::colour(ui, text == *default) };
    let mut tagged = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
        let of_tag = |name: &str| tag_colour(ui, cell, name);
        let font = TextStyle::Body.resolve(ui.style());
        let mut job = tags::layout(text.as_str(), &font, colour, of_tag);
        job.wrap.max_width = width;
        ui.painter().layout_job(job)
    };
    let mut edit = TextEdit::multiline(&mut text)
        .id(cell.id())
        .font(FontSelection::Style(TextStyle::Body))
        .frame(Frame::NONE)
        .margin(Margin::ZERO)
        .text_color(colour)
        .desired_width(inner)
        .desired_rows(rows);
    if matches!(cell.spec.kind, InputKind::Prompt { .. }) {
        edit = edit.layouter(&mut tagged);
    }
    let response = egui::ScrollArea::vertical()
        .id_salt(cell.id().with("scroll"))
        .max_height(rows as f32 * row)
        .min_scrolled_height(rows as f32 * row)
        .auto_shrink(false)
        .show(&mut child, |ui| ui.add(edit))
        .inner;
    name(ui, &response, cell);
    if response.has_focus() {
        paint::ring(ui, rect, cell.zoom);
    }
    let menu = cell.finish(&response, read.as_ref().err());
    words::of_tags(ui, cell, &text, rect.x_range());
    if response.changed() { Some(Change::Value(Some(value::print(&text)))) } else { menu }
}
