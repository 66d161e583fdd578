//! The side panel: its pages and the tabs that lead to them.

use egui::{Align2, Rect, Stroke, TextStyle, Ui, vec2};
use egui_phosphor::regular as icon;

use super::{Action, Textures, card, history, models, nodes};
use crate::editor::files::Files;
use crate::editor::theme::{FIELD_RADIUS, GAP, Theme};
use crate::plugins::Catalog;
use crate::queue::State;
use crate::table::Device;

/// The side panel's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    #[default]
    Nodes,
    Models,
    History,
}

const PAGES: [(Page, &str, &str); 3] = [
    (Page::Nodes, icon::TREE_STRUCTURE, "Nodes"),
    (Page::Models, icon::CUBE, "Models"),
    (Page::History, icon::IMAGES, "History"),
];

/// The side panel: every node by menu, the model files, or the runs with their pictures.
#[derive(Debug, Clone, Default)]
pub struct Sidebar {
    pub page: Page,
    pub query: String,
}

impl Sidebar {
    /// Shows the page over all the room that `ui` has.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        catalog: &Catalog,
        shelf: &dyn Files,
        state: &State,
        textures: &mut Textures,
        free: Option<u64>,
    ) -> Vec<Action> {
        self.tabs(ui);
        match self.page {
            Page::Nodes => nodes::page(ui, catalog, &mut self.query),
            Page::Models => {
                let groups = models::files(catalog, shelf);
                let room = models::Room { free, is_gpu: state.device == Some(Device::Gpu) };
                models::page(ui, catalog, &groups, shelf, room, &mut self.query)
            }
            Page::History => history::page(ui, state, textures),
        }
    }

    fn tabs(&mut self, ui: &mut Ui) {
        let theme = Theme::of(ui);
        let size = vec2(ui.available_width(), card::row_height(ui) + GAP);
        let (_, bar) = ui.allocate_space(size);
        let width = bar.width() / PAGES.len() as f32;
        for (index, (page, glyph, name)) in PAGES.into_iter().enumerate() {
            let tab = Rect::from_min_size(bar.min + vec2(index as f32 * width, 0.0), vec2(width, bar.height()));
            let response = card::button(ui, tab, name, name);
            let is_open = self.page == page;
            if response.hovered() {
                ui.painter().rect_filled(tab.shrink2(vec2(0.0, 2.0)), FIELD_RADIUS, theme.hovered);
            }
            let color = if is_open { theme.text } else { theme.quiet };
            let said = format!("{glyph} {name}");
            let room = tab.width() - GAP;
            card::line(ui, tab.center(), Align2::CENTER_CENTER, &said, &TextStyle::Body, color, room);
            if is_open || response.has_focus() {
                let stroke = Stroke::new(2.0, if is_open { theme.accent } else { theme.quiet });
                ui.painter().hline(tab.shrink(GAP).x_range(), tab.bottom() - 1.0, stroke);
            }
            if response.clicked() && !is_open {
                self.page = page;
                self.query.clear();
            }
        }
        ui.painter().hline(bar.x_range(), bar.bottom(), Stroke::new(1.0, theme.line));
        ui.add_space(GAP);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    #[test]
    fn tabs_change_the_page_and_empty_the_search() {
        let sidebar = Sidebar { query: "vae".to_owned(), ..Sidebar::default() };
        let draw = |ui: &mut Ui, sidebar: &mut Sidebar| sidebar.tabs(ui);
        let mut harness = Harness::builder().with_size([260.0, 100.0]).build_ui_state(draw, sidebar);
        harness.get_by_label("Nodes").click();
        harness.run();
        assert_eq!(harness.state().query, "vae");
        harness.get_by_label("History").click();
        harness.run();
        assert_eq!((harness.state().page, harness.state().query.as_str()), (Page::History, ""));
    }
}
