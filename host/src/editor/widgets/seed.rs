//! A seed: a number, what becomes of it before each run, and buttons for a new one and the last one.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use egui::{Rect, Ui, vec2};
use egui_phosphor::regular;

use super::scale::{Number, Scale};
use super::{Cell, Change, number, paint, value};
use crate::document::SeedMode;
use crate::editor::theme::{GAP, Theme};

/// Over the whole width, with label and mode.
pub fn row(ui: &mut Ui, rect: Rect, cell: &Cell<'_>, mode: SeedMode, last: Option<i64>) -> Option<Change> {
    let (rect, change) = mode_button(ui, rect, cell, mode);
    let now = Scale::of(&cell.spec.kind).and_then(|scale| scale.read(cell.value).ok());
    let last = last.filter(|last| *last >= 0 && now != Some(Number::Int(*last)));
    let (rect, restored) = match last {
        Some(last) => {
            let (button, rest) = split(rect, cell.zoom);
            let name = format!("{} last", cell.name);
            let id = cell.id().with("last");
            let icon = regular::CLOCK_COUNTER_CLOCKWISE;
            let response = paint::icon(ui, button, id, icon, Theme::of(ui).quiet, &name);
            let response = response.on_hover_text(format!("The last run's seed: {last}"));
            (rest, response.clicked().then(|| Change::Value(Some(value::print(&last)))))
        }
        None => (rect, None),
    };
    change.or(restored).or(put(ui, rect, cell, true))
}

/// Number and button for a new one.
pub fn put(ui: &mut Ui, rect: Rect, cell: &Cell<'_>, labelled: bool) -> Option<Change> {
    let (button, rest) = split(rect, cell.zoom);
    let name = format!("{} new", cell.name);
    let colour = Theme::of(ui).quiet;
    let response = paint::icon(ui, button, cell.id().with("new"), regular::DICE_FIVE, colour, &name);
    let drawn = response.on_hover_text("A new seed").clicked().then(|| Change::Value(Some(value::print(&draw()))));
    drawn.or(number::put(ui, rest, cell, labelled))
}

fn mode_button(ui: &Ui, rect: Rect, cell: &Cell<'_>, mode: SeedMode) -> (Rect, Option<Change>) {
    let theme = Theme::of(ui);
    let (icon, colour, word, about, next) = match mode {
        SeedMode::Fixed => (regular::LOCK, theme.quiet, "fixed", "Stays as it is", SeedMode::Increment),
        SeedMode::Increment => (regular::PLUS, theme.accent, "increment", "One more at each run", SeedMode::Random),
        SeedMode::Random => (regular::DICE_THREE, theme.accent, "random", "A new one at each run", SeedMode::Fixed),
    };
    let (button, rest) = split(rect, cell.zoom);
    let response = paint::icon(ui, button, cell.id().with("mode"), icon, colour, &format!("{} mode", cell.name));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(word));
    let response = response.on_hover_text(format!("{word}: {about}. Click for the next way."));
    (rest, response.clicked().then_some(Change::Seed(next)))
}

/// A button at the right end, and the rest.
fn split(rect: Rect, zoom: f32) -> (Rect, Rect) {
    let side = rect.height().min(rect.width() / 2.0);
    let button = Rect::from_min_size(rect.right_top() - vec2(side, 0.0), vec2(side, rect.height()));
    (button, rect.with_max_x((button.min.x - GAP / 2.0 * zoom).max(rect.min.x)))
}

/// A seed that nobody chose: 0 to 2⁵³, as those that are drawn before a run. Programs that read JSON keep all of them.
fn draw() -> i64 {
    (RandomState::new().build_hasher().finish() % ((1 << 53) + 1)).cast_signed()
}
