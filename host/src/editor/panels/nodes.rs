//! Every node, by menu.

use std::collections::BTreeMap;

use egui::{Align2, Pos2, RichText, ScrollArea, Stroke, TextStyle, Ui, pos2, vec2};
use egui_phosphor::regular as icon;
use plugin_api::{InputKind, NodeSpec};

use super::{Action, card};
use crate::editor::theme::{GAP, SPACE, Theme};
use crate::plugins::{Catalog, Refused};

/// The page of nodes. A click adds one.
pub fn page(ui: &mut Ui, catalog: &Catalog, query: &mut String) -> Vec<Action> {
    let mut actions = Vec::new();
    card::search(ui, query, "Search nodes");
    ScrollArea::vertical().id_salt("nodes").auto_shrink(false).show(ui, |ui| {
        let menus = menus(catalog, query);
        if menus.is_empty() {
            let (glyph, said) = match catalog.plugins.iter().all(|plugin| plugin.nodes.is_empty()) {
                true => (icon::PLUGS, "The nodes appear here as soon as the engine has started."),
                false => (icon::MAGNIFYING_GLASS, "No node is found by these words."),
            };
            card::nothing(ui, glyph, said);
        }
        for (menu, nodes) in &menus {
            let is_searching = !query.trim().is_empty();
            let title = if menu.is_empty() { "other".to_owned() } else { menu.replace('/', " › ") };
            card::group(ui, &title, menu, is_searching.then_some(true), |ui| {
                let height = card::row_height(ui);
                card::rows(ui, nodes.len(), height, |ui, index, rect| {
                    let (kind, spec) = &nodes[index];
                    if row(ui, rect, kind, spec) {
                        actions.push(Action::AddNode { kind: kind.clone(), inputs: Vec::new() });
                    }
                });
            });
        }
        refused(ui, &catalog.refused);
        ui.add_space(SPACE);
    });
    actions
}

/// The nodes that the query finds, by menu and name.
fn menus<'a>(catalog: &'a Catalog, query: &str) -> BTreeMap<&'a str, Vec<(String, &'a NodeSpec)>> {
    let mut menus: BTreeMap<&str, Vec<(String, &NodeSpec)>> = BTreeMap::new();
    let found = catalog.offered().filter(|(kind, spec)| card::finds(query, &[kind, &spec.menu, &spec.help]));
    for (kind, spec) in found {
        menus.entry(spec.menu.as_str()).or_default().push((kind, spec));
    }
    for nodes in menus.values_mut() {
        nodes.sort_by(|a, b| (&a.1.name, &a.0).cmp(&(&b.1.name, &b.0)));
    }
    menus
}

/// A node's row; true where it was clicked.
fn row(ui: &Ui, rect: egui::Rect, kind: &str, spec: &NodeSpec) -> bool {
    let theme = Theme::of(ui);
    let response = card::button(ui, rect, kind, &spec.name);
    card::row_background(ui, &response);
    dot(ui, pos2(rect.left() + SPACE, rect.center().y), spec);
    let left = rect.left() + SPACE * 2.0;
    let width = rect.right() - GAP - left;
    let at = pos2(left, rect.center().y);
    card::line(ui, at, Align2::LEFT_CENTER, &spec.name, &TextStyle::Body, theme.text, width);
    let is_clicked = response.clicked();
    response.on_hover_ui(|ui| about(ui, kind, spec));
    is_clicked
}

/// The colour of what a node makes, as on its title; a ring, in the colour of what it takes, where it makes nothing.
fn dot(ui: &Ui, at: Pos2, spec: &NodeSpec) {
    let theme = Theme::of(ui);
    let made = spec.outputs.iter().map(|output| output.kind.as_str()).find(|kind| *kind != "TEXT");
    let taken = spec.inputs.iter().find_map(|input| match &input.kind {
        InputKind::Link(kind) => Some(kind.as_str()),
        _ => None,
    });
    match (made, taken) {
        (Some(kind), _) => ui.painter().circle_filled(at, 3.5, theme.kind(kind)),
        (None, kind) => ui.painter().circle_stroke(at, 3.0, Stroke::new(1.5, theme.kind(kind.unwrap_or("*")))),
    };
}

/// What a node does, takes and gives.
fn about(ui: &mut Ui, kind: &str, spec: &NodeSpec) {
    let theme = Theme::of(ui);
    ui.set_max_width(320.0);
    ui.label(RichText::new(&spec.name).color(theme.text));
    if !spec.help.is_empty() {
        ui.label(RichText::new(&spec.help).color(theme.text).text_style(TextStyle::Small));
    }
    let inputs =
        spec.inputs.iter().map(|input| (input.name.as_str(), input.kind.link().unwrap_or(unlinked(&input.kind))));
    ports(ui, "takes", inputs);
    ports(ui, "gives", spec.outputs.iter().map(|output| (output.name.as_str(), output.kind.as_str())));
    card::quiet(ui, kind);
}

