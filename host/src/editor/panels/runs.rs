//! The run that goes on, and those that wait.

use egui::{Align2, Rect, RichText, Stroke, StrokeKind, TextStyle, Ui, pos2, vec2};
use egui_phosphor::regular as icon;

use super::{Action, card};
use crate::editor::theme::{GAP, RADIUS, SPACE, Theme};
use crate::queue::{Current, Order, RunId};

/// The run that goes on: its name, node and progress, and the button that stops it.
pub fn running(ui: &mut Ui, run: &Current) -> Option<Action> {
    let theme = Theme::of(ui);
    let (body, small) = (card::height(ui, &TextStyle::Body), card::height(ui, &TextStyle::Small));
    let size = vec2(ui.available_width(), SPACE * 2.0 + body + GAP + small + GAP + 4.0);
    let (_, rect) = ui.allocate_space(size);
    card::card(ui, rect, None);
    ui.painter().rect_stroke(rect, RADIUS, Stroke::new(1.0, theme.accent), StrokeKind::Inside);
    let inside = rect.shrink(SPACE);
    let (glyph, name) = if run.is_cancelling { (icon::X, "Stop at once") } else { (icon::STOP, "Stop") };
    let at = pos2(inside.right() - body / 2.0, inside.top() + body / 2.0);
    let stop = card::icon_button(ui, at, "stop", glyph, name).clicked().then_some(Action::Interrupt);
    let width = inside.width() - body - SPACE;
    card::line(ui, inside.min, Align2::LEFT_TOP, &run.title, &TextStyle::Body, theme.text, width);
    let at = inside.min + vec2(0.0, body + GAP);
    card::line(ui, at, Align2::LEFT_TOP, &doing(run), &TextStyle::Small, theme.quiet, inside.width());
    let bar = Rect::from_min_max(pos2(inside.left(), inside.bottom() - 4.0), inside.max);
    ui.painter().rect_filled(bar, 2, theme.line);
    let done = Rect::from_min_size(bar.min, vec2(bar.width() * share(run), bar.height()));
    ui.painter().rect_filled(done, 2, theme.accent);
    stop
}

fn doing(run: &Current) -> String {
    if run.is_cancelling {
        return "stopping after this step".to_owned();
    }
    let node = run.node.as_deref().unwrap_or("starting");
    match run.progress {
        Some((done, total)) if total > 0 => format!("{node} · step {done} of {total}"),
        _ => format!("{node} · {} of {} nodes", run.done, run.total),
    }
}

/// How much of a run is done, from 0 to 1: whole nodes and the steps of the running one.
fn share(run: &Current) -> f32 {
    let steps = run.progress.map_or(0.0, |(done, total)| (done as f32 / total.max(1) as f32).min(1.0));
    ((run.done as f32 + steps) / run.total.max(1) as f32).clamp(0.0, 1.0)
}

/// The runs that wait, each with the button that takes it back.
pub fn waiting(ui: &mut Ui, waiting: &[(RunId, Order)]) -> Vec<Action> {
    let theme = Theme::of(ui);
    let mut actions = Vec::new();
    if waiting.is_empty() {
        return actions;
    }
    ui.horizontal(|ui| {
        let title = format!("{} {} waiting", icon::CLOCK, waiting.len());
        ui.add(egui::Label::new(RichText::new(title).color(theme.quiet)).selectable(false));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.add(egui::Button::new("Clear").frame_when_inactive(false)).clicked() {
                actions.push(Action::ClearQueue);
            }
        });
    });
    let height = card::row_height(ui);
    card::rows(ui, waiting.len(), height, |ui, index, rect| {
        let (id, order) = &waiting[index];
        let at = pos2(rect.left() + GAP, rect.center().y);
        let width = rect.width() - height - GAP;
        card::line(ui, at, Align2::LEFT_CENTER, &order.title, &TextStyle::Body, theme.text, width);
        let at = pos2(rect.right() - height / 2.0, rect.center().y);
        let name = format!("Remove {}", order.title);
        if card::icon_button(ui, at, ("remove", id), icon::X, &name).clicked() {
            actions.push(Action::Unqueue(*id));
        }
    });
    ui.add_space(GAP);
    actions
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Instant;

    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::graph::{Graph, Roots};

    #[test]
    fn the_queue_can_be_stopped_and_cleared() {
        let graph = Graph::parse("Graph(format: 1, nodes: {})", "test").unwrap();
        let order =
            Order { title: "fox".to_owned(), graph: Arc::new(graph), roots: Roots::default(), output: PathBuf::new() };
        let current = Current {
            id: 1,
            title: "star".to_owned(),
            started: Instant::now(),
            node: Some("sample".to_owned()),
            progress: Some((2, 0)),
            done: 3,
            total: 0,
            is_cancelling: false,
        };
        assert!(share(&current) <= 1.0);
        let draw = move |ui: &mut Ui, actions: &mut Vec<Action>| {
            actions.extend(running(ui, &current));
            actions.extend(waiting(ui, &[(7, order.clone())]));
        };
        let mut harness = Harness::builder().with_size([300.0, 300.0]).build_ui_state(draw, Vec::new());
        for label in ["Stop", "Remove fox", "Clear"] {
            harness.get_by_label(label).click();
            harness.run();
        }
        assert_eq!(*harness.state(), [Action::Interrupt, Action::Unqueue(7), Action::ClearQueue]);
    }
}
