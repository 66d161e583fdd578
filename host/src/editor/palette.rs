//! Search to add: a fuzzy list of nodes, at the pointer.

use std::cmp::Reverse;

use egui::{Area, Context, Frame, Id, Key, Modifiers, Order, Pos2, RichText, Ui, UiKind, Vec2, vec2};
use plugin_api::{InputKind, NodeSpec};

use super::theme::{GAP, SPACE, Theme};
use super::widgets::list::{self, Line};
use super::widgets::search::Query;
use crate::graph::fits;
use crate::plugins::Catalog;

/// An open palette.
#[derive(Debug, Clone)]
pub struct Palette {
    /// Where on the screen it opened; the new node goes there.
    pub at: Pos2,
    /// The wire that was dropped on the canvas: only nodes that fit are offered.
    pub wire: Option<Wire>,
    pub query: String,
    pub chosen: usize,
    pub is_new: bool,
}

/// The loose end of a wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Wire {
    /// From an output: `node.output` of this kind.
    From { link: crate::graph::Link, kind: String },
    /// Into an input of a node, which takes this kind.
    Into { node: String, input: String, kind: String },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    Open,
    Closed,
    /// A node of this kind; with a wire, the port of the new node that it connects to.
    Add {
        kind: String,
        port: Option<String>,
    },
}

/// Its size in points.
const SIZE: Vec2 = vec2(320.0, 380.0);
/// The list between the search line and the help.
const LIST: f32 = 274.0;
const HELP: f32 = 36.0;

/// A node that is offered.
struct Offer<'a> {
    plugin: &'a str,
    spec: &'a NodeSpec,
    port: Option<&'a str>,
}

impl Palette {
    pub fn new(at: Pos2, wire: Option<Wire>) -> Self {
        Self { at, wire, query: String::new(), chosen: 0, is_new: true }
    }

    /// Shows it and takes the keyboard while it is open.
    pub fn show(&mut self, ctx: &Context, catalog: &Catalog) -> Choice {
        let screen = ctx.content_rect().shrink(GAP);
        let at = self.at.min(screen.max - SIZE).max(screen.min);
        let area = Area::new(Id::new("palette")).kind(UiKind::Popup).order(Order::Foreground).fixed_pos(at);
        let shown = area.show(ctx, |ui| {
            let frame = Frame::popup(ui.style()).inner_margin(SPACE * 0.75);
            frame.show(ui, |ui| self.contents(ui, catalog)).inner
        });
        let rect = shown.response.rect;
        let is_outside = |input: &egui::InputState| {
            let at = input.pointer.interact_pos();
            input.pointer.any_pressed() && at.is_some_and(|at| !rect.contains(at))
        };
        // The press that opened it is not one outside of it.
        let is_left = !self.is_new && ctx.input(is_outside);
        let is_escaped = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        self.is_new = false;
        match shown.inner {
            Some(choice) => choice,
            None if is_left || is_escaped => Choice::Closed,
            None => Choice::Open,
        }
    }

