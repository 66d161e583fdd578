//! Every widget by its accessible name: what a hand or a keyboard does gives the change that it should.

mod loras;

use std::sync::Arc;

use egui::{Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use plugin_api::Folder;
use proptest::prelude::*;

use super::*;
use crate::editor::files::fake::{Fake, facts};
use crate::error::{Code, Error};

struct State {
    spec: InputSpec,
    value: Option<String>,
    mode: SeedMode,
    last: Option<i64>,
    zoom: f32,
    files: Fake,
    changes: Vec<Change>,
}

type Shown = Harness<'static, State>;

fn spec(name: &str, kind: InputKind) -> InputSpec {
    InputSpec { name: name.to_owned(), kind, required: false, help: "What it is for.".to_owned() }
}

fn state(kind: InputKind, value: Option<&str>) -> State {
    let files = Fake::of(&["a.safetensors", "styles/ink.safetensors", "styles/oil.safetensors"]);
    let value = value.map(str::to_owned);
    State { spec: spec("x", kind), value, mode: SeedMode::Fixed, last: None, zoom: 1.0, files, changes: Vec::new() }
}

/// Shows the state as the app does: a change is in the graph at the next frame.
fn show(state: State) -> Shown {
    show_in(state, [320.0, 500.0])
}

fn show_in(state: State, size: [f32; 2]) -> Shown {
    let app = |ui: &mut Ui, state: &mut State| {
        let files = state.files.clone();
        let cell = Cell {
            name: format!("n.{}", state.spec.name),
            spec: &state.spec,
            value: state.value.as_deref(),
            zoom: state.zoom,
            files: &files,
        };
        if let Some(change) = cell.show(ui, state.mode, state.last) {
            match &change {
                Change::Value(value) => state.value.clone_from(value),
                Change::Seed(mode) => state.mode = *mode,
                Change::Refresh => {}
            }
            state.changes.push(change);
        }
    };
    let mut harness = Harness::builder().with_size(size).build_ui_state(app, state);
    // Icons and sizes as in the window.
    crate::editor::theme::install(&harness.ctx);
    harness.run();
    harness
}

fn of(kind: InputKind, value: Option<&str>) -> Shown {
    show(state(kind, value))
}

fn value(harness: &Shown) -> Option<&str> {
    harness.state().value.as_deref()
}

fn click(harness: &mut Shown, name: &str) {
    harness.get_by_label(name).click();
    harness.run();
}

fn drag(harness: &mut Shown, from: Pos2, by: f32) {
    harness.drag_at(from);
    harness.hover_at(from + vec2(by / 2.0, 0.0));
    harness.hover_at(from + vec2(by, 0.0));
    harness.drop_at(from + vec2(by, 0.0));
    harness.run();
}

fn loras() -> InputKind {
    let columns =
        vec![spec("enabled", InputKind::Bool { default: true }), spec("file", file()), spec("weight", weight())];
    InputKind::Rows { columns }
}

fn weight() -> InputKind {
    InputKind::float(1.0, (-2.0, 2.0), 0.05)
}

#[test]
fn a_number_is_typed() {
    let mut harness = of(InputKind::int(8, (1, 1000)), None);
    click(&mut harness, "n.x");
    harness.get_by_label("n.x").type_text("25");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(value(&harness), Some("25"));
    click(&mut harness, "n.x");
    harness.get_by_label("n.x").type_text("99999");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(value(&harness), Some("1000"));
    click(&mut harness, "n.x");
    harness.get_by_label("n.x").type_text("3");
    harness.key_press(Key::Escape);
    harness.run();
    harness.run();
    assert_eq!(harness.state().changes.len(), 2, "{:?}", harness.state().changes);
}

#[test]
fn a_click_elsewhere_ends_typing() {
    let mut harness = of(weight(), Some("0.5"));
    click(&mut harness, "n.x");
    harness.get_by_label("n.x").type_text("0,25");
    let elsewhere = Pos2::new(100.0, 400.0);
    harness.drag_at(elsewhere);
    harness.drop_at(elsewhere);
    harness.run();
    harness.run();
    assert_eq!(harness.state().changes, [Change::Value(Some("0.25".to_owned()))]);
}

#[test]
fn a_number_is_dragged() {
    let mut harness = of(weight(), Some("0.8"));
    let middle = harness.get_by_label("n.x").rect().center();
    drag(&mut harness, middle, -40.0);
    let coarse: f64 = value(&harness).unwrap().parse().unwrap();
    assert!(coarse < 0.75 && (coarse * 20.0 - (coarse * 20.0).round()).abs() < 1e-9, "{coarse}");
    harness.input_mut().modifiers = Modifiers::SHIFT;
    drag(&mut harness, middle, 40.0);
    let fine: f64 = value(&harness).unwrap().parse().unwrap();
    assert!(fine > coarse && fine < coarse + 0.1, "{coarse} {fine}");
}

#[test]
fn arrows_at_the_ends_step() {
    let mut harness = of(InputKind::Int { default: 64, range: (16, 128), soft: None, multiple: 16 }, None);
    let rect = harness.get_by_label("n.x").rect();
    drag(&mut harness, rect.right_center() - vec2(4.0, 0.0), 0.0);
    assert_eq!(value(&harness), Some("80"));
    drag(&mut harness, rect.left_center() + vec2(4.0, 0.0), 0.0);
    drag(&mut harness, rect.left_center() + vec2(4.0, 0.0), 0.0);
    assert_eq!(value(&harness), Some("48"));
}

#[test]
fn a_switch_turns() {
    let mut harness = of(InputKind::Bool { default: true }, None);
    click(&mut harness, "n.x");
    assert_eq!(value(&harness), Some("false"));
    click(&mut harness, "n.x");
    assert_eq!(value(&harness), Some("true"));
}

#[test]
fn text_changes_as_it_is_typed() {
    for multiline in [false, true] {
        let mut harness = of(InputKind::Text { default: String::new(), multiline }, Some("\"a \\\"fox\\\"\""));
        click(&mut harness, "n.x");
        harness.key_press(Key::End);
        harness.get_by_label("n.x").type_text("!");
        harness.run();
        assert_eq!(value(&harness), Some("\"a \\\"fox\\\"!\""));
    }
}

#[test]
fn an_area_grows() {
    let kind = || InputKind::Text { default: String::new(), multiline: true };
    let height = |text: &str| of(kind(), Some(&value::print(text))).get_by_label("n.x").rect().height();
    let (short, long) = (height("a"), height(&"a\n".repeat(7)));
    assert!(long > short + 20.0, "{short} {long}");
}

#[test]
fn a_choice_is_picked() {
    let kind = InputKind::choice(&["euler", "heun", "dpm"]);
    let mut harness = of(kind.clone(), None);
    assert_eq!(harness.get_by_label("n.x").value().as_deref(), Some("euler"));
    click(&mut harness, "n.x");
    click(&mut harness, "heun");
    assert_eq!(value(&harness), Some("\"heun\""));
    assert!(harness.query_by_label("dpm").is_none());
    let mut harness = of(kind, None);
    click(&mut harness, "n.x");
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(value(&harness), Some("\"dpm\""));
}

#[test]
fn seeds_have_their_buttons() {
    let mut seed = state(InputKind::Seed { default: 0 }, Some("7"));
    seed.last = Some(5);
    let mut harness = show(seed);
    assert_eq!(harness.get_by_label("n.x mode").value().as_deref(), Some("fixed"));
    click(&mut harness, "n.x mode");
    assert_eq!(harness.state().mode, SeedMode::Increment);
    click(&mut harness, "n.x last");
    assert_eq!(value(&harness), Some("5"));
    assert!(harness.query_by_label("n.x last").is_none());
    click(&mut harness, "n.x new");
    let drawn: i64 = value(&harness).unwrap().parse().unwrap();
    assert!((0..=1 << 53).contains(&drawn));
}

fn file() -> InputKind {
    let folder = Folder::Models("loras".to_owned());
    InputKind::File { default: String::new(), folder, extensions: vec!["safetensors".to_owned()] }
}

#[test]
fn a_file_is_picked() {
    let mut harness = of(file(), Some("\"gone.safetensors\""));
    assert_eq!(harness.get_by_label("n.x").value().as_deref(), Some("gone.safetensors"));
    click(&mut harness, "n.x");
    harness.get_by_label("n.x search").type_text("oil");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(value(&harness), Some("\"styles/oil.safetensors\""));
    click(&mut harness, "n.x");
    click(&mut harness, "a.safetensors");
    assert_eq!(value(&harness), Some("\"a.safetensors\""));
    click(&mut harness, "n.x");
    click(&mut harness, "n.x refresh");
    assert_eq!(harness.state().changes.last(), Some(&Change::Refresh));
    click(&mut harness, "none");
    assert_eq!(value(&harness), None);
    click(&mut harness, "n.x");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("n.x search").is_none());
}

