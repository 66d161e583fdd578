//! What a node said, in a window of its own: a table that can be searched, sorted and copied while the graph is edited
//! and run beside it.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Align2, Context, Key, Modifiers, Ui, Window, vec2};
use egui_phosphor::regular as icon;

use super::card;
use super::table::{Order, Shown};
use crate::editor::theme::SPACE;
use crate::engine::protocol::Table;
use crate::queue::Said;
use crate::text::printable;

/// The open window.
pub struct Report {
    node: String,
    /// Which of the node's reports; none is its notes.
    report: Option<usize>,
    query: String,
    order: Order,
    /// The titles of all that the node reports.
    titles: Vec<String>,
    shown: Option<Shown>,
}

impl Report {
    pub fn new(node: String, report: Option<usize>) -> Self {
        Self { node, report, query: String::new(), order: None, titles: Vec::new(), shown: None }
    }

    /// Draws the window with what the node says now, or said last. False where it was closed.
    pub fn show(&mut self, ctx: &Context, said: &HashMap<String, Said>) -> bool {
        self.look(ctx, said.get(&self.node));
        let title = match &self.shown {
            // The titles of several stand in a list.
            Some(shown) if self.titles.len() < 2 => printable(&format!("{}: {}", self.node, shown.table.title)),
            _ => printable(&self.node),
        };
        let mut is_open = true;
        let screen = ctx.content_rect();
        let room = screen.size() - vec2(SPACE, SPACE) * 4.0;
        let window = Window::new(title)
            .id(egui::Id::new("what a node said"))
            .open(&mut is_open)
            .collapsible(false)
            .pivot(Align2::CENTER_CENTER)
            .default_pos(screen.center())
            .default_size(vec2(860.0, 480.0).min(room))
            .min_size(vec2(280.0, 160.0).min(room));
        window.show(ctx, |ui| self.contents(ui));
        let is_escape =
            !ctx.text_edit_focused() && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        is_open && !is_escape
    }

    /// Takes over a table that is new. While there is none, because the node runs, the last one stays.
    fn look(&mut self, ctx: &Context, said: Option<&Said>) {
        let Some(said) = said else { return };
        let table = match self.report {
            Some(index) => said.reports.get(index).cloned(),
            None => (!said.notes.is_empty()).then(|| notes(&self.node, &said.notes)),
        };
        let Some(table) = table else { return };
        self.titles = said.reports.iter().map(|table| table.title.clone()).collect();
        let is_known =
            self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(&shown.table, &table) || shown.table == table);
        if !is_known {
            self.shown = Some(Shown::new(ctx, table));
        }
    }

    fn contents(&mut self, ui: &mut Ui) {
        let Some(shown) = &mut self.shown else {
            card::quiet(ui, "The node says nothing any more.");
            return;
        };
        if let Some(report) = self.report.as_mut().filter(|_| self.titles.len() > 1) {
            choose(ui, &self.titles, report);
        }
        shown.find(&self.query, self.order);
        head(ui, shown, &mut self.query);
        shown.show(ui, &mut self.order);
    }
}

/// Notes as the rows of a table.
fn notes(node: &str, notes: &[String]) -> Arc<Table> {
    let rows = notes.iter().map(|note| vec![note.clone()]).collect();
    Arc::new(Table { title: format!("what `{node}` noted"), columns: vec!["note".to_owned()], rows })
}

/// Which of several reports is shown.
fn choose(ui: &mut Ui, titles: &[String], report: &mut usize) {
    let title = |index: usize| printable(titles.get(index).map_or("", String::as_str));
    let width = ui.available_width();
    let list = egui::ComboBox::from_id_salt("report").width(width).truncate().selected_text(title(*report));
    let shown = list.show_index(ui, report, titles.len(), title);
    shown.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::ComboBox, true, "report"));
}

