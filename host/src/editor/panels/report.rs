//! What a node said, in a window of its own: a table that can be searched, sorted and copied while the graph is edited
//! and run beside it.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Align2, Context, Key, Modifiers, Rect, ScrollArea, Stroke, TextStyle, Ui, Window, pos2, vec2};
use egui_phosphor::regular as icon;

use super::card;
use crate::editor::theme::{GAP, SPACE, Theme};
use crate::editor::widgets::paint;
use crate::engine::protocol::Table;
use crate::library::natural;
use crate::queue::Said;
use crate::text::printable;

/// The open window.
pub struct Report {
    node: String,
    /// Which of the node's reports; none is its notes.
    report: Option<usize>,
    query: String,
    /// The column that rows are sorted by, and whether the last comes first.
    sort: Option<(usize, bool)>,
    /// The titles of all that the node reports.
    titles: Vec<String>,
    shown: Option<Shown>,
}

/// A table, and what was made of it for drawing: this lasts as long as table, query and order.
struct Shown {
    table: Arc<Table>,
    columns: Vec<Column>,
    found_by: (String, Option<(usize, bool)>),
    /// Rows that the query finds, in the order in which they are drawn.
    found: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// What its longest cell takes.
    width: f32,
    is_number: bool,
}

/// Narrower than this a column tells nothing.
const NARROW: f32 = 64.0;

impl Report {
    pub fn new(node: String, report: Option<usize>) -> Self {
        Self { node, report, query: String::new(), sort: None, titles: Vec::new(), shown: None }
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
            self.sort = self.sort.filter(|(column, _)| *column < table.columns.len());
            let columns = measure(ctx, &table);
            self.shown = Some(Shown { table, columns, found_by: (String::new(), None), found: Vec::new() });
            self.find();
        }
    }

    fn find(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        shown.found_by = (self.query.clone(), self.sort);
        let finds = |row: &Vec<String>| {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            card::finds(&self.query, &cells)
        };
        let rows = &shown.table.rows;
        shown.found = (0..rows.len()).filter(|&row| finds(&rows[row])).collect();
        let Some((column, is_reversed)) = self.sort else { return };
        let cell = |row: usize| rows[row].get(column).map_or("", String::as_str);
        let number = |row: usize| cell(row).parse().unwrap_or(f64::NAN);
        if shown.columns[column].is_number {
            shown.found.sort_by(|&a, &b| number(a).total_cmp(&number(b)));
        } else {
            shown.found.sort_by(|&a, &b| natural(cell(a), cell(b)));
        }
        if is_reversed {
            shown.found.reverse();
        }
    }

    fn contents(&mut self, ui: &mut Ui) {
        if self.shown.as_ref().is_some_and(|shown| (&shown.found_by.0, shown.found_by.1) != (&self.query, self.sort)) {
            self.find();
        }
        let Some(shown) = &self.shown else {
            card::quiet(ui, "The node says nothing any more.");
            return;
        };
        if let Some(report) = self.report.as_mut().filter(|_| self.titles.len() > 1) {
            choose(ui, &self.titles, report);
        }
        head(ui, shown, &mut self.query);
        let width = ui.available_width();
        let widths = fit(&shown.columns, width - GAP);
        let sum: f32 = widths.iter().sum();
        let sort = &mut self.sort;
        ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
            ui.set_width(sum.max(width));
            titles(ui, shown, &widths, sort);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let height = card::height(ui, &TextStyle::Body) + GAP;
                card::rows(ui, shown.found.len(), height, |ui, index, rect| row(ui, shown, &widths, index, rect));
            });
        });
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
                ui.ctx().copy_text(text(shown));
            }
            card::quiet(ui, &said);
        });
    });
}

/// Columns with tabs between them and lines for rows, as spreadsheets take it.
fn text(shown: &Shown) -> String {
    let line = |cells: &[String]| cells.iter().map(|cell| cell.replace(['\t', '\n', '\r'], " ")).collect::<Vec<_>>();
    let rows = shown.found.iter().map(|&row| &shown.table.rows[row]);
    let lines = std::iter::once(&shown.table.columns).chain(rows);
    lines.map(|cells| line(cells).join("\t") + "\n").collect()
}

/// The names of the columns. A click sorts by one, another one the other way round, a third not at all.
fn titles(ui: &mut Ui, shown: &Shown, widths: &[f32], sort: &mut Option<(usize, bool)>) {
    let theme = Theme::of(ui);
    let height = card::row_height(ui);
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), height));
    for (index, (place, name)) in places(rect, widths).zip(&shown.table.columns).enumerate() {
        let response = card::button(ui, place, ("column", index), &format!("sort by {name}"));
        let mark = match *sort {
            Some((column, false)) if column == index => icon::CARET_UP,
            Some((column, true)) if column == index => icon::CARET_DOWN,
            _ => "",
        };
        let color = if response.hovered() || !mark.is_empty() { theme.text } else { theme.quiet };
        cell(ui, place, &format!("{name} {mark}"), &TextStyle::Small, color, shown.columns[index].is_number);
        if response.clicked() {
            *sort = match *sort {
                Some((column, false)) if column == index => Some((index, true)),
                Some((column, true)) if column == index => None,
                _ => Some((index, false)),
            };
        }
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, theme.line));
}