#[test]
fn an_empty_folder_says_what_goes_there() {
    let mut empty = state(file(), None);
    empty.files = Fake::default();
    let mut harness = show(empty);
    click(&mut harness, "n.x");
    harness.get_by_label("nothing in models/loras: put .safetensors files there");
}

#[test]
fn the_menu_resets_and_copies() {
    let mut harness = of(InputKind::int(8, (1, 1000)), Some("9"));
    harness.get_by_label("n.x").click_secondary();
    harness.run();
    click(&mut harness, "Reset to 8");
    assert_eq!(harness.state().changes, [Change::Value(None)]);
    harness.get_by_label("n.x").click_secondary();
    harness.run();
    harness.get_by_label("Copy value");
}

fn every_kind() -> Vec<InputKind> {
    let inner = vec![spec("a", InputKind::Seed { default: 1 }), spec("b", InputKind::text("")), spec("c", loras())];
    vec![
        InputKind::Link("MODEL".to_owned()),
        InputKind::Bool { default: false },
        InputKind::int(1, (0, 9)),
        weight(),
        InputKind::text("a"),
        InputKind::Text { default: String::new(), multiline: true },
        InputKind::choice(&["a", "b"]),
        InputKind::choice(&[]),
        file(),
        InputKind::Seed { default: 0 },
        loras(),
        InputKind::Rows { columns: inner },
    ]
}

