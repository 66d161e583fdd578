//! Adding, wiring, changing, undoing, opening.

use egui::{Event, Key, Modifiers, OutputCommand, PointerButton, vec2};
use weft::document::Recovered;
use weft::editor::Action;
use weft::graph::{Input, Link};

use super::window::Window;
use crate::hostile::{engine_options, folder_of};
use crate::program::root;

const LOOSE: &str = r#"// Two nodes that are not linked.
Graph(
    format: 1,
    nodes: {
        "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 64, "height": 64 }),
        "sample": (kind: "sampler/Sample", inputs: { "steps": 8, "seed": 1 }),
        "decode": (kind: "vae/DecodeLatent", inputs: { "latent": Link("sample.latent") }),
    },
    editor: { "latent": (0, 0), "sample": (400, 0), "decode": (800, 0) },
    future: Some("kept"),
)
"#;

fn loose() -> Window {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loose.ron");
    std::fs::write(&path, LOOSE).expect("a graph");
    Window::open(Some(&path))
}

fn link(window: &Window, node: &str, input: &str) -> Option<Link> {
    match window.editor().document().graph().nodes.get(node)?.inputs.get(input)? {
        Input::Link(link) => Some(link.clone()),
        Input::Value(_) => None,
    }
}

fn value(window: &Window, node: &str, input: &str) -> Option<String> {
    match window.editor().document().graph().nodes.get(node)?.inputs.get(input)? {
        Input::Value(text) => Some(text.clone()),
        Input::Link(_) => None,
    }
}

#[test]
fn nodes_are_added_by_search() {
    let mut window = Window::open(None);
    window.act(Action::New);
    window.key(Modifiers::NONE, Key::Tab);
    window.write("emptyl");
    window.key(Modifiers::NONE, Key::Enter);
    let nodes = &window.editor().document().graph().nodes;
    assert_eq!(nodes.values().map(|node| node.kind.as_str()).collect::<Vec<_>>(), ["sampler/EmptyLatent"]);
    let name = nodes.keys().next().expect("it is there").clone();
    assert!(window.has(&format!("node {name}")));
    window.key(Modifiers::COMMAND, Key::Z);
    assert!(window.editor().document().graph().nodes.is_empty());
}

#[test]
fn a_wire_is_dragged_from_port_to_port() {
    let mut window = loose();
    let before = window.text();
    window.drag(window.at("output latent.latent"), window.at("input sample.latent"));
    let expected = Link { node: "latent".into(), output: "latent".into() };
    assert_eq!(link(&window, "sample", "latent"), Some(expected));
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.text(), before);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(link(&window, "sample", "latent").is_some());
}

#[test]
fn a_wire_that_does_not_fit_is_refused_in_words() {
    let mut window = loose();
    let before = window.text();
    window.drag(window.at("output latent.latent"), window.at("input sample.model"));
    assert!(window.has_text("`model` takes MODEL, but `latent` makes LATENT"));
    window.drag(window.at("output decode.image"), window.at("input sample.latent"));
    assert!(window.has_text("`latent` takes LATENT, but `image` makes IMAGE"));
    // Backwards along a link: a circle.
    window.drag(window.at("output sample.latent"), window.at("input sample.noise"));
    assert!(window.has_text("a node cannot take its own output"));
    assert_eq!(window.text(), before);
}

#[test]
fn a_wire_that_is_pulled_off_is_cut() {
    let mut window = loose();
    let from = window.at("input decode.latent");
    window.drag(from, from + vec2(-60.0, 260.0));
    assert_eq!(link(&window, "decode", "latent"), None);
}

#[test]
fn a_wire_on_the_empty_canvas_offers_what_fits_and_connects() {
    let mut window = loose();
    let from = window.at("output decode.image");
    window.drag(from, from + vec2(60.0, 200.0));
    window.write("saveimage");
    window.key(Modifiers::NONE, Key::Enter);
    let graph = window.editor().document().graph().clone();
    let (name, node) = graph.nodes.last().expect("a node");
    assert_eq!(node.kind, "image-io/SaveImage");
    let expected = Link { node: "decode".into(), output: "image".into() };
    assert_eq!(link(&window, &name.clone(), "image"), Some(expected));
}

