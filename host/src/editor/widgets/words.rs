//! The lines under the name of a LoRA: its trigger words, which a click copies, and what is wrong with it.

use std::path::Path;

use egui::{
    Align, Color32, CursorIcon, FontId, Rangef, Rect, RectAlign, Sense, Tooltip, Ui, WidgetInfo, WidgetType, vec2,
};
use egui_phosphor::regular;
use indexmap::IndexSet;
use plugin_api::{InputKind, InputSpec};

use super::{Cell, TIP, paint, value};
use crate::editor::lora;
use crate::editor::theme::{GAP, SMALL, Theme};
use crate::graph::prompt::tags;
use crate::library::Facts;

/// Height of a line, at zoom 1.
const LINE: f32 = 16.0;
/// Seconds for which a click is confirmed.
const COPIED: f64 = 1.2;

/// Draws the lines of the file that the cell's value names, where it is a LoRA that has something to say, between these
/// edges.
pub fn show(ui: &mut Ui, cell: &Cell<'_>, across: Rangef) {
    let Some((path, facts)) = cell.facts(ui) else { return };
    let lines = [lora::trigger_words(&facts), lora::problem(&facts, &path)];
    for (text, is_wrong) in lines.into_iter().zip([false, true]) {
        if let Some(text) = text {
            // They belong to the line above.
            ui.add_space(-GAP * 0.75 * cell.zoom);
            line(ui, cell, across, (&facts, &path), &text, is_wrong);
        }
    }
}

/// The same for every file that the tags of a prompt name.
pub fn of_tags(ui: &mut Ui, cell: &Cell<'_>, text: &str, across: Rangef) {
    let InputKind::Prompt { folder, extensions, .. } = &cell.spec.kind else { return };
    let tags = tags(text).unwrap_or_default();
    let names: IndexSet<String> = tags.into_iter().map(|tag| text[tag.name].to_owned()).collect();
    for name in names {
        let (folder, extensions) = (folder.clone(), extensions.clone());
        let kind = InputKind::File { default: String::new(), folder, extensions };
        let spec = InputSpec { name: name.clone(), kind, required: false, help: String::new() };
        let name = format!("{} {name}", cell.name);
        show(ui, &Cell { name, spec: &spec, value: Some(&value::print(&spec.name)), ..*cell }, across);
    }
}

fn line(ui: &mut Ui, cell: &Cell<'_>, across: Rangef, (facts, path): (&Facts, &Path), text: &str, is_wrong: bool) {
    let theme = Theme::of(ui);
    let zoom = cell.zoom;
    let rect = ui.allocate_space(vec2(ui.available_width(), LINE * zoom)).1;
    let rect = Rect::from_x_y_ranges(across, rect.y_range()).shrink2(vec2(paint::PAD * zoom, 0.0));
    let (part, glyph) = if is_wrong { ("problem", regular::WARNING) } else { ("trigger words", regular::TAG) };
    let id = cell.id().with(part);
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, ui.is_enabled(), format!("{} {part}", cell.name)));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(text));
    let now = ui.input(|input| input.time);
    if response.clicked() {
        ui.ctx().copy_text(text.to_owned());
        ui.data_mut(|data| data.insert_temp(id, now));
        ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(COPIED));
    }
    let is_copied = ui.data(|data| data.get_temp::<f64>(id)).is_some_and(|at| now - at < COPIED);
    let colour = match () {
        () if is_wrong => theme.warning,
        () if response.hovered() || response.has_focus() => theme.text,
        () => theme.quiet,
    };
    let (glyph, text) = if is_copied { (regular::CHECK, "copied") } else { (glyph, text) };
    let taken = small(ui, rect, glyph, colour, zoom);
    small(ui, rect.with_min_x(rect.min.x + taken + GAP * 0.75 * zoom), text, colour, zoom);
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let mut tip = Tooltip::for_enabled(&response);
    tip.popup = tip.popup.align(RectAlign::RIGHT_START).gap(TIP * zoom);
    tip.show(|ui| {
        lora::about(ui, facts, path);
        ui.colored_label(theme.quiet, "A click copies this line.");
    });
}

/// A line of small text; gives its width.
fn small(ui: &Ui, rect: Rect, text: &str, colour: Color32, zoom: f32) -> f32 {
    paint::line_of(ui, rect, text, FontId::proportional(SMALL * zoom), colour, Align::Min)
}
