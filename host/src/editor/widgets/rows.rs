//! A list of records: a line each, with a widget for every column.

use egui::{Align, Id, Popup, Rect, Ui, vec2};
use egui_phosphor::regular;
use plugin_api::{InputKind, InputSpec};

use super::value::{self, Row};
use super::{Cell, Change, follow, paint, switch, words};
use crate::editor::theme::{GAP, Theme};

/// What a button does to the list.
enum Step {
    Add,
    Remove(usize),
    /// Changes places with the row under it.
    Down(usize),
    /// Every row on or off.
    Turn(bool),
    /// Only this row on; all of them, where that is so already.
    Only(usize),
}

/// Width of a column of boxes.
const BOX: f32 = 20.0;
/// How much of a row that is off is seen.
const DIM: f32 = 0.45;

pub fn show(ui: &mut Ui, cell: &Cell<'_>, columns: &[InputSpec]) -> Option<Change> {
    let read = value::rows(cell.value);
    let switch = switch_of(columns);
    let takes_files = columns.iter().any(|column| matches!(column.kind, InputKind::File { .. }));
    let hint = if takes_files { "drag files here" } else { "" };
    let (menu, mut step) = head(ui, cell, &read, switch, hint);
    let mut rows = read.unwrap_or_default();
    let mut change = None;
    for index in 0..rows.len() {
        let whole = cell.line(ui);
        let (line, pressed) = buttons(ui, whole, cell, index, rows.len());
        step = step.or(pressed);
        let opacity = ui.opacity();
        for (column, rect) in columns.iter().zip(places(columns, line, cell.zoom)) {
            let is_off = switch.is_some_and(|switch| switch.name != column.name && !is_on(&rows[index], switch));
            ui.set_opacity(if is_off { opacity * DIM } else { opacity });
            let name = format!("{} {} {}", cell.name, index + 1, column.name);
            let inner = Cell { name, spec: column, value: rows[index].get(&column.name), ..*cell };
            let answer = inner.put(ui, rect);
            words::show(ui, &inner, (rect.left()..=whole.right()).into());
            let is_switch = switch.is_some_and(|switch| switch.name == column.name);
            match answer {
                Some(Change::Value(_)) if is_switch && ui.input(|input| input.modifiers.alt) => {
                    step = Some(Step::Only(index));
                }
                Some(Change::Value(value)) => {
                    set(cell, columns, &mut rows[index], column, value);
                    change = Some(Change::Value(None));
                }
                other => change = change.or(other),
            }
        }
        ui.set_opacity(opacity);
    }
    if let Some(step) = step {
        carry_out(ui, cell, columns, &mut rows, step);
        change = Some(Change::Value(None));
    }
    match change {
        Some(Change::Value(_)) => Some(Change::Value(Some(value::print_rows(&rows, columns)))),
        other => other.or(menu),
    }
}

/// The line above the rows: a box for all of them, the list's name, how many are on, and the button that adds one.
fn head(
    ui: &mut Ui,
    cell: &Cell<'_>,
    read: &Result<Vec<Row>, value::Odd>,
    switch: Option<&InputSpec>,
    hint: &str,
) -> (Option<Change>, Option<Step>) {
    let theme = Theme::of(ui);
    let line = cell.line(ui);
    let add = line.with_min_x(line.max.x - line.height());
    let mut label = line.with_max_x(add.min.x - GAP * cell.zoom);
    let rows = read.as_deref().unwrap_or_default();
    let on = switch.map_or(0, |switch| rows.iter().filter(|row| is_on(row, switch)).count());
    let mut step = None;
    if switch.is_some() && !rows.is_empty() {
        let all = Rect::from_min_size(line.min, vec2(BOX * cell.zoom, line.height()));
        label.min.x = all.max.x;
        let name = format!("{} all", cell.name);
        let is_turned = switch::all(ui, all, cell.id().with("all"), (on, rows.len()), &name, cell.zoom);
        step = is_turned.then_some(Step::Turn(on < rows.len()));
    }
    let response = ui.interact(label, cell.id(), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Other, ui.is_enabled(), &cell.name));
    let mut text = label.shrink2(vec2(paint::PAD * cell.zoom, 0.0));
    let count = format!("{on} of {}", rows.len());
    let (said, colour) = match read {
        Err(odd) => (odd.text.as_str(), theme.error),
        Ok(_) if switch.is_some() && !rows.is_empty() => (count.as_str(), theme.quiet),
        Ok(rows) if rows.is_empty() => (hint, theme.quiet.gamma_multiply(0.7)),
        Ok(_) => ("", theme.quiet),
    };
    let width = paint::line(ui, text.with_min_x(text.center().x), said, colour, Align::Max);
    text.max.x -= width + GAP * cell.zoom;
    paint::line(ui, text, &cell.spec.name, theme.quiet, Align::Min);
    let menu = cell.finish(&response, read.as_ref().err());
    (menu, step.or(icon(ui, add, cell, "add", regular::PLUS).then_some(Step::Add)))
}

/// The column that says whether a row counts.
fn switch_of(columns: &[InputSpec]) -> Option<&InputSpec> {
    columns.iter().find(|column| matches!(column.kind, InputKind::Bool { .. }))
}

fn turn(row: &mut Row, switch: &InputSpec, on: bool) {
    let InputKind::Bool { default } = switch.kind else { return };
    row.set(&switch.name, (default != on).then(|| value::print(&on)));
}

fn is_on(row: &Row, switch: &InputSpec) -> bool {
    let InputKind::Bool { default } = switch.kind else { return true };
    value::read(row.get(&switch.name), default, value::bool).unwrap_or(default)
}

/// A new value of a cell, and the weight that follows a file.
fn set(cell: &Cell<'_>, columns: &[InputSpec], row: &mut Row, column: &InputSpec, value: Option<String>) {
    if let Some(weight) = follow::weight_of(columns, column) {
        let change = (row.get(&column.name), value.as_deref());
        if let Some(next) = follow::weight(cell.files, column, change, weight, row.get(&weight.name)) {
            row.set(&weight.name, next);
        }
    }
    row.set(&column.name, value);
}

fn carry_out(ui: &Ui, cell: &Cell<'_>, columns: &[InputSpec], rows: &mut Vec<Row>, step: Step) {
    match step {
        Step::Add => {
            rows.push(Row::default());
            // A row of files begins with the choice of one.
            if let Some(file) = columns.iter().find(|column| matches!(column.kind, InputKind::File { .. })) {
                let name = format!("{} {} {}", cell.name, rows.len(), file.name);
                Popup::open_id(ui.ctx(), Cell { name, spec: file, ..*cell }.id().with("list"));
            }
        }
        Step::Remove(row) => {
            rows.remove(row);
        }
        Step::Down(row) => rows.swap(row, row + 1),
        Step::Turn(is_on) => {
            if let Some(switch) = switch_of(columns) {
                rows.iter_mut().for_each(|row| turn(row, switch, is_on));
            }
        }
        Step::Only(only) => {
            let Some(switch) = switch_of(columns) else { return };
            let is_alone = rows.iter().enumerate().all(|(index, row)| is_on(row, switch) == (index == only));
            rows.iter_mut().enumerate().for_each(|(index, row)| turn(row, switch, is_alone || index == only));
        }
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
        InputKind::Bool { .. } => Some(BOX * zoom),
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