#[test]
fn a_value_is_typed_and_undone() {
    let mut window = loose();
    let before = window.text();
    let at = window.at("sample.steps");
    for pressed in [true, false, true, false] {
        window.press(at, PointerButton::Primary, pressed);
    }
    window.key(Modifiers::COMMAND, Key::A);
    window.write("12");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(value(&window, "sample", "steps").as_deref(), Some("12"));
    // The rest of the file stays as it is, what is not known included.
    assert_eq!(window.text(), before.replace("\"steps\": 8", "\"steps\": 12"));
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.text(), before);
}

#[test]
fn nodes_are_moved_removed_copied_and_pasted() {
    let mut window = loose();
    let before = window.text();
    let title = window.at("node latent");
    window.drag(title, title + vec2(0.0, 120.0));
    let [x, y] = window.editor().document().position("latent");
    assert!((x.abs() < 1.0) && (y - 120.0).abs() < 30.0, "moved to {x}, {y}");
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.text(), before, "a drag is one step");
    window.click("node sample");
    window.act(Action::Duplicate);
    assert!(window.editor().document().graph().nodes.contains_key("sample-2"));
    window.key(Modifiers::NONE, Key::Delete);
    assert_eq!(window.editor().document().graph().nodes.len(), 3);
    window.click("node sample");
    window.key(Modifiers::COMMAND, Key::M);
    assert!(window.text().contains("mode: Muted"));
    window.act(Action::Undo);
    window.act(Action::Undo);
    window.act(Action::Undo);
    assert_eq!(window.text(), before);
}

#[test]
fn a_graph_whose_plugin_is_missing_opens_and_keeps_everything() {
    let text = LOOSE
        .replace("vae/DecodeLatent", "depth/Estimate")
        .replace("\"latent\": Link(\"sample.latent\")", "\"latent\": Link(\"sample.latent\"), \"strength\": 0.7");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("missing.ron");
    std::fs::write(&path, &text).expect("a graph");
    let mut window = Window::open(Some(&path));
    assert!(window.has("node decode"));
    assert!(window.has_text("This node's plugin is not loaded"));
    assert!(window.has("input decode.latent"));
    window.act(Action::SaveTo(path.clone()));
    assert_eq!(std::fs::read_to_string(&path).expect("it was saved"), text);
}

#[test]
fn open_and_save_give_the_same_file() {
    for name in ["text-to-image", "guidance", "image-to-image", "z-image-turbo"] {
        let text = std::fs::read_to_string(root().join(format!("graphs/{name}.ron"))).expect("a template");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("graph.ron");
        std::fs::write(&path, &text).expect("a graph");
        let mut window = Window::open(Some(&path));
        window.act(Action::SaveTo(path.clone()));
        assert_eq!(std::fs::read_to_string(&path).expect("it was saved"), text, "{name}");
    }
}

#[test]
fn what_can_be_operated_has_a_name() {
    let mut window = Window::open(None);
    assert_eq!(window.nameless(), Vec::<String>::new(), "gallery");
    window.act(Action::OpenFile(root().join("graphs/guidance.ron")));
    window.steps(4);
    assert_eq!(window.nameless(), Vec::<String>::new(), "graph");
    for (action, what) in [(Action::Search, "palette"), (Action::Keys, "key map")] {
        window.act(action);
        assert_eq!(window.nameless(), Vec::<String>::new(), "{what}");
        window.key(Modifiers::NONE, Key::Escape);
    }
    for page in ["Models", "History"] {
        window.click(page);
        assert_eq!(window.nameless(), Vec::<String>::new(), "{page}");
    }
}

#[test]
fn unsaved_work_is_asked_for() {
    let mut window = loose();
    window.click("node latent");
    window.key(Modifiers::NONE, Key::Delete);
    // The gallery over it does not make it less unsaved.
    window.act(Action::Templates);
    window.act(Action::New);
    assert!(window.has_text("Save the changes to"));
    assert_eq!(window.editor().document().graph().nodes.len(), 2, "nothing is gone yet");
    window.click("Cancel");
    // Nor is it lost to what an earlier editor left.
    let written = std::time::SystemTime::UNIX_EPOCH;
    let left = Recovered { path: None, text: LOOSE.to_owned(), written, folder: window.folder.path().join("left") };
    window.act(Action::Recover(Box::new(left)));
    assert!(window.has_text("Save the changes to"));
    window.click("Cancel");
    window.act(Action::New);
    window.click("Do not save");
    assert!(window.editor().document().graph().nodes.is_empty());
}

