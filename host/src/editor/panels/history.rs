//! The runs: what goes on and waits, and the pictures of the earlier ones.

use std::path::Path;
use std::sync::Arc;

use egui::{Align2, Rect, ScrollArea, Stroke, StrokeKind, TextStyle, Ui, pos2, vec2};
use egui_phosphor::regular as icon;

use super::{Action, Textures, card, runs};
use crate::editor::action;
use crate::editor::theme::{FIELD_RADIUS, GAP, SPACE, Theme};
use crate::queue::{Finished, Outcome, Picture, State};

/// Pictures of one run that are shown.
const SHOWN: usize = 9;
/// Pixels of a thumbnail.
const SIDE: u32 = 384;

/// The page of runs, newest first.
pub fn page(ui: &mut Ui, state: &State, textures: &mut Textures) -> Vec<Action> {
    let mut actions = Vec::new();
    ScrollArea::vertical().id_salt("history").auto_shrink(false).show(ui, |ui| {
        if let Some(current) = &state.current {
            actions.extend(runs::running(ui, current));
        }
        actions.extend(runs::waiting(ui, &state.waiting));
        if state.current.is_none() && state.waiting.is_empty() && state.history.is_empty() {
            let keys = action::find(&Action::Run).and_then(|entry| entry.keys.first());
            let keys =
                keys.map_or(String::new(), |keys| format!("{} runs the graph. ", ui.ctx().format_shortcut(keys)));
            card::nothing(ui, icon::IMAGES, &format!("Nothing has run yet. {keys}Its pictures appear here."));
        }
        for run in state.history.iter().rev() {
            let size = vec2(ui.available_width(), card_height(ui, run, ui.available_width()));
            let (_, rect) = ui.allocate_space(size);
            if ui.is_rect_visible(rect) {
                actions.extend(finished(ui, rect, run, textures));
            }
        }
        ui.add_space(SPACE);
    });
    actions
}

/// The pictures of a run, without those that were seen on the way.
fn pictures(run: &Finished) -> impl Iterator<Item = &(String, Arc<Picture>)> {
    run.pictures.iter().filter(|(_, picture)| !picture.is_preview)
}

/// Columns of a run's pictures, and the height of one.
fn grid(count: usize, width: f32) -> (usize, f32) {
    match count {
        0 => (1, 0.0),
        1 => (1, (width * 0.75).min(220.0)),
        count => {
            let columns = if count == 2 { 2 } else { 3 };
            (columns, (width - GAP * (columns as f32 - 1.0)) / columns as f32)
        }
    }
}

/// What a run came to, beside its pictures: in the colour of the theme, and rows that it may take.
fn outcome(run: &Finished) -> Option<(String, bool)> {
    match &run.outcome {
        Outcome::Done => None,
        Outcome::Cancelled => Some(("stopped".to_owned(), false)),
        Outcome::Failed(errors) => {
            let said = errors.first().map_or("it failed".to_owned(), |(_, error)| error.what.clone());
            let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
            Some((format!("{said}{more}"), true))
        }
    }
}

fn card_height(ui: &Ui, run: &Finished, width: f32) -> f32 {
    let inside = width - 2.0 * SPACE;
    let count = pictures(run).count().min(SHOWN);
    let (columns, cell) = grid(count, inside);
    let rows = count.div_ceil(columns) as f32;
    let pictures = if count == 0 { 0.0 } else { rows * (cell + GAP) };
    let small = card::height(ui, &TextStyle::Small);
    let said = match outcome(run) {
        None => 0.0,
        Some((_, is_error)) => GAP + if is_error { 2.0 * small } else { small },
    };
    GAP + card::row_height(ui) + pictures + said + if pictures + said > 0.0 { SPACE } else { GAP }
}