/// What an input is that takes no link.
fn unlinked(kind: &InputKind) -> &'static str {
    if matches!(kind, InputKind::Prompt { .. }) { "PROMPT" } else { "ROWS" }
}

fn ports<'a>(ui: &mut Ui, title: &str, ports: impl Iterator<Item = (&'a str, &'a str)>) {
    let theme = Theme::of(ui);
    let mut ports = ports.peekable();
    if ports.peek().is_none() {
        return;
    }
    card::quiet(ui, title);
    for (name, kind) in ports {
        let height = card::height(ui, &TextStyle::Small);
        let (_, rect) = ui.allocate_space(vec2(ui.available_width().min(300.0), height));
        ui.painter().circle_filled(pos2(rect.left() + 4.0, rect.center().y), 3.5, theme.kind(kind));
        let at = pos2(rect.left() + SPACE, rect.center().y);
        let half = rect.width() * 0.55;
        card::line(ui, at, Align2::LEFT_CENTER, name, &TextStyle::Small, theme.text, half - SPACE);
        let at = pos2(rect.left() + half + GAP, rect.center().y);
        let room = rect.width() - half - GAP;
        card::line(ui, at, Align2::LEFT_CENTER, kind, &TextStyle::Small, theme.quiet, room);
    }
}

fn refused(ui: &mut Ui, refused: &[Refused]) {
    if refused.is_empty() {
        return;
    }
    let theme = Theme::of(ui);
    ui.add_space(SPACE);
    let title = format!("{} Plugins that were not loaded", icon::WARNING);
    ui.label(RichText::new(title).color(theme.warning));
    for Refused { file, reason, .. } in refused {
        // The folder is the same for all of them and rarely of interest.
        let name = std::path::Path::new(file).file_name().map_or(file.as_str().into(), |name| name.to_string_lossy());
        let name = RichText::new(crate::text::printable(&name)).color(theme.warning).text_style(TextStyle::Small);
        ui.add(egui::Label::new(name).truncate()).on_hover_text(file);
        card::quiet(ui, reason);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    fn catalog() -> Catalog {
        let load = NodeSpec::new("LoadModel", "loaders", "Reads a model.")
            .param("path", InputKind::text(""), "")
            .output("model", "MODEL");
        let mut old = NodeSpec::new("OldLoad", "loaders", "");
        old.deprecated = true;
        let measure = NodeSpec::new("MeasureModel", "loaders", "").hidden();
        let save = NodeSpec::new("SaveImage", "image", "Writes a PNG.").link("image", "IMAGE", "").sink();
        let refused = Refused {
            file: "/a/libbad.so".to_owned(),
            reason: "it is of a newer interface".to_owned(),
            unopened: None,
        };
        Catalog { refused: vec![refused], ..Catalog::of("core", vec![load, old, measure, save]) }
    }

    fn show(catalog: Catalog, query: &str) -> Harness<'static, (String, Vec<Action>)> {
        let draw = move |ui: &mut Ui, (query, actions): &mut (String, Vec<Action>)| {
            actions.extend(page(ui, &catalog, query));
        };
        Harness::builder().with_size([260.0, 500.0]).build_ui_state(draw, (query.to_owned(), Vec::new()))
    }

    #[test]
    fn a_click_adds_a_node() {
        let mut harness = show(catalog(), "");
        assert!(harness.query_by_label("OldLoad").is_none());
        assert!(harness.query_by_label("MeasureModel").is_none());
        harness.get_by_label("SaveImage").click();
        harness.run();
        let added = Action::AddNode { kind: "core/SaveImage".to_owned(), inputs: Vec::new() };
        assert_eq!(harness.state().1, [added]);
    }

    #[test]
    fn words_find_names_menus_and_help() {
        let harness = show(catalog(), "reads loaders");
        harness.get_by_label("LoadModel");
        assert!(harness.query_by_label("SaveImage").is_none());
        show(catalog(), "xyzzy").get_by_label("No node is found by these words.");
    }

    #[test]
    fn refused_plugins_say_why() {
        let harness = show(catalog(), "");
        harness.get_by_label("libbad.so");
        harness.get_by_label("it is of a newer interface");
    }

    #[test]
    fn thousands_of_nodes_and_long_names_are_no_trouble() {
        let specs = (0..5000).map(|index| NodeSpec::new(&format!("{}{index}", "Long".repeat(99)), "", "")).collect();
        let harness = show(Catalog::of("many", specs), "");
        assert!(harness.query_all_by_label_contains("LongLong").count() < 40);
        show(Catalog::default(), "").get_by_label_contains("engine has started");
    }
}