/// The search line, how much it finds, and the button that copies it.
fn head(ui: &mut Ui, shown: &Shown, query: &mut String) {
    let (found, all) = (shown.found.len(), shown.table.rows.len());
    let said = if found == all { format!("{all}") } else { format!("{found} of {all}") };
    ui.horizontal(|ui| {
        let width = ui.available_width() - 150.0;
        ui.scope(|ui| {
            ui.set_max_width(width.max(80.0));
            card::search(ui, query, "Filter rows");
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let copy = ui.button(format!("{} Copy", icon::COPY));
            copy.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, "Copy table"));
            if copy.on_hover_text("Copy these rows for a spreadsheet").clicked() {
                ui.ctx().copy_text(shown.text());
            }
            card::quiet(ui, &said);
        });
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    fn table(rows: &[[&str; 3]]) -> Arc<Table> {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let rows = rows.iter().map(|row| owned(row)).collect();
        Arc::new(Table { title: "2 of 3 keys applied".into(), columns: owned(&["key", "state", "rank"]), rows })
    }

    struct State {
        report: Report,
        said: HashMap<String, Said>,
        is_open: bool,
    }

    fn show(said: Said, report: Option<usize>, size: [f32; 2]) -> Harness<'static, State> {
        let said = HashMap::from([("lora".to_owned(), said)]);
        let state = State { report: Report::new("lora".into(), report), said, is_open: true };
        let draw = |ui: &mut Ui, state: &mut State| {
            state.is_open &= state.report.show(ui.ctx(), &state.said);
        };
        let mut harness = Harness::builder().with_size(size).build_ui_state(draw, state);
        crate::editor::theme::install(&harness.ctx);
        harness.run();
        harness
    }

    fn keys() -> Said {
        let rows =
            [["layers.2.q", "applied", "16"], ["layers.10.q", "no target", "4"], ["layers.1.q", "applied", "128"]];
        Said { notes: vec!["one".into(), "two".into()], reports: vec![table(&rows)] }
    }

    fn order(harness: &Harness<'static, State>) -> Vec<String> {
        let mut rows: Vec<(f32, String)> = harness
            .query_all_by_label_contains("layers.")
            .map(|node| (node.rect().top(), node.value().unwrap_or_default()))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.into_iter().map(|(_, label)| label.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn rows_are_filtered_sorted_and_copied() {
        let mut harness = show(keys(), Some(0), [800.0, 600.0]);
        assert_eq!(order(&harness), ["layers.2.q", "layers.10.q", "layers.1.q"]);
        for (column, expected) in [
            ("sort by key", ["layers.1.q", "layers.2.q", "layers.10.q"]),
            ("sort by rank", ["layers.10.q", "layers.2.q", "layers.1.q"]),
            ("sort by rank", ["layers.1.q", "layers.2.q", "layers.10.q"]),
            ("sort by rank", ["layers.2.q", "layers.10.q", "layers.1.q"]),
        ] {
            harness.get_by_label(column).click();
            harness.run();
            assert_eq!(order(&harness), expected, "{column}");
        }
        harness.get_by_label("Filter rows").focus();
        harness.run();
        harness.get_by_label("Filter rows").type_text("APPLIED layers.1");
        harness.run();
        harness.run();
        assert_eq!(order(&harness), ["layers.1.q"]);
        harness.get_by_label("1 of 3");
        harness.get_by_label("Copy table").click();
        harness.step();
        let commands = &harness.output().platform_output.commands;
        let copied = "key\tstate\trank\nlayers.1.q\tapplied\t128\n".to_owned();
        assert!(commands.contains(&egui::OutputCommand::CopyText(copied)), "{commands:?}");
    }

    #[test]
    fn a_new_table_takes_the_place_and_a_missing_one_does_not() {
        let mut harness = show(keys(), Some(0), [800.0, 600.0]);
        harness.state_mut().said.clear();
        harness.run();
        assert_eq!(order(&harness).len(), 3, "while the node runs the last one stays");
        let said = Said { reports: vec![table(&[["layers.7.q", "applied", "1"]])], ..Said::default() };
        harness.state_mut().said.insert("lora".to_owned(), said);
        harness.run();
        assert_eq!(order(&harness), ["layers.7.q"]);
        harness.key_press(Key::Escape);
        harness.run();
        assert!(!harness.state().is_open);
    }

    #[test]
    fn notes_are_a_table_too() {
        let harness = show(keys(), None, [800.0, 600.0]);
        harness.get_by_label("one");
        harness.get_by_label("two");
    }

    #[test]
    fn odd_tables_are_drawn() {
        let long = "x\u{202e}\n".repeat(3000);
        let odd = Table { title: long.clone(), columns: vec!["a".into(); 40], rows: vec![vec![long], vec![]] };
        let empty = Table { title: String::new(), columns: Vec::new(), rows: vec![Vec::new()] };
        for table in [odd, empty] {
            for size in [[60.0, 60.0], [800.0, 600.0]] {
                show(Said { notes: Vec::new(), reports: vec![Arc::new(table.clone())] }, Some(0), size);
            }
        }
        show(Said::default(), Some(3), [300.0, 300.0]).get_by_label("The node says nothing any more.");
    }
}