fn finished(ui: &mut Ui, rect: Rect, run: &Finished, textures: &mut Textures) -> Vec<Action> {
    let theme = Theme::of(ui);
    let mut actions = Vec::new();
    card::card(ui, rect, None);
    let inside = Rect::from_min_max(rect.min + vec2(SPACE, GAP), rect.max - vec2(SPACE, SPACE));
    let row = card::row_height(ui);
    let middle = inside.top() + row / 2.0;
    let mut right = inside.right() + GAP;
    let first = pictures(run).find_map(|(_, picture)| picture.file.as_deref());
    let mut small_button = |ui: &Ui, glyph: &str, name: &str| {
        right -= row;
        card::icon_button(ui, pos2(right + row / 2.0, middle), (name, run.id), glyph, name).clicked()
    };
    if let Some(file) = first
        && small_button(ui, icon::FOLDER_OPEN, "Show in folder")
    {
        actions.push(Action::ShowInFolder(file.to_owned()));
    }
    if small_button(ui, icon::ARROW_COUNTER_CLOCKWISE, "Restore this graph") {
        actions.push(Action::Restore(run.graph.clone()));
    }
    let at = pos2(right - GAP, middle);
    let seconds = seconds(run.seconds);
    let time = card::line(ui, at, Align2::RIGHT_CENTER, &seconds, &TextStyle::Small, theme.quiet, inside.width() * 0.3);
    let width = time.left() - GAP - inside.left();
    let at = pos2(inside.left(), middle);
    card::line(ui, at, Align2::LEFT_CENTER, &run.title, &TextStyle::Body, theme.text, width);

    let mut top = inside.top() + row;
    if let Some((said, is_error)) = outcome(run) {
        let color = if is_error { theme.error } else { theme.quiet };
        let said = if is_error { format!("{} {said}", icon::WARNING_CIRCLE) } else { said };
        let galley = card::text(ui, &said, &TextStyle::Small, color, inside.width(), if is_error { 2 } else { 1 });
        ui.painter().galley(pos2(inside.left(), top + GAP), galley, color);
        let small = card::height(ui, &TextStyle::Small);
        top += GAP + if is_error { 2.0 * small } else { small };
    }
    actions.extend(thumbnails(ui, pos2(inside.left(), top + GAP), inside.width(), run, textures));
    actions
}

fn thumbnails(ui: &mut Ui, at: egui::Pos2, width: f32, run: &Finished, textures: &mut Textures) -> Vec<Action> {
    let theme = Theme::of(ui);
    let mut actions = Vec::new();
    let count = pictures(run).count();
    let (columns, height) = grid(count.min(SHOWN), width);
    let cell = vec2((width - GAP * (columns as f32 - 1.0)) / columns as f32, height);
    for (index, (node, picture)) in pictures(run).take(SHOWN).enumerate() {
        let (column, row) = ((index % columns) as f32, (index / columns) as f32);
        let rect = Rect::from_min_size(at + vec2(column * (cell.x + GAP), row * (cell.y + GAP)), cell);
        let file = picture.file.as_deref();
        let name =
            format!("picture {}", file.and_then(Path::file_name).map_or(node.into(), |name| name.to_string_lossy()));
        let response = card::button(ui, rect, ("thumbnail", run.id, index), &name);
        match textures.thumbnail(ui.ctx(), picture, SIDE) {
            Some(texture) => card::cover(ui, rect, &texture, FIELD_RADIUS.into()),
            None => card::no_picture(ui, rect, FIELD_RADIUS.into()),
        }
        if response.hovered() || response.has_focus() {
            ui.painter().rect_stroke(rect, FIELD_RADIUS, Stroke::new(2.0, theme.accent), StrokeKind::Inside);
        }
        let hidden = count - SHOWN.min(count);
        if index + 1 == SHOWN && hidden > 0 {
            ui.painter().rect_filled(rect, FIELD_RADIUS, egui::Color32::from_black_alpha(0x90));
            let said = format!("+{hidden}");
            let color = egui::Color32::WHITE;
            card::line(ui, rect.center(), Align2::CENTER_CENTER, &said, &TextStyle::Heading, color, rect.width());
        }
        if let (true, Some(file)) = (response.clicked(), file) {
            actions.push(Action::View(file.to_owned()));
        }
        response.context_menu(|ui| {
            if ui.button("Restore this graph").clicked() {
                actions.push(Action::Restore(run.graph.clone()));
            }
            if let Some(file) = file
                && ui.button("Show in folder").clicked()
            {
                actions.push(Action::ShowInFolder(file.to_owned()));
            }
        });
        response.on_hover_text(format!("{name}\n{} × {}", picture.width, picture.height));
    }
    actions
}

