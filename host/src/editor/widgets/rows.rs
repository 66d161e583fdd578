//! A list of records: a line each, with a widget for every column.

use egui::{Align, Id, Rect, Ui, vec2};
use egui_phosphor::regular;
use plugin_api::{InputKind, InputSpec};

use super::value::{self, Row};
use super::{Cell, Change, paint};
use crate::editor::theme::{GAP, Theme};

/// What a button does to the list.
enum Step {
    Add,
    Remove(usize),
    /// Changes places with the row under it.
    Down(usize),
}

pub fn show(ui: &mut Ui, cell: &Cell<'_>, columns: &[InputSpec]) -> Option<Change> {
    let read = value::rows(cell.value);
    let theme = Theme::of(ui);
    let head = cell.line(ui);
    let add = head.with_min_x(head.max.x - head.height());
    let label = head.with_max_x(add.min.x - GAP * cell.zoom);
    let response = ui.interact(label, cell.id(), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Other, ui.is_enabled(), &cell.name));
    let mut text = label.shrink2(vec2(paint::PAD * cell.zoom, 0.0));
    if let Err(odd) = &read {
        let width = paint::line(ui, text.with_min_x(text.center().x), &odd.text, theme.error, Align::Max);
        text.max.x -= width + GAP * cell.zoom;
    }
    paint::line(ui, text, &cell.spec.name, theme.quiet, Align::Min);
    let menu = cell.finish(&response, read.as_ref().err());
    let mut step = icon(ui, add, cell, "add", regular::PLUS).then_some(Step::Add);
    let mut rows = read.unwrap_or_default();
    let mut change = None;
    for index in 0..rows.len() {
        let line = cell.line(ui);
        let (line, pressed) = buttons(ui, line, cell, index, rows.len());
        step = step.or(pressed);
        for (column, rect) in columns.iter().zip(places(columns, line, cell.zoom)) {
            let name = format!("{} {} {}", cell.name, index + 1, column.name);
            let inner = Cell { name, spec: column, value: rows[index].get(&column.name), ..*cell };
            match inner.put(ui, rect) {
                Some(Change::Value(value)) => {
                    rows[index].set(&column.name, value);
                    change = Some(Change::Value(None));
                }
                other => change = change.or(other),
            }
        }
    }
    if let Some(step) = step {
        match step {
            Step::Add => rows.push(Row::default()),
            Step::Remove(row) => {
                rows.remove(row);
            }
            Step::Down(row) => rows.swap(row, row + 1),
        }
        change = Some(Change::Value(None));
    }
    match change {
        Some(Change::Value(_)) => Some(Change::Value(Some(value::print_rows(&rows, columns)))),
        other => other.or(menu),
    }
}

/// The buttons at the end of a line, and the room that is left.
fn buttons(ui: &Ui, line: Rect, cell: &Cell<'_>, index: usize, count: usize) -> (Rect, Option<Step>) {
    let width = 18.0 * cell.zoom;
    let remove = line.with_min_x(line.max.x - width);
    let carets = remove.translate(vec2(-width, 0.0)).with_min_x(remove.min.x - 14.0 * cell.zoom);
    let (up, down) = carets.split_top_bottom_at_fraction(0.5);
    let part = |word: &str| format!("{} {word}", index + 1);
    let pressed = |rect, word, name| icon(ui, rect, cell, &part(word), name);
    let mut step = pressed(remove, "remove", regular::X).then_some(Step::Remove(index));
    if index > 0 && pressed(up, "up", regular::CARET_UP) {
        step = Some(Step::Down(index - 1));
    }
    if index + 1 < count && pressed(down, "down", regular::CARET_DOWN) {
        step = Some(Step::Down(index));
    }
    (line.with_max_x(up.min.x - GAP / 2.0 * cell.zoom), step)
}

fn icon(ui: &Ui, rect: Rect, cell: &Cell<'_>, part: &str, icon: &str) -> bool {
    let name = format!("{} {part}", cell.name);
    let id: Id = cell.id().with(part);
    paint::icon(ui, rect, id, icon, Theme::of(ui).quiet, &name).on_hover_text(part).clicked()
}

/// Where the columns of a line stand: numbers are narrow, boxes square, the others share the rest.
fn places(columns: &[InputSpec], line: Rect, zoom: f32) -> Vec<Rect> {
    let gap = GAP / 2.0 * zoom;
    let fixed = |column: &InputSpec| match column.kind {
        InputKind::Bool { .. } => Some(20.0 * zoom),
        InputKind::Int { .. } | InputKind::Float { .. } => Some(48.0 * zoom),
        InputKind::Seed { .. } => Some(110.0 * zoom),
        _ => None,
    };
    let taken: f32 = columns.iter().filter_map(fixed).sum::<f32>() + gap * columns.len().saturating_sub(1) as f32;
    let shared = columns.iter().filter(|column| fixed(column).is_none()).count();
    let share = if shared > 0 { ((line.width() - taken) / shared as f32).max(24.0 * zoom) } else { 0.0 };
    let wanted: Vec<f32> = columns.iter().map(|column| fixed(column).unwrap_or(share)).collect();
    // Many columns in a narrow node all give way.
    let sum: f32 = wanted.iter().sum::<f32>() + gap * columns.len().saturating_sub(1) as f32;
    let scale = (line.width() / sum.max(1.0)).min(1.0);
    let mut x = line.min.x;
    let place = |width: &f32| {
        let rect = Rect::from_min_size(egui::pos2(x, line.min.y), vec2(width * scale, line.height()));
        x = rect.max.x + gap * scale;
        rect
    };
    wanted.iter().map(place).collect()
}
