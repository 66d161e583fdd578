//! What one sees before there is a graph: templates to begin with.

use std::sync::Arc;

use egui::emath::GuiRounding as _;
use egui::{Align2, CornerRadius, Galley, Rect, RichText, ScrollArea, TextStyle, Ui, UiBuilder, pos2, vec2};
use egui_phosphor::regular as icon;

use super::{Action, Textures, card, miniature};
use crate::editor::theme::{FIELD, GAP, RADIUS, SPACE, Theme};
use crate::graph::{Graph, Input};
use crate::library::Template;

const CARD: f32 = 260.0;
const COLUMNS: usize = 4;
/// Pixels of a card's picture, enough for screens with two pixels a point.
const SIDE: u32 = 640;

/// The templates gallery, over the whole canvas: a card each, with picture, title and what it shows.
pub fn gallery(ui: &mut Ui, templates: &[Template], textures: &mut Textures) -> Vec<Action> {
    let theme = Theme::of(ui);
    let mut actions = Vec::new();
    ui.painter().rect_filled(ui.max_rect(), 0, theme.canvas);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let (top, seen) = (ui.cursor().top(), ui.available_height());
        let columns = (((ui.available_width() - SPACE) / (CARD + SPACE)) as usize).clamp(1, COLUMNS);
        let columns = columns.min(templates.len().max(1));
        let card = CARD.min(ui.available_width() - 2.0 * SPACE).max(1.0);
        let width = columns as f32 * (card + SPACE) - SPACE;
        ui.add_space((ui.available_height() * 0.07).clamp(SPACE, 64.0));
        ui.vertical_centered(|ui| {
            let headline = RichText::new("What do you want to make?")
                .size(TextStyle::Heading.resolve(ui.style()).size * 1.4)
                .color(theme.text);
            ui.add(egui::Label::new(headline).wrap().selectable(false));
            let about = match templates {
                [] => "No templates were found: the folder graphs is not beside Weft.",
                _ => "Each of these is a graph that works. Open one, run it, change it.",
            };
            ui.add(egui::Label::new(RichText::new(about).color(theme.quiet)).wrap().selectable(false));
        });
        ui.add_space(SPACE * 2.0);
        let room = seen - (ui.cursor().top() - top);
        let size = vec2(card, card_height(ui, card, room));
        let rows = templates.len().div_ceil(columns);
        let (_, all) = ui.allocate_space(vec2(ui.available_width(), rows as f32 * (size.y + SPACE)));
        let left = all.center().x - width / 2.0;
        for (index, template) in templates.iter().enumerate() {
            let (column, row) = ((index % columns) as f32, (index / columns) as f32);
            let corner = pos2(left + column * (size.x + SPACE), all.top() + row * (size.y + SPACE));
            let rect = Rect::from_min_size(corner, size);
            actions.extend(show(ui, rect.round_to_pixels(ui.pixels_per_point()), template, index == 0, textures));
        }
        ui.add_space(SPACE);
        actions.extend(others(ui));
        ui.add_space(SPACE * 2.0);
    });
    actions
}

/// Height of a card. Its picture is lower in a low window, so that the first card's button is in sight.
fn card_height(ui: &Ui, width: f32, room: f32) -> f32 {
    let text = text_height(ui);
    text + (width * 0.75).min((room - text - SPACE).max(width * 0.4)).round()
}

/// Height of what stands below a card's picture.
fn text_height(ui: &Ui) -> f32 {
    let (body, small) = (card::height(ui, &TextStyle::Body), card::height(ui, &TextStyle::Small));
    SPACE + body + GAP + 2.0 * small + GAP + bottom_height(ui) + SPACE
}

fn bottom_height(ui: &Ui) -> f32 {
    FIELD.max(card::height(ui, &TextStyle::Body) + GAP)
}