/// One harness for all: fonts are made once.
fn show_all(values: Vec<String>) {
    let app = move |ui: &mut Ui, values: &mut Vec<String>| {
        for (row, value) in values.iter().enumerate() {
            for (at, kind) in every_kind().into_iter().enumerate() {
                let spec = spec("x", kind);
                let name = format!("{row}.{at}");
                let cell = Cell { name, spec: &spec, value: Some(value), zoom: 0.7, files: &Fake::default() };
                cell.show(ui, SeedMode::Random, Some(-1));
            }
        }
    };
    let mut harness = Harness::builder().with_size([200.0, 900.0]).build_ui_state(app, values);
    harness.hover_at(Pos2::new(40.0, 40.0));
    harness.run_ok();
}

#[test]
fn odd_values_are_replaced_by_an_edit() {
    let mut harness = of(InputKind::int(8, (1, 1000)), Some("\"many\""));
    assert_eq!(harness.get_by_label("n.x").value().as_deref(), Some("\"many\""));
    click(&mut harness, "n.x");
    harness.get_by_label("n.x").type_text("12");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(value(&harness), Some("12"));
    let mut harness = of(loras(), Some("17"));
    click(&mut harness, "n.x add");
    assert_eq!(value(&harness), Some("[{}]"));
    let mut harness = of(InputKind::Bool { default: true }, Some("2"));
    click(&mut harness, "n.x");
    assert_eq!(value(&harness), Some("false"));
}

#[test]
fn a_press_of_another_button_changes_nothing() {
    let mut harness = of(weight(), Some("0.5"));
    let at = harness.get_by_label("n.x").rect().center();
    let press = |pressed, pos| {
        let button = PointerButton::Middle;
        egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }
    };
    harness.event(egui::Event::PointerMoved(at));
    harness.event(press(true, at));
    harness.event(egui::Event::PointerMoved(at + vec2(60.0, 0.0)));
    harness.event(press(false, at + vec2(60.0, 0.0)));
    harness.run();
    assert!(harness.state().changes.is_empty(), "{:?}", harness.state().changes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_value_is_too_odd(
        values in proptest::collection::vec(
            prop_oneof![
                "[-\\[\\]{}()\"',:a-c0-9. /*#!]{0,24}",
                "\\PC*",
                "\\[\\{\"(a|weight|file)\": (1|\"x\"|-9.5e300|\\[\\{\\}\\]|Some\\(None\\))\\}\\]",
                "-?[0-9]{1,25}(\\.[0-9]{0,20})?(e[0-9]{1,3})?",
            ],
            1..4,
        ),
    ) {
        show_all(values);
    }
}
