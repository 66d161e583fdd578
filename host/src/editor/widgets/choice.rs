//! One of several words.

use egui::{Align, Popup, PopupCloseBehavior, Rect, Response, Sense, Ui, WidgetInfo, WidgetType, vec2};
use egui_phosphor::regular;

use super::list::{self, Line};
use super::search::Query;
use super::{Cell, Change, paint, value};
use crate::editor::theme::{GAP, Theme};

/// A list that is open: what was typed, and which item the arrows are on.
#[derive(Debug, Clone, Default)]
pub struct Open {
    pub query: String,
    pub chosen: usize,
}

/// A field that is narrower, at zoom 1, has no caret.
const NARROW: f32 = 150.0;
/// Lists with more options than this have a search line.
const SHORT: usize = 10;
/// The highest that a list gets, in points.
pub const HEIGHT: f32 = 288.0;

pub fn put(ui: &Ui, rect: Rect, cell: &Cell<'_>, default: &str, options: &[String]) -> Option<Change> {
    let read = value::read(cell.value, default.to_owned(), |given| {
        let word = value::text(given)?;
        if options.contains(&word) { Ok(word) } else { Err("it is none of the choices".to_owned()) }
    });
    let (text, colour) = match &read {
        Ok(word) => (word.as_str(), paint::colour(ui, word == default)),
        Err(odd) => (odd.text.as_str(), Theme::of(ui).error),
    };
    let (response, inner) = button(ui, rect, cell, text);
    paint::line(ui, inner, text, colour, Align::Min);
    let picked = pick(ui, &response, text, options);
    let menu = cell.finish(&response, read.as_ref().err());
    picked.map(|word| Change::Value(Some(value::print(&word)))).or(menu)
}

/// The closed field with a caret; gives the room for its text.
pub fn button(ui: &Ui, rect: Rect, cell: &Cell<'_>, text: &str) -> (Response, Rect) {
    let response = ui.interact(rect, cell.id(), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, ui.is_enabled(), &cell.name));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(text));
    paint::plate(ui, rect, &response, cell.zoom);
    let inner = rect.shrink2(vec2(paint::PAD * cell.zoom, 0.0));
    // In a narrow cell the name needs the room.
    if rect.width() < NARROW * cell.zoom {
        return (response, inner);
    }
    let caret = paint::line(ui, inner, regular::CARET_DOWN, Theme::of(ui).quiet, Align::Max);
    (response, inner.with_max_x(inner.max.x - caret - GAP * cell.zoom))
}

fn pick(ui: &Ui, response: &Response, now: &str, options: &[String]) -> Option<String> {
    let id = response.id.with("list");
    if response.clicked() {
        let chosen = options.iter().position(|option| option == now).unwrap_or_default();
        ui.data_mut(|data| data.insert_temp(id, Open { query: String::new(), chosen }));
    }
    let popup = Popup::from_toggle_button_response(response)
        .id(id)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(response.rect.width().max(140.0));
    let shown = popup.show(|ui| {
        let mut open: Open = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        let mut found = matching(options, &open.query);
        let mut keys = list::keys(ui, &mut open.chosen, found.len());
        if options.len() > SHORT && list::search(ui, id.with("search"), &mut open.query, "search choices") {
            open.chosen = 0;
            keys.moved = true;
            found = matching(options, &open.query);
        }
        keys.moved |= response.clicked();
        let line = |word: &&String| Line::Item { text: (*word).clone(), quiet: String::new(), name: (*word).clone() };
        let lines: Vec<Line> = found.iter().map(line).collect();
        let clicked = list::show(ui, id, &lines, &mut open.chosen, keys, HEIGHT);
        let picked = clicked.or(keys.entered.then_some(open.chosen)).and_then(|item| found.get(item));
        let picked = picked.map(|word| (*word).clone());
        ui.data_mut(|data| data.insert_temp(id, open));
        if picked.is_some() {
            ui.close();
        }
        picked
    });
    shown.and_then(|shown| shown.inner)
}

fn matching<'a>(options: &'a [String], query: &str) -> Vec<&'a String> {
    let mut query = Query::new(query);
    if query.is_empty() {
        return options.iter().collect();
    }
    let mut found: Vec<_> =
        options.iter().filter_map(|option| query.name(option).map(|score| (score, option))).collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, option)| option).collect()
}