    fn contents(&mut self, ui: &mut Ui, catalog: &Catalog) -> Option<Choice> {
        ui.set_width(SIZE.x - 1.5 * SPACE);
        let mut offers = self.offers(catalog);
        let mut keys = list::keys(ui, &mut self.chosen, offers.len());
        let id = Id::new("palette nodes");
        if list::search(ui, id.with("search"), &mut self.query, "search nodes") {
            self.chosen = 0;
            keys.moved = true;
            offers = self.offers(catalog);
        }
        let theme = Theme::of(ui);
        if offers.is_empty() {
            let what = if self.wire.is_some() { "no node with a fitting port matches" } else { "no node matches" };
            ui.colored_label(theme.quiet, what);
        }
        let lines = self.lines(&offers);
        let clicked = list::show(ui, id, &lines, &mut self.chosen, keys, LIST);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HELP), egui::Sense::hover());
        if let Some(offer) = offers.get(self.chosen) {
            let text = RichText::new(first_sentence(&offer.spec.help)).color(theme.quiet).small();
            let mut child = ui.new_child(egui::UiBuilder::new().max_rect(rect));
            child.set_clip_rect(rect.intersect(ui.clip_rect()));
            child.label(text);
        }
        let chosen = clicked.or(keys.entered.then_some(self.chosen)).and_then(|item| offers.get(item));
        chosen.map(|offer| Choice::Add {
            kind: format!("{}/{}", offer.plugin, offer.spec.name),
            port: offer.port.map(str::to_owned),
        })
    }

    /// What fits the wire and the query, best first; by menu and name where nothing is typed.
    fn offers<'a>(&self, catalog: &'a Catalog) -> Vec<Offer<'a>> {
        let mut query = Query::new(&self.query);
        let mut found = Vec::new();
        for plugin in &catalog.plugins {
            for spec in plugin.nodes.iter().filter(|spec| spec.is_offered()) {
                let port = self.wire.as_ref().map(|wire| port(spec, wire));
                if port == Some(None) {
                    continue;
                }
                if let Some(score) = score(&mut query, &plugin.id, spec) {
                    found.push((score, Offer { plugin: &plugin.id, spec, port: port.flatten() }));
                }
            }
        }
        if query.is_empty() {
            found.sort_by_key(|(_, offer)| (offer.spec.menu.is_empty(), &offer.spec.menu, &offer.spec.name));
        } else {
            found.sort_by_key(|(score, offer)| (Reverse(*score), offer.spec.name.len(), &offer.spec.name));
        }
        found.into_iter().map(|(_, offer)| offer).collect()
    }

    fn lines(&self, offers: &[Offer<'_>]) -> Vec<Line> {
        let mut lines = Vec::with_capacity(offers.len());
        let mut last = None;
        for offer in offers {
            if self.query.trim().is_empty() && last != Some(&offer.spec.menu) {
                last = Some(&offer.spec.menu);
                let menu = if offer.spec.menu.is_empty() { "other" } else { &offer.spec.menu };
                lines.push(Line::Heading(menu.to_owned()));
            }
            lines.push(Line::Item {
                text: offer.spec.name.clone(),
                quiet: offer.plugin.to_owned(),
                name: format!("{}/{}", offer.plugin, offer.spec.name),
            });
        }
        lines
    }
}

/// How well a node matches: its name counts most, its help least.
fn score(query: &mut Query, plugin: &str, spec: &NodeSpec) -> Option<u32> {
    let name = query.name(&spec.name).map(|score| score * 4);
    let kind = query.name(&format!("{plugin}/{}", spec.name)).map(|score| score * 3);
    let menu = query.name(&spec.menu).map(|score| score * 2);
    let help = query.sentence(&spec.help);
    [name, kind, menu, help].into_iter().flatten().max()
}

/// The port that a wire goes to: one of the very kind before one that takes it too, links that have to be there before
/// others. None where nothing fits.
fn port<'a>(spec: &'a NodeSpec, wire: &Wire) -> Option<&'a str> {
    match wire {
        Wire::From { kind, .. } => {
            let rank = |input: &plugin_api::InputSpec| {
                let is_link = matches!(input.kind, InputKind::Link(_));
                (input.kind.link() == Some(kind), is_link, input.required)
            };
            // The first of the best: `max_by_key` would give the last.
            let inputs = spec.inputs.iter().filter(|input| input.kind.link().is_some_and(|takes| fits(kind, takes)));
            inputs.rev().max_by_key(|input| rank(input)).map(|input| input.name.as_str())
        }
        Wire::Into { kind, .. } => {
            let outputs = spec.outputs.iter().filter(|output| fits(&output.kind, kind));
            outputs.rev().max_by_key(|output| output.kind == *kind).map(|output| output.name.as_str())
        }
    }
}