fn seconds(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 59.95 => format!("{:.1} s", seconds.max(0.0)),
        seconds if seconds < 3599.5 => format!("{} min {:02} s", seconds as u64 / 60, seconds as u64 % 60),
        seconds => format!("{} h {:02} min", seconds as u64 / 3600, seconds as u64 / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::error::{Code, Error};
    use crate::graph::Graph;
    use crate::queue::RunId;

    fn graph() -> Arc<Graph> {
        Arc::new(Graph::parse("Graph(format: 1, nodes: {})", "test").unwrap())
    }

    fn picture(file: Option<&str>) -> (String, Arc<Picture>) {
        let file = file.map(PathBuf::from);
        let picture = Picture { width: 4, height: 2, rgba: vec![90; 32], file, is_preview: false };
        ("save".to_owned(), Arc::new(picture))
    }

    fn run(id: RunId, pictures: Vec<(String, Arc<Picture>)>, outcome: Outcome) -> Arc<Finished> {
        Arc::new(Finished { id, title: format!("run {id}"), graph: graph(), seconds: 12.34, pictures, outcome })
    }

    fn show(size: [f32; 2], state: State) -> Harness<'static, Vec<Action>> {
        let mut textures = Textures::default();
        let draw = move |ui: &mut Ui, actions: &mut Vec<Action>| actions.extend(page(ui, &state, &mut textures));
        Harness::builder().with_size(size).build_ui_state(draw, Vec::new())
    }

    fn click(harness: &mut Harness<'_, Vec<Action>>, label: &str) -> Vec<Action> {
        harness.get_by_label(label).click();
        harness.step();
        harness.run_ok();
        std::mem::take(harness.state_mut())
    }

    #[test]
    fn thumbnails_show_pictures_and_graphs_come_back() {
        let failed = Outcome::Failed(vec![(None, Error::new(Code::File, "the model is broken"))]);
        let history = vec![run(1, vec![picture(Some("out/fox.png"))], Outcome::Done)];
        let mut harness = show([300.0, 600.0], State { history, ..State::default() });
        assert_eq!(click(&mut harness, "picture fox.png"), [Action::View("out/fox.png".into())]);
        assert_eq!(click(&mut harness, "Restore this graph"), [Action::Restore(graph())]);
        assert_eq!(click(&mut harness, "Show in folder"), [Action::ShowInFolder("out/fox.png".into())]);
        harness.get_by_label("picture fox.png").click_secondary();
        harness.run_ok();
        assert_eq!(harness.query_all_by_label("Show in folder").count(), 2);
        assert_eq!(outcome(&run(2, Vec::new(), failed)), Some(("the model is broken".to_owned(), true)));
    }

    #[test]
    fn hundreds_of_runs_cost_what_is_in_sight() {
        let runs = (0..200).map(|id| run(id, vec![picture(None); id as usize % 14], Outcome::Cancelled)).collect();
        let harness = show([280.0, 500.0], State { history: runs, ..State::default() });
        assert!(harness.query_all_by_label("Restore this graph").count() < 10);
        assert!(harness.query_all_by_label("picture save").count() < 40);
    }

    #[test]
    fn it_fits_the_narrowest_panel() {
        let run = run(1, vec![picture(None), picture(Some("/")), picture(None)], Outcome::Failed(Vec::new()));
        show([20.0, 300.0], State { history: vec![run], ..State::default() });
        show([300.0, 300.0], State::default()).get_by_label_contains("Nothing has run yet. Ctrl+Enter runs the graph.");
    }

    #[test]
    fn times_read_well() {
        for (time, said) in [(0.04, "0.0 s"), (83.0, "1 min 23 s"), (3700.0, "1 h 01 min")] {
            assert_eq!(seconds(time), said);
        }
    }
}