#[test]
fn nodes_are_copied_to_another_window_with_and_without_links() {
    let mut window = loose();
    window.click("node decode");
    window.harness.event(Event::Copy);
    window.harness.step();
    let commands = &window.harness.output().platform_output.commands;
    let copied = commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.expect("the clipboard has it");
    let mut other = loose();
    other.harness.event(Event::Paste(copied.clone()));
    other.steps(3);
    let nodes = other.editor().document().graph().nodes.clone();
    assert_eq!(nodes["decode-2"].kind, "vae/DecodeLatent");
    assert_eq!(link(&other, "decode-2", "latent"), None, "links to the outside stay behind");
    other.act(Action::PasteText { text: copied, links: true });
    let expected = Link { node: "sample".into(), output: "latent".into() };
    assert_eq!(link(&other, "decode-3", "latent"), Some(expected));
    other.harness.event(Event::Paste("no graph at all".to_owned()));
    other.steps(3);
    assert_eq!(other.editor().document().graph().nodes.len(), 5);
    assert!(other.has_text("the pasted text is not a graph"), "what is no graph is told of");
}

#[test]
fn a_picture_without_a_graph_becomes_an_input() {
    let mut window = loose();
    let picture = window.folder.path().join("photo.png");
    image::RgbImage::from_pixel(8, 8, image::Rgb([1, 2, 3])).save(&picture).expect("a picture");
    window.drop_file(&picture);
    let graph = window.editor().document().graph().clone();
    let (name, node) = graph.nodes.last().expect("a node");
    assert_eq!(node.kind, "image-io/LoadImage");
    let file = value(&window, &name.clone(), "file").expect("a file");
    assert!(file.contains("photo.png"), "{file}");
    window.act(Action::Undo);
    assert_eq!(window.text(), LOOSE);
}

#[test]
fn the_wheel_zooms_at_the_pointer_and_far_nodes_stay_where_they_are() {
    let mut window = loose();
    let before = window.at("node sample");
    for _ in 0..12 {
        window.harness.event(Event::PointerMoved(before));
        let (unit, phase) = (egui::MouseWheelUnit::Line, egui::TouchPhase::Move);
        window.harness.event(Event::MouseWheel { unit, delta: vec2(0.0, -1.0), modifiers: Modifiers::NONE, phase });
        window.harness.step();
    }
    let after = window.at("node sample");
    assert!(before.distance(after) < 60.0, "from {before} to {after}");
    assert!(!window.has("sample.steps"), "values are not drawn at this size");
    window.act(Action::ZoomReset);
    window.act(Action::Fit);
    assert!(window.has("sample.steps"));
    assert_eq!(window.text(), LOOSE);
}

#[test]
fn a_box_selects_and_what_it_selects_moves_together() {
    let mut window = loose();
    let (latent, sample) = (window.at("node latent"), window.at("node sample"));
    window.drag(latent + vec2(-160.0, -40.0), sample + vec2(-60.0, 60.0));
    window.drag(latent, latent + vec2(0.0, 90.0));
    let document = window.editor().document();
    let rise = |id: &str| document.position(id)[1];
    assert!(rise("latent") > 40.0 && (rise("latent") - rise("sample")).abs() < 0.01, "both moved");
    assert_eq!(rise("decode"), 0.0, "it was not in the box");
    window.act(Action::Undo);
    assert_eq!(window.text(), LOOSE);
}

/// The probe's node `Before` names `Around` as what takes its place.
#[test]
fn a_deprecated_node_is_replaced_with_one_click() {
    const OLD: &str = "Graph(format: 1, nodes: { \"old\": (kind: \"probe/Before\") })\n";
    let plugins = folder_of("probe");
    let graph = plugins.path().join("old.ron");
    std::fs::write(&graph, OLD).expect("a graph");
    let mut window = Window::with(|options| {
        options.engine = engine_options(plugins.path());
        options.graph = Some(graph);
    });
    window.click("replace old");
    assert_eq!(window.editor().document().graph().nodes["old"].kind, "probe/Around");
    assert!(!window.has("replace old"));
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.text(), OLD);
}
