//! A file out of a folder of the library.

use std::path::Path;
use std::sync::Arc;

use egui::{Id, Popup, PopupCloseBehavior, Rect, Response, Ui, vec2};
use egui_phosphor::regular;
use plugin_api::Folder;

use super::choice::{self, HEIGHT, Open};
use super::list::{self, Line};
use super::search::Query;
use super::{Cell, Change, paint, value};
use crate::editor::panels;
use crate::editor::theme::{FIELD, GAP, Theme};
use crate::library::Entry;

/// Where an input's files lie.
pub struct Place<'a> {
    pub default: &'a str,
    pub folder: &'a Folder,
    pub extensions: &'a [String],
}

pub fn put(ui: &Ui, rect: Rect, cell: &Cell<'_>, place: &Place<'_>) -> Option<Change> {
    let theme = Theme::of(ui);
    let files = cell.files.list(place.folder, place.extensions);
    let read = value::read(cell.value, place.default.to_owned(), value::name);
    let name = read.as_ref().map_or_else(|odd| odd.text.as_str(), String::as_str);
    let is_known = || cell.files.find(place.folder, place.extensions, name).is_some();
    let is_there = name.is_empty() || is_known() || is_elsewhere(ui, cell.id(), name);
    let (text, colour) = match &read {
        Err(_) => (name, theme.error),
        Ok(_) if name.is_empty() => ("none", if cell.spec.required { theme.warning } else { theme.quiet }),
        Ok(_) if !is_there => (name, theme.warning),
        Ok(_) => (name, paint::colour(ui, name == place.default)),
    };
    // The one ending that all have says nothing and takes the room of the name.
    let ending = if let [one] = place.extensions { format!(".{one}") } else { String::new() };
    let short = text.strip_suffix(ending.as_str()).unwrap_or(text);
    let (response, inner) = choice::button(ui, rect, cell, short);
    paint::path(ui, inner, short, colour);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(text));
    let note = match &read {
        Ok(_) if !is_there => Some(format!("{name} is not in {}", folder_name(place.folder))),
        Ok(_) if !name.is_empty() => Some(name.to_owned()),
        _ => None,
    };
    let picked = pick(ui, &response, cell, place, &files, name);
    let menu = cell.finish_with(&response, read.as_ref().err(), note.as_deref(), cell.facts(ui).as_ref());
    picked.or(menu)
}

/// Whether the name is that of a file outside of the library. The disk is asked when the name changes, and once in a
/// while after that: a frame has no time for it.
fn is_elsewhere(ui: &Ui, id: Id, name: &str) -> bool {
    const AGAIN: f64 = 2.0;
    if !Path::new(name).is_absolute() {
        return false;
    }
    let (id, now) = (id.with("elsewhere"), ui.input(|input| input.time));
    let known: Option<(String, f64, bool)> = ui.data(|data| data.get_temp(id));
    if let Some((_, _, is_there)) = known.filter(|(known, at, _)| known == name && now - at < AGAIN) {
        return is_there;
    }
    let is_there = Path::new(name).exists();
    ui.data_mut(|data| data.insert_temp(id, (name.to_owned(), now, is_there)));
    is_there
}