fn row(ui: &Ui, shown: &Shown, widths: &[f32], index: usize, rect: Rect) {
    let theme = Theme::of(ui);
    let cells = &shown.table.rows[shown.found[index]];
    let response = ui.interact(rect, ui.id().with(("row", index)), egui::Sense::click());
    let said = || egui::WidgetInfo::labeled(egui::WidgetType::Label, true, printable(&cells.join("  ")));
    response.widget_info(said);
    card::row_background(ui, &response);
    let mut is_cut = false;
    for ((place, said), column) in places(rect, widths).zip(cells).zip(&shown.columns) {
        is_cut |= cell(ui, place, said, &TextStyle::Body, theme.text, column.is_number);
    }
    response.context_menu(|ui| {
        if ui.button("Copy row").clicked() {
            ui.ctx().copy_text(cells.join("\t"));
        }
    });
    if is_cut {
        response.on_hover_ui(|ui| {
            for (name, said) in shown.table.columns.iter().zip(cells).filter(|(_, said)| !said.is_empty()) {
                card::quiet(ui, name);
                ui.label(printable(said));
            }
        });
    }
}

/// Text in its cell; true where it does not fit.
fn cell(ui: &Ui, rect: Rect, said: &str, style: &TextStyle, color: egui::Color32, is_right: bool) -> bool {
    let inner = rect.shrink2(vec2(GAP, 0.0));
    let mut galley = card::text(ui, said, style, color, inner.width(), 1);
    let is_cut = galley.elided;
    if is_cut && !said.contains(char::is_whitespace) {
        // Of names that are alike the ends differ.
        let cut = |text: &str| card::text(ui, text, style, color, inner.width(), 1);
        let said = printable(said);
        galley = cut(&paint::middle_cut(&said, |text| !cut(text).elided));
    }
    let align = if is_right { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER };
    let place = align.align_size_within_rect(galley.size(), inner);
    ui.painter().galley(place.min, galley, color);
    is_cut
}

fn places(row: Rect, widths: &[f32]) -> impl Iterator<Item = Rect> {
    let mut x = row.left();
    widths.iter().map(move |width| {
        let rect = Rect::from_min_size(pos2(x, row.top()), vec2(*width, row.height()));
        x += width;
        rect
    })
}

/// What each column would like to take. Its longest cell is measured, longest by letters.
fn measure(ctx: &Context, table: &Table) -> Vec<Column> {
    let style = ctx.global_style();
    let width = |text: &str, style_of: TextStyle| {
        let font = style_of.resolve(&style);
        let galley = ctx.fonts_mut(|fonts| fonts.layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE));
        galley.size().x + 2.0 * GAP + 2.0
    };
    let column = |(index, name): (usize, &String)| {
        let cells = || table.rows.iter().filter_map(|row| row.get(index)).filter(|cell| !cell.is_empty());
        let longest = cells().max_by_key(|cell| cell.len()).map_or("", String::as_str);
        // Of what is cut at any width only so much is measured.
        let longest: String = printable(longest).chars().take(400).collect();
        // With room for the mark of a sorted column.
        let title = width(&format!("{} {}", printable(name), icon::CARET_UP), TextStyle::Small);
        let is_number = !longest.is_empty() && cells().all(|cell| cell.parse::<f64>().is_ok());
        Column { width: width(&longest, TextStyle::Body).max(title), is_number }
    };
    table.columns.iter().enumerate().map(column).collect()
}

/// Widths that fill `room`: where there is not enough, the widest give way until all that give way are as wide as each
/// other, and none gets narrower than it must.
fn fit(columns: &[Column], room: f32) -> Vec<f32> {
    let mut widths: Vec<f32> = columns.iter().map(|column| column.width).collect();
    let mut sorted = widths.clone();
    sorted.sort_by(f32::total_cmp);
    let mut left = room;
    let mut cap = f32::INFINITY;
    for (index, width) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - index) as f32;
        if *width > share {
            cap = share.max(NARROW);
            break;
        }
        left -= width;
    }
    widths.iter_mut().for_each(|width| *width = width.min(cap));
    // Numbers stay beside what they belong to: what is left over goes to the last column of text.
    let rest = room - widths.iter().sum::<f32>();
    let last = columns.iter().rposition(|column| !column.is_number);
    if let Some(last) = last.filter(|_| rest > 0.0) {
        widths[last] += rest;
    }
    widths
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

    #[test]
    fn wide_columns_give_way_first() {
        let of = |widths: &[f32]| widths.iter().map(|&width| Column { width, is_number: false }).collect::<Vec<_>>();
        assert_eq!(fit(&of(&[100.0, 900.0, 50.0]), 400.0), [100.0, 250.0, 50.0]);
        assert_eq!(fit(&of(&[600.0, 900.0, 50.0]), 450.0), [200.0, 200.0, 50.0]);
        assert_eq!(fit(&of(&[100.0, 100.0]), 300.0), [100.0, 200.0]);
        assert_eq!(fit(&of(&[500.0, 500.0]), 60.0), [NARROW, NARROW]);
        assert!(fit(&[], 60.0).is_empty());
    }
}
