//! True or false: a switch, or a checkbox where there is little room.

use egui::{
    Align, Align2, Color32, CornerRadius, Id, Rect, Response, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo,
    WidgetType, vec2,
};
use egui_phosphor::regular;

use super::value::{self, Odd};
use super::{Cell, Change, paint};
use crate::editor::theme::{GAP, Theme};

/// Label and switch; a click anywhere on the line turns it.
pub fn row(ui: &Ui, rect: Rect, cell: &Cell<'_>, default: bool) -> Option<Change> {
    let (read, response, change) = click(ui, rect, cell, default);
    let is_on = read.as_ref().copied().unwrap_or(default);
    let theme = Theme::of(ui);
    let zoom = cell.zoom;
    let line = rect.shrink2(vec2(paint::PAD * zoom, 0.0));
    let size = vec2(30.0, 16.0) * zoom;
    let track = Rect::from_center_size(line.right_center() - vec2(size.x / 2.0, 0.0), size);
    let on = ui.ctx().animate_bool(cell.id(), is_on);
    let fill = if is_on { theme.accent } else { theme.field };
    let edge = if is_on && !response.has_focus() { fill } else { edge(ui, &response) };
    ui.painter().rect(track, size.y / 2.0, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let radius = size.y / 2.0 - 3.0 * zoom;
    let x = egui::lerp(track.min.x + size.y / 2.0..=track.max.x - size.y / 2.0, on);
    let knob = if is_on { theme.on_accent } else { theme.quiet };
    ui.painter().circle_filled(egui::pos2(x, track.center().y), radius, knob);
    let mut rest = line.with_max_x(track.min.x - GAP * zoom);
    if let Err(odd) = &read {
        let width = paint::line(ui, rest.with_min_x(rest.center().x), &odd.text, theme.error, Align::Max);
        rest.max.x -= width + GAP * zoom;
    }
    paint::line(ui, rest, &cell.spec.name, theme.quiet, Align::Min);
    cell.finish(&response, read.as_ref().err()).or(change)
}

/// A checkbox alone.
pub fn check(ui: &Ui, rect: Rect, cell: &Cell<'_>, default: bool) -> Option<Change> {
    let (read, response, change) = click(ui, rect, cell, default);
    let theme = Theme::of(ui);
    let is_on = read.as_ref().copied().unwrap_or(default);
    let mark = if is_on { regular::CHECK } else { "" };
    match &read {
        Err(_) => square(ui, rect, cell.zoom, theme.field, theme.error, (mark, theme.error)),
        Ok(true) => square(ui, rect, cell.zoom, theme.accent, theme.accent, (mark, theme.on_accent)),
        Ok(false) => square(ui, rect, cell.zoom, theme.field, edge(ui, &response), (mark, theme.text)),
    }
    cell.finish(&response, read.as_ref().err()).or(change)
}

/// A checkbox for all rows of a list: checked, empty, or with a line where some are on. True where it was clicked.
pub fn all(ui: &Ui, rect: Rect, id: Id, (on, count): (usize, usize), name: &str, zoom: f32) -> bool {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, ui.is_enabled(), on == count, name));
    let theme = Theme::of(ui);
    let mark = match on {
        0 => "",
        on if on == count => regular::CHECK,
        _ => regular::MINUS,
    };
    square(ui, rect, zoom, theme.field, edge(ui, &response), (mark, theme.text));
    response.on_hover_text("All on or off. Alt and a click on the box of a row: only that one.").clicked()
}

fn square(ui: &Ui, rect: Rect, zoom: f32, fill: Color32, edge: Color32, (mark, colour): (&str, Color32)) {
    let side = (16.0 * zoom).min(rect.width());
    let square = Rect::from_center_size(rect.center(), vec2(side, side));
    let radius = CornerRadius::same((4.0 * zoom) as u8);
    ui.painter().rect(square, radius, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let font = TextStyle::Small.resolve(ui.style());
    ui.painter().text(square.center(), Align2::CENTER_CENTER, mark, font, colour);
}

/// The border of one that is off. It is all that is seen of it, so that the line around fields would be too faint.
fn edge(ui: &Ui, response: &Response) -> Color32 {
    let theme = Theme::of(ui);
    if response.hovered() || response.has_focus() { theme.text } else { theme.raised.lerp_to_gamma(theme.quiet, 0.75) }
}

fn click(ui: &Ui, rect: Rect, cell: &Cell<'_>, default: bool) -> (Result<bool, Odd>, Response, Option<Change>) {
    let read = value::read(cell.value, default, value::bool);
    let is_on = read.as_ref().copied().unwrap_or(default);
    let response = ui.interact(rect, cell.id(), Sense::click());
    response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, ui.is_enabled(), is_on, &cell.name));
    let change = response.clicked().then(|| Change::Value(Some(value::print(&!is_on))));
    (read, response, change)
}