fn show(ui: &mut Ui, rect: Rect, template: &Template, is_first: bool, textures: &mut Textures) -> Vec<Action> {
    let theme = Theme::of(ui);
    let open = Action::OpenTemplate(template.path.clone());
    let response = card::button(ui, rect, &template.path, &template.title);
    let mut actions = Vec::new();
    if response.clicked() {
        actions.push(open.clone());
    }
    if !ui.is_rect_visible(rect) {
        return actions;
    }
    card::card(ui, rect, Some(&response));
    let inner = rect.shrink(1.0);
    let picture = Rect::from_min_max(inner.min, pos2(inner.right(), rect.bottom() - text_height(ui)));
    let radius = CornerRadius { nw: RADIUS - 1, ne: RADIUS - 1, sw: 0, se: 0 };
    match template.picture.as_ref().map(|path| textures.file(ui.ctx(), path, SIDE)) {
        Some(Some(texture)) => card::cover(ui, picture, &texture, radius),
        Some(None) => card::no_picture(ui, picture, radius),
        None => {
            ui.painter().rect_filled(picture, radius, theme.field);
            miniature::miniature(ui, picture, &template.graph);
        }
    }
    let inside = Rect::from_min_max(pos2(rect.left(), picture.bottom()), rect.max).shrink(SPACE);
    let title = card::text(ui, &template.title, &TextStyle::Body, theme.text, inside.width(), 1);
    let below = inside.top() + title.size().y + GAP;
    ui.painter().galley(inside.min, title, theme.text);
    let about = about(ui, &template.about, inside.width());
    ui.painter().galley(pos2(inside.left(), below), about, theme.quiet);
    let bottom = Rect::from_min_max(pos2(inside.left(), inside.bottom() - bottom_height(ui)), inside.max);
    let mut needs = bottom;
    if is_first {
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        let mut at_bottom = ui.new_child(UiBuilder::new().id_salt("first").max_rect(bottom).layout(layout));
        let button = card::accent_button(&mut at_bottom, "Open and run");
        needs.max.x = button.rect.left() - GAP;
        if button.clicked() {
            actions = vec![open, Action::Run];
        }
    }
    if let Some(model) = model(&template.graph) {
        let said = format!("{} {model}", icon::CUBE);
        let at = needs.left_center();
        card::line(ui, at, Align2::LEFT_CENTER, &said, &TextStyle::Small, theme.quiet, needs.width());
    }
    actions
}

/// As many whole sentences as fit into two rows; of a long first one what fits.
fn about(ui: &Ui, said: &str, width: f32) -> Arc<Galley> {
    let said = sentence(said);
    let lay = |said: &str| card::text(ui, said, &TextStyle::Small, Theme::of(ui).quiet, width, 2);
    let is_end = |at: &usize| said[*at..].starts_with(char::is_whitespace);
    let ends = said.match_indices('.').map(|(at, _)| at + 1).filter(is_end).chain([said.len()]).take(4);
    let whole = ends.map(|end| lay(&said[..end])).take_while(|galley| !galley.elided).last();
    whole.unwrap_or_else(|| lay(&said))
}

