//! A table on the screen: columns that share the room, rows that can be filtered, sorted and copied.

use std::sync::Arc;

use egui::{Align2, Context, Rect, ScrollArea, Stroke, TextStyle, Ui, pos2, vec2};
use egui_phosphor::regular as icon;

use super::card;
use crate::editor::theme::{GAP, Theme};
use crate::editor::widgets::paint;
use crate::engine::protocol::Table;
use crate::library::natural;
use crate::text::printable;

/// The column that rows are sorted by, and whether the last comes first.
pub type Order = Option<(usize, bool)>;

/// A table, and what was made of it for drawing: this lasts as long as table, query and order.
pub struct Shown {
    pub table: Arc<Table>,
    columns: Vec<Column>,
    found_by: (String, Order),
    /// Rows that the query finds, in the order in which they are drawn.
    pub found: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// What its longest cell takes.
    width: f32,
    is_number: bool,
}

/// Narrower than this a column tells nothing.
const NARROW: f32 = 64.0;

impl Shown {
    pub fn new(ctx: &Context, table: Arc<Table>) -> Self {
        let columns = measure(ctx, &table);
        let found = (0..table.rows.len()).collect();
        Self { table, columns, found_by: (String::new(), None), found }
    }

    /// Brings the rows up to date with query and order.
    pub fn find(&mut self, query: &str, order: Order) {
        if (self.found_by.0.as_str(), self.found_by.1) == (query, order) {
            return;
        }
        self.found_by = (query.to_owned(), order);
        let rows = &self.table.rows;
        let finds = |row: &Vec<String>| card::finds(query, &row.iter().map(String::as_str).collect::<Vec<_>>());
        self.found = (0..rows.len()).filter(|&row| finds(&rows[row])).collect();
        let Some((column, is_reversed)) = order.filter(|(column, _)| *column < self.columns.len()) else { return };
        let cell = |row: usize| rows[row].get(column).map_or("", String::as_str);
        let number = |row: usize| cell(row).parse().unwrap_or(f64::NAN);
        if self.columns[column].is_number {
            self.found.sort_by(|&a, &b| number(a).total_cmp(&number(b)));
        } else {
            self.found.sort_by(|&a, &b| natural(cell(a), cell(b)));
        }
        if is_reversed {
            self.found.reverse();
        }
    }

    /// Draws the table over all the room that there is. A click on a column's name changes the order.
    pub fn show(&self, ui: &mut Ui, order: &mut Order) {
        let width = ui.available_width();
        let widths = fit(&self.columns, width - GAP);
        let sum: f32 = widths.iter().sum();
        ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
            ui.set_width(sum.max(width));
            titles(ui, self, &widths, order);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let height = card::height(ui, &TextStyle::Body) + GAP;
                card::rows(ui, self.found.len(), height, |ui, index, rect| row(ui, self, &widths, index, rect));
            });
        });
    }

    /// Columns with tabs between them and lines for rows, as spreadsheets take it.
    pub fn text(&self) -> String {
        let line =
            |cells: &[String]| cells.iter().map(|cell| cell.replace(['\t', '\n', '\r'], " ")).collect::<Vec<_>>();
        let rows = self.found.iter().map(|&row| &self.table.rows[row]);
        let lines = std::iter::once(&self.table.columns).chain(rows);
        lines.map(|cells| line(cells).join("\t") + "\n").collect()
    }
}

/// The names of the columns. A click sorts by one, another one the other way round, a third not at all.
fn titles(ui: &mut Ui, shown: &Shown, widths: &[f32], sort: &mut Order) {
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
    use super::*;

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
