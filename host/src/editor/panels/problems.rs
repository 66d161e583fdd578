//! What is wrong with the graph.

use egui::{Align2, Rect, ScrollArea, TextStyle, Ui, pos2, vec2};
use egui_phosphor::regular as icon;

use super::{Action, card};
use crate::editor::theme::{GAP, SPACE, Theme};
use crate::error::Error;

/// Problems that are listed; nobody reads on.
const SHOWN: usize = 200;

/// Everything that is wrong with the graph, each a click away from its node. Draws nothing where all is well.
pub fn problems(ui: &mut Ui, problems: &[(Option<String>, Error)]) -> Vec<Action> {
    let mut actions = Vec::new();
    if problems.is_empty() {
        return actions;
    }
    ScrollArea::vertical().id_salt("problems").auto_shrink([false, true]).show(ui, |ui| {
        for (index, (node, error)) in problems.iter().take(SHOWN).enumerate() {
            actions.extend(problem(ui, index, node.as_deref(), error));
        }
        if problems.len() > SHOWN {
            card::quiet(ui, &format!("and {} more", problems.len() - SHOWN));
        }
    });
    actions
}

fn problem(ui: &mut Ui, index: usize, node: Option<&str>, error: &Error) -> Option<Action> {
    let theme = Theme::of(ui);
    let left = SPACE * 2.0;
    let width = ui.available_width() - left - GAP;
    let body = TextStyle::Body;
    // A name may take a third of the line; the rest is what is wrong.
    let name = node.map(|node| card::text(ui, node, &body, theme.error, width * 0.34, 1));
    let indent = name.as_ref().map_or(0.0, |name| name.size().x + GAP);
    let what = card::text(ui, &error.what, &body, theme.text, width - indent, 4);
    let more = [&error.cause, &error.help].map(String::as_str);
    let more = more.into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(" — ");
    let more = (!more.is_empty()).then(|| card::text(ui, &more, &TextStyle::Small, theme.quiet, width - indent, 4));
    let height = what.size().y + more.as_ref().map_or(0.0, |more| more.size().y + 2.0) + GAP;
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), height));
    let said = node.map_or(error.what.clone(), |node| format!("{node}: {}", error.what));
    let response = card::button(ui, rect, ("problem", index), &said);
    if !ui.is_rect_visible(rect) {
        return None;
    }
    card::row_background(ui, &response);
    let first = Rect::from_min_size(rect.min + vec2(0.0, GAP / 2.0), vec2(rect.width(), card::height(ui, &body)));
    let at = pos2(first.left() + SPACE, first.center().y);
    card::line(ui, at, Align2::CENTER_CENTER, icon::WARNING_CIRCLE, &body, theme.error, SPACE * 2.0);
    if let Some(name) = name {
        ui.painter().galley(first.min + vec2(left, 0.0), name, theme.error);
    }
    let at = first.min + vec2(left + indent, 0.0);
    let below = at + vec2(0.0, what.size().y + 2.0);
    ui.painter().galley(at, what, theme.text);
    if let Some(more) = more {
        ui.painter().galley(below, more, theme.quiet);
    }
    let is_clicked = response.clicked();
    if !error.place.is_empty() {
        response.on_hover_text(crate::text::printable(&error.place));
    }
    node.filter(|_| is_clicked).map(|node| Action::Jump(node.to_owned()))
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::error::Code;

    fn show(size: [f32; 2], list: Vec<(Option<String>, Error)>) -> Harness<'static, Vec<Action>> {
        let draw = move |ui: &mut Ui, actions: &mut Vec<Action>| actions.extend(problems(ui, &list));
        Harness::builder().with_size(size).build_ui_state(draw, Vec::new())
    }

    #[test]
    fn a_click_leads_to_the_node() {
        let error = Error::new(Code::Invalid, "`steps` is out of range").cause("it is 0").help("it takes 1 to 1000");
        let list = vec![(Some("sample".to_owned()), error), (None, Error::new(Code::Plugin, "a plugin is missing"))];
        let mut harness = show([400.0, 300.0], list);
        harness.get_by_label("a plugin is missing").click();
        harness.run();
        harness.get_by_label("sample: `steps` is out of range").click();
        harness.run();
        assert_eq!(*harness.state(), [Action::Jump("sample".to_owned())]);
    }

    #[test]
    fn many_long_ones_fit() {
        let error = Error::new(Code::Invalid, "word".repeat(5000)).cause("x\n".repeat(5000)).place("there");
        let list = vec![(Some("name".repeat(1000)), error); 500];
        let harness = show([30.0, 200.0], list);
        harness.get_by_label("and 300 more");
        assert_eq!(show([400.0, 300.0], Vec::new()).query_all_by_label_contains("").count(), 0);
    }
}