/// With a capital letter: the comment goes on after a colon.
fn sentence(text: &str) -> String {
    let mut chars = text.trim().chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// What the first node that loads a model loads.
fn model(graph: &Graph) -> Option<String> {
    let loaders = graph.nodes.values().filter(|node| node.kind.starts_with("model-loader/"));
    loaders.filter_map(|node| node.inputs.get("path")).find_map(|input| match input {
        Input::Value(text) => ron::from_str::<String>(text).ok().filter(|name| !name.is_empty()),
        Input::Link(_) => None,
    })
}

/// The ways to begin without a template.
fn others(ui: &mut Ui) -> Vec<Action> {
    let mut actions = Vec::new();
    let choices = [("Empty graph", Action::New), ("Open a file…", Action::Open)];
    // Two buttons side by side are centred by what they measured in the last frame.
    let id = ui.id().with("others");
    let width: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(200.0);
    let drawn = ui.horizontal(|ui| {
        ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
        let buttons = choices.map(|(said, action)| (ui.button(said), action));
        let all = buttons[0].0.rect.union(buttons[1].0.rect);
        actions.extend(buttons.into_iter().filter(|(button, _)| button.clicked()).map(|(_, action)| action));
        all.width()
    });
    if (drawn.inner - width).abs() > 0.5 {
        ui.data_mut(|data| data.insert_temp(id, drawn.inner));
        ui.ctx().request_repaint();
    }
    ui.vertical_centered(|ui| card::quiet(ui, "or drop a .ron graph or a picture made with Weft here"));
    actions
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;

    fn template(name: &str, picture: Option<PathBuf>) -> Template {
        let text = r#"Graph(format: 1, nodes: {
            "model": (kind: "model-loader/LoadModel", inputs: { "path": "demo" }),
            "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder") }),
        }, editor: { "model": (0, 0), "prompt": (320, 0) })"#;
        Template {
            path: format!("graphs/{name}.ron").into(),
            title: name.to_owned(),
            about: "What it shows. ".repeat(30),
            picture,
            graph: Graph::parse(text, name).unwrap(),
        }
    }

    fn show(size: [f32; 2], templates: Vec<Template>) -> Harness<'static, Vec<Action>> {
        let mut textures = Textures::default();
        let draw = move |ui: &mut Ui, actions: &mut Vec<Action>| actions.extend(gallery(ui, &templates, &mut textures));
        Harness::builder().with_size(size).build_ui_state(draw, Vec::new())
    }

    #[test]
    fn the_first_card_runs_and_the_others_open() {
        let templates = vec![template("Text to image", None), template("Guidance", Some("missing.png".into()))];
        let mut harness = show([900.0, 700.0], templates);
        harness.get_by_label("Guidance").click();
        harness.run();
        let opened = |name: &str| Action::OpenTemplate(format!("graphs/{name}.ron").into());
        assert_eq!(std::mem::take(harness.state_mut()), [opened("Guidance")]);
        harness.get_by_label("Open and run").click();
        harness.run();
        assert_eq!(std::mem::take(harness.state_mut()), [opened("Text to image"), Action::Run]);
    }

    #[test]
    fn one_can_begin_without_a_template() {
        let mut harness = show([300.0, 400.0], Vec::new());
        harness.get_by_label("Empty graph").click();
        harness.run();
        harness.get_by_label("Open a file…").click();
        harness.run();
        assert_eq!(*harness.state(), [Action::New, Action::Open]);
    }

    #[test]
    fn it_fits_every_width_and_any_text() {
        let long = "word".repeat(400);
        for size in [[40.0, 40.0], [300.0, 400.0], [900.0, 600.0], [2400.0, 1200.0]] {
            let templates = vec![template(&long, None), template("", None), template("b", None)];
            let harness = show(size, templates);
            let card = harness.get_by_label(&long).rect();
            assert!(card.width() <= CARD && card.right() <= size[0].max(60.0), "{card:?} in {size:?}");
        }
    }

    #[test]
    fn a_card_names_its_model_and_says_a_sentence() {
        assert_eq!(model(&template("a", None).graph).as_deref(), Some("demo"));
        assert_eq!((sentence("a fox.").as_str(), sentence("").as_str()), ("A fox.", ""));
    }

    #[test]
    fn a_card_ends_with_its_sentence() {
        Harness::new_ui(|ui| {
            let said = |text: &str| about(ui, text, 120.0).text().to_owned();
            assert_eq!(said("a fox. It is red."), "A fox. It is red.");
            let cut = about(ui, &format!("a red fox.\n{}", "It runs. ".repeat(40)), 120.0);
            assert!(!cut.elided && cut.text().starts_with("A red fox.") && cut.text().ends_with('.'));
            assert!(about(ui, &"word ".repeat(90), 120.0).elided);
        });
    }
}
