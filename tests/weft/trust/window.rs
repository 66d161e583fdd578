//! The editor's question, from the library that was found to the node that comes alive.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Home;
use crate::editor::window::Window;
use crate::program::weft;

const GRAPH: &str = "Graph(format: 1, nodes: { \"n\": (kind: \"broken/Node\", inputs: {}, keeps: \"this\") })\n";

/// The program with another home: an engine in the window has that of the tests otherwise.
fn program(home: &Home) -> PathBuf {
    let path = home.path("weft");
    let weft = weft().display().to_string();
    let home = home.text("");
    let script =
        format!("#!/bin/sh\nunset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME\nHOME='{home}' exec '{weft}' \"$@\"\n");
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
    path
}

fn open(home: &Home, graph: &Path) -> Window {
    let store = home.store();
    let (program, plugins) = (program(home), home.path("plugins"));
    Window::with(|options| {
        options.graph = Some(graph.to_owned());
        options.trust = store.parent().map(Path::to_owned);
        options.engine.program = Some(program);
        options.engine.plugins.folders = vec![plugins];
    })
}

fn has_node(window: &Window) -> bool {
    window.editor().queue().state().catalog.node("broken/Node").is_some()
}

#[test]
fn what_is_trusted_in_the_dialog_comes_alive() {
    let home = Home::new();
    home.compile("1.0.0");
    let graph = home.path("graph.ron");
    fs::write(&graph, GRAPH).expect("a graph");
    let mut window = open(&home, &graph);
    assert!(window.has("Open this plugin?") && window.has_text("libbroken"));
    assert!(!home.was_opened() && !has_node(&window));
    window.click("Trust");
    window.until("the engine has the node", |editor| editor.queue().state().catalog.node("broken/Node").is_some());
    assert!(home.was_opened());
    window.steps(4);
    assert!(!window.has("Open this plugin?"));
    assert!(!window.has_text("plugin is not loaded"));
    assert_eq!(window.text(), GRAPH, "it kept everything");

    home.compile("2.0.0");
    home.was_opened();
    let mut window = open(&home, &graph);
    assert!(window.has("This plugin has changed. Open it?"));
    window.click("Never");
    let window = open(&home, &graph);
    assert!(!window.has_text("Open it?") && !has_node(&window), "it is not asked about again");
    assert!(!home.was_opened());
}