fn pick(
    ui: &Ui,
    response: &Response,
    cell: &Cell<'_>,
    place: &Place<'_>,
    files: &Arc<[Entry]>,
    now: &str,
) -> Option<Change> {
    let id = response.id.with("list");
    let has_none = !cell.spec.required;
    let popup = Popup::from_toggle_button_response(response)
        .id(id)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(response.rect.width().max(320.0));
    if response.clicked() {
        let (names, _) = lines(files, "", has_none);
        let chosen = names.iter().position(|name| *name == now).unwrap_or_default();
        ui.data_mut(|data| data.insert_temp(id, Open { query: String::new(), chosen }));
    }
    let shown = popup.show(|ui| {
        let mut open: Open = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        let (mut names, mut lines) = self::lines(files, &open.query, has_none);
        let mut keys = list::keys(ui, &mut open.chosen, names.len());
        keys.moved |= response.clicked();
        let head = ui.allocate_space(vec2(ui.available_width(), FIELD)).1;
        let refresh = head.with_min_x(head.max.x - FIELD);
        let icon = regular::ARROWS_CLOCKWISE;
        let name = format!("{} refresh", cell.name);
        let refreshed = paint::icon(ui, refresh, id.with("refresh"), icon, Theme::of(ui).quiet, &name);
        let refreshed = refreshed.on_hover_text("Look at the folder again").clicked();
        let line = egui::UiBuilder::new().max_rect(head.with_max_x(refresh.min.x - GAP));
        let search = format!("{} search", cell.name);
        if list::search(&mut ui.new_child(line), id.with("search"), &mut open.query, &search) {
            open.chosen = 0;
            keys.moved = true;
            (names, lines) = self::lines(files, &open.query, has_none);
        }
        if files.is_empty() {
            ui.colored_label(Theme::of(ui).quiet, nothing(place));
        } else if names.is_empty() {
            ui.colored_label(Theme::of(ui).quiet, "nothing matches");
        }
        let clicked = list::show(ui, id, &lines, &mut open.chosen, keys, HEIGHT);
        let picked = clicked.or(keys.entered.then_some(open.chosen)).and_then(|item| names.get(item));
        let picked = picked.map(|name| Change::Value(Some(value::print(*name))));
        ui.data_mut(|data| data.insert_temp(id, open));
        if picked.is_some() {
            ui.close();
        }
        picked.or(refreshed.then_some(Change::Refresh))
    });
    // No file is the default's business where that is none: an empty name would be looked for.
    let none = Change::Value(Some(value::print("")));
    let change = shown.and_then(|shown| shown.inner)?;
    Some(if change == none && place.default.is_empty() { Change::Value(None) } else { change })
}

/// The names to pick from, and the lines that show them: by folder, or best first where something is searched for.
fn lines<'a>(files: &'a [Entry], query: &str, has_none: bool) -> (Vec<&'a str>, Vec<Line>) {
    let mut query = Query::new(query);
    let item = |entry: &Entry, text: &str| Line::Item {
        text: text.to_owned(),
        quiet: if entry.bytes > 0 { panels::bytes(entry.bytes) } else { String::new() },
        name: entry.name.clone(),
    };
    if !query.is_empty() {
        let mut found: Vec<_> =
            files.iter().filter_map(|entry| query.name(&entry.name).map(|score| (score, entry))).collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let names = found.iter().map(|(_, entry)| entry.name.as_str()).collect();
        return (names, found.iter().map(|(_, entry)| item(entry, &entry.name)).collect());
    }
    let (mut names, mut lines) = (Vec::new(), Vec::new());
    if has_none {
        names.push("");
        lines.push(Line::Item { text: "none".to_owned(), quiet: String::new(), name: "none".to_owned() });
    }
    let mut by_folder: Vec<(&str, &str, &Entry)> = files
        .iter()
        .map(|entry| {
            let (folder, file) = entry.name.rsplit_once('/').unwrap_or(("", &entry.name));
            (folder, file, entry)
        })
        .collect();
    by_folder.sort_by_key(|(folder, _, _)| *folder);
    let mut last = "";
    for (folder, file, entry) in by_folder {
        if folder != last {
            lines.push(Line::Heading(folder.to_owned()));
            last = folder;
        }
        names.push(&entry.name);
        lines.push(item(entry, file));
    }
    (names, lines)
}

fn folder_name(folder: &Folder) -> String {
    match folder {
        Folder::Models(name) if name.is_empty() => "models".to_owned(),
        Folder::Models(name) => format!("models/{name}"),
        Folder::AnyModel => "models".to_owned(),
        Folder::Input => "the graph's folder".to_owned(),
    }
}

/// "nothing in models/loras: put .safetensors files there".
fn nothing(place: &Place<'_>) -> String {
    let what = match (place.folder, place.extensions) {
        (Folder::AnyModel, []) => "a model's folder".to_owned(),
        (_, []) => "files".to_owned(),
        (_, extensions) => {
            let dotted: Vec<String> = extensions.iter().map(|extension| format!(".{extension}")).collect();
            format!("{} files", dotted.join(" or "))
        }
    };
    format!("nothing in {}: put {what} there", folder_name(place.folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_outside_of_the_library_is_there_too() {
        egui_kittest::Harness::new_ui(|ui| {
            let is_there = |name: &str| is_elsewhere(ui, Id::new("n.x"), name);
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
            assert!(is_there(&manifest.to_string_lossy()));
            assert!(!is_there(&manifest.with_extension("gone").to_string_lossy()));
            assert!(!is_there("Cargo.toml"), "names that are not whole paths are the library's");
        });
    }
}
