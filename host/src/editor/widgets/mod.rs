//! A widget for every kind of input, from its description alone: no node needs code of its own here.

mod choice;
mod file;
pub mod follow;
pub mod give;
pub mod list;
mod number;
pub mod paint;
mod rows;
mod scale;
pub mod search;
mod seed;
mod switch;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod words;

use std::path::PathBuf;

use egui::{Align, Id, Rect, RectAlign, Response, Tooltip, Ui, vec2};
use plugin_api::{InputKind, InputSpec};

use crate::document::SeedMode;
use crate::editor::files::Files;
use crate::editor::lora;
use crate::editor::theme::{FIELD, GAP, Theme};
use crate::library::Facts;
use scale::Scale;
use value::Odd;

/// From a field to its help: over the ports at the edge of the node, at zoom 1.
const TIP: f32 = 26.0;

/// What a widget shows beside the value.
pub struct Field<'a> {
    /// The node's name in the graph; accessible names are `node.input`.
    pub node: &'a str,
    pub spec: &'a InputSpec,
    /// RON text; none is the default.
    pub value: Option<&'a str>,
    pub seed_mode: SeedMode,
    /// The seed of the last run; a button brings it back where the value is another one.
    pub last_seed: Option<i64>,
    pub files: &'a dyn Files,
    /// The canvas's zoom: the style of `ui` is scaled by it already, pictures and fixed sizes are not.
    pub zoom: f32,
}

/// What the user did to a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// RON text; none is the default again.
    Value(Option<String>),
    Seed(SeedMode),
    /// The folder was looked at again.
    Refresh,
}

/// Label and widget of an input, over the width that `ui` has. None where nothing changed.
///
/// What is being typed is kept by `node.input`, so that one input is shown once a frame.
pub fn field(ui: &mut Ui, field: &Field<'_>) -> Option<Change> {
    let cell = Cell {
        name: format!("{}.{}", field.node, field.spec.name),
        spec: field.spec,
        value: field.value,
        zoom: field.zoom,
        files: field.files,
    };
    cell.show(ui, field.seed_mode, field.last_seed)
}

/// One value to show: that of an input, or a cell of its rows.
struct Cell<'a> {
    /// The accessible name, `sample.steps` or `lora.rows 1 weight`.
    name: String,
    spec: &'a InputSpec,
    value: Option<&'a str>,
    zoom: f32,
    files: &'a dyn Files,
}