fn first_sentence(help: &str) -> &str {
    help.find(". ").map_or(help, |end| &help[..=end])
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::graph::Link;

    fn catalog() -> Catalog {
        let sample = NodeSpec::new("Sample", "sampling", "Draws a picture. And more.")
            .optional_link("mask", "MASK", "")
            .optional_link("before", "LATENT", "")
            .link("latent", "LATENT", "")
            .output("latent", "LATENT");
        let empty = NodeSpec::new("EmptyLatent", "latent", "Nothing yet.").output("latent", "LATENT");
        let any = NodeSpec::new("Show", "", "Shows anything, samples too.").link("value", "*", "").sink();
        let mut old = NodeSpec::new("SampleOld", "sampling", "").output("latent", "LATENT");
        old.deprecated = true;
        let measure = NodeSpec::new("SampleMeasured", "sampling", "").output("latent", "LATENT").hidden();
        Catalog::of("sampler", vec![sample, empty, any, old, measure])
    }

    type State = (Palette, Vec<Choice>);

    fn harness(palette: Palette) -> Harness<'static, State> {
        let app = |ui: &mut Ui, (palette, choices): &mut State| {
            let choice = palette.show(ui.ctx(), &catalog());
            if choice != Choice::Open {
                choices.push(choice);
            }
        };
        Harness::builder().with_size([800.0, 600.0]).build_ui_state(app, (palette, Vec::new()))
    }

    fn from(kind: &str) -> Option<Wire> {
        let link = Link { node: "a".to_owned(), output: "b".to_owned() };
        Some(Wire::From { link, kind: kind.to_owned() })
    }

    fn kinds(wire: Option<Wire>, query: &str) -> Vec<(String, Option<String>)> {
        let mut palette = Palette::new(Pos2::ZERO, wire);
        palette.query = query.to_owned();
        let catalog = catalog();
        let offers = palette.offers(&catalog);
        offers.iter().map(|offer| (offer.spec.name.clone(), offer.port.map(str::to_owned))).collect()
    }

    #[test]
    fn typing_and_enter_add() {
        let mut harness = harness(Palette::new(Pos2::new(790.0, 590.0), None));
        harness.run();
        harness.get_by_label("search nodes").type_text("sample");
        harness.run();
        let rect = harness.get_by_label("search nodes").rect();
        assert!(rect.max.x < 800.0 && rect.max.y < 300.0, "{rect:?}");
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(harness.state().1, [Choice::Add { kind: "sampler/Sample".to_owned(), port: None }]);
    }

    #[test]
    fn arrows_clicks_and_escape() {
        let mut harness = harness(Palette::new(Pos2::new(10.0, 10.0), None));
        harness.run();
        assert!(harness.query_by_label("sampler/SampleOld").is_none());
        harness.key_press(Key::ArrowDown);
        harness.run();
        assert_eq!(harness.state().0.chosen, 1);
        harness.key_press(Key::ArrowUp);
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        harness.get_by_label("sampler/Show").click();
        harness.run();
        harness.key_press(Key::Escape);
        harness.run();
        let add = |kind: &str| Choice::Add { kind: kind.to_owned(), port: None };
        assert_eq!(harness.state().1, [add("sampler/EmptyLatent"), add("sampler/Show"), Choice::Closed]);
        harness.drag_at(Pos2::new(700.0, 500.0));
        harness.run();
        assert_eq!(harness.state().1.last(), Some(&Choice::Closed));
        assert_eq!(harness.state().1.len(), 4);
    }

    #[test]
    fn a_wire_filters_and_names_the_port() {
        let port = |name: &str| Some(name.to_owned());
        let both = vec![("Sample".to_owned(), port("latent")), ("Show".to_owned(), port("value"))];
        assert_eq!(kinds(from("LATENT"), ""), both);
        assert_eq!(kinds(from("IMAGE"), ""), [("Show".to_owned(), port("value"))]);
        assert_eq!(kinds(from("MASK"), "sam")[0], ("Sample".to_owned(), port("mask")));
        let into = Wire::Into { node: "a".to_owned(), input: "b".to_owned(), kind: "LATENT".to_owned() };
        let names: Vec<String> = kinds(Some(into), "").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["EmptyLatent", "Sample"]);
    }

    #[test]
    fn names_come_before_help() {
        let names: Vec<String> = kinds(None, "sample").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Sample", "Show", "EmptyLatent"]);
        assert_eq!(kinds(None, "emlat")[0].0, "EmptyLatent");
        assert!(kinds(None, "xyzzy").is_empty());
    }

    #[test]
    fn five_hundred_nodes_are_offered() {
        let node = |index: usize| {
            let help = "Takes a latent and gives another one, larger or smaller, in the same colours. It is slow.";
            NodeSpec::new(&format!("ResizeLatent{index}"), "latent/size", help).output("latent", "LATENT")
        };
        let catalog = Catalog::of("some-plugin", (0..500).map(node).collect());
        let mut palette = Palette::new(Pos2::ZERO, None);
        palette.query = "resize lat".to_owned();
        assert_eq!(palette.offers(&catalog).len(), 500);
    }
}