impl Cell<'_> {
    /// Over the whole width, with a label.
    fn show(&self, ui: &mut Ui, seed_mode: SeedMode, last_seed: Option<i64>) -> Option<Change> {
        match &self.spec.kind {
            InputKind::Text { multiline: true, default } | InputKind::Prompt { default, .. } => {
                text::area(ui, self, default)
            }
            InputKind::Rows { columns } => rows::show(ui, self, columns),
            kind => {
                let rect = self.line(ui);
                match kind {
                    InputKind::Int { .. } | InputKind::Float { .. } => number::put(ui, rect, self, true),
                    InputKind::Seed { .. } => seed::row(ui, rect, self, seed_mode, last_seed),
                    InputKind::Bool { default } => switch::row(ui, rect, self, *default),
                    _ => {
                        let field = self.label(ui, rect);
                        let change = self.put(ui, field);
                        words::show(ui, self, rect.x_range());
                        change
                    }
                }
            }
        }
    }

    /// The widget alone, in `rect`.
    fn put(&self, ui: &mut Ui, rect: Rect) -> Option<Change> {
        match &self.spec.kind {
            InputKind::Link(_) => None,
            InputKind::Bool { default } => switch::check(ui, rect, self, *default),
            InputKind::Int { .. } | InputKind::Float { .. } => number::put(ui, rect, self, false),
            InputKind::Seed { .. } => seed::put(ui, rect, self, false),
            InputKind::Text { default, .. } | InputKind::Prompt { default, .. } => text::line(ui, rect, self, default),
            InputKind::Choice { default, options } => choice::put(ui, rect, self, default, options),
            InputKind::File { default, folder, extensions } => {
                file::put(ui, rect, self, &file::Place { default, folder, extensions })
            }
            // A list in a cell of a list: as many lines as it has would not fit into one, so that its text is edited.
            InputKind::Rows { .. } => text::raw(ui, rect, self),
        }
    }

    /// Room for one line.
    fn line(&self, ui: &mut Ui) -> Rect {
        ui.allocate_space(vec2(ui.available_width(), FIELD * self.zoom)).1
    }

    /// The label at the left of a line; gives what is left for the field.
    fn label(&self, ui: &Ui, line: Rect) -> Rect {
        let (label, field) = line.split_left_right_at_fraction(0.36);
        let label = label.with_min_x(label.min.x + paint::PAD * self.zoom).with_max_x(label.max.x - GAP * self.zoom);
        paint::line(ui, label, &self.spec.name, Theme::of(ui).quiet, Align::Min);
        field
    }

    /// The file that the value names, where it is a LoRA or an upscaler, and what it says of itself.
    fn facts(&self, ui: &Ui) -> Option<(PathBuf, Facts)> {
        let path = follow::described(self.files, &self.spec.kind, self.value)?;
        let facts = self.files.facts(ui.ctx(), &path)?;
        Some((path, facts))
    }

    fn id(&self) -> Id {
        Id::new("field of a node").with(&self.name)
    }

    /// Help beside the field, and its menu.
    fn finish(&self, response: &Response, odd: Option<&Odd>) -> Option<Change> {
        self.finish_with(response, odd, None, None)
    }

    /// With what there is to say of this very value.
    fn finish_with(
        &self,
        response: &Response,
        odd: Option<&Odd>,
        note: Option<&str>,
        facts: Option<&(PathBuf, Facts)>,
    ) -> Option<Change> {
        let mut tip = Tooltip::for_enabled(response);
        // Below, it would hide the field that a hand goes to next.
        tip.popup = tip.popup.align(RectAlign::RIGHT_START).gap(TIP * self.zoom);
        tip.show(|ui| {
            ui.set_max_width(320.0);
            if let Some(odd) = odd {
                ui.colored_label(Theme::of(ui).error, format!("{}: {}", odd.text, odd.why));
            }
            if let Some(note) = note {
                ui.label(note);
            }
            if let Some((path, facts)) = facts {
                lora::about(ui, facts, path);
            }
            if !self.spec.help.is_empty() {
                ui.label(&self.spec.help);
            }
            ui.colored_label(Theme::of(ui).quiet, self.about());
        });
        let mut change = None;
        response.context_menu(|ui| {
            if ui.button(format!("Reset to {}", self.default_text())).clicked() {
                change = Some(Change::Value(None));
            }
            if ui.button("Copy value").clicked() {
                ui.ctx().copy_text(self.plain());
            }
        });
        change
    }

    /// Range and default.
    fn about(&self) -> String {
        let range = Scale::of(&self.spec.kind).map_or(String::new(), |scale| format!("{}, ", scale.describe()));
        format!("{range}default {}", self.default_text())
    }

    fn default_text(&self) -> String {
        let named = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        match &self.spec.kind {
            InputKind::Bool { default } => if *default { "on" } else { "off" }.to_owned(),
            InputKind::Text { default, .. } | InputKind::Prompt { default, .. } => {
                let short: String = default.lines().next().unwrap_or_default().chars().take(40).collect();
                if short.is_empty() { "no text".to_owned() } else { short }
            }
            InputKind::Choice { default, .. } | InputKind::File { default, .. } => named(default),
            InputKind::Rows { .. } => "no rows".to_owned(),
            kind => Scale::of(kind).map_or("none".to_owned(), |scale| scale.default().shown()),
        }
    }

    /// The value as it is pasted elsewhere: text without its quotes.
    fn plain(&self) -> String {
        let default = match &self.spec.kind {
            InputKind::Bool { default } => default.to_string(),
            InputKind::Text { default, .. }
            | InputKind::Choice { default, .. }
            | InputKind::File { default, .. }
            | InputKind::Prompt { default, .. } => default.clone(),
            InputKind::Rows { .. } => "[]".to_owned(),
            _ => self.default_text(),
        };
        let Some(written) = self.value else { return default };
        value::read(self.value, default, value::name).unwrap_or_else(|_| written.to_owned())
    }
}
