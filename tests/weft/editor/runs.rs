//! Running, watching, and an engine that dies.

use std::path::{Path, PathBuf};
use std::time::Instant;

use egui::{Key, Modifiers};
use weft::editor::Action;
use weft::queue::{EngineState, NodeState, Outcome};

use super::window::Window;
use crate::program::{root, run_well};

fn template(name: &str) -> PathBuf {
    root().join("graphs").join(name)
}

fn pngs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The first template runs with one click, its picture is seen, and it is the one that `weft run` makes.
#[test]
fn one_click_from_the_gallery_to_the_picture_of_weft_run() {
    let mut window = Window::open(None);
    assert!(window.has("Text to image"));
    window.click("Open and run");
    window.until_idle();
    assert!(window.has("picture of save"));
    assert!(window.has_text("128 × 128"));
    let made = pngs(&window.folder.path().join("output"));
    assert_eq!(made.len(), 1);
    let saved = window.folder.path().join("graph.ron");
    window.act(Action::SaveTo(saved.clone()));
    let by_run = window.folder.path().join("run");
    let models = root().join("models");
    let arguments =
        ["run", &saved.to_string_lossy(), "-o", &by_run.to_string_lossy(), "--models", &models.to_string_lossy()]
            .map(str::to_owned);
    run_well(&arguments.each_ref().map(String::as_str));
    let (ours, theirs) =
        (std::fs::read(&made[0]).expect("a picture"), std::fs::read(&pngs(&by_run)[0]).expect("a picture"));
    assert!(ours == theirs, "the pictures differ");

    // The picture is dropped on another window: its graph comes back, and runs to the same bytes.
    let mut other = Window::open(None);
    other.drop_file(&made[0]);
    assert_eq!(other.editor().document().graph().nodes, window.editor().document().graph().nodes);
    other.key(Modifiers::COMMAND, Key::Enter);
    other.until_idle();
    assert!(std::fs::read(&pngs(&other.folder.path().join("output"))[0]).expect("a picture") == ours);
}

#[test]
fn errors_stand_on_the_node_and_in_the_list() {
    let mut window = Window::open(None);
    let text =
        std::fs::read_to_string(template("text-to-image.ron")).expect("a template").replace("\"demo\"", "\"nowhere\"");
    let path = window.file("broken.ron", &text);
    window.act(Action::OpenFile(path));
    window.act(Action::Run);
    window.until_idle();
    let failed = matches!(window.editor().queue().state().nodes.get("model"), Some(NodeState::Failed(_)));
    assert!(failed, "the node says nothing");
    assert!(window.has_text("is not what this input takes"));
    window.act(Action::Problems);
    window.act(Action::Jump("model".into()));
    assert!(window.has("node model"));
}

#[test]
fn an_engine_that_is_killed_leaves_the_editor_and_its_graph_alone() {
    let mut window = Window::open(None);
    let text = std::fs::read_to_string(template("text-to-image.ron"))
        .expect("a template")
        .replace("\"steps\": 8", "\"steps\": 900");
    let path = window.file("long.ron", &text);
    window.act(Action::OpenFile(path));
    window.click("node save");
    window.act(Action::Duplicate);
    let unsaved = window.text();
    window.act(Action::Run);
    window.until("sampling", |editor| {
        matches!(editor.queue().state().nodes.get("sample"), Some(NodeState::Running { done, .. }) if *done > 2)
    });
    let id = window.editor().queue().process_id().expect("an engine");
    let pid = rustix::process::Pid::from_raw(i32::try_from(id).expect("a process id")).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it was running");
    let killed = Instant::now();
    window.until("a new engine", |editor| {
        let state = editor.queue().state();
        state.current.is_none() && matches!(state.engine, EngineState::Ready)
    });
    println!("a new engine after {:.2} s", killed.elapsed().as_secs_f64());
    assert!(window.has_text("the engine ended in the middle of its work"));
    assert!(matches!(window.editor().queue().state().history[0].outcome, Outcome::Failed(_)));
    assert_eq!(window.text(), unsaved);
    assert!(window.editor().document().is_changed());
}

#[test]
fn a_random_seed_is_drawn_before_the_run_and_shown() {
    let mut window = Window::open(Some(&template("text-to-image.ron")));
    window.act(Action::Edit(weft::document::Edit::Seed {
        node: "sample".into(),
        input: "seed".into(),
        mode: weft::document::SeedMode::Increment,
    }));
    window.act(Action::Run);
    window.until_idle();
    let shown = window.text();
    assert!(shown.contains("\"seed\": 43"), "{shown}");
    let made = pngs(&window.folder.path().join("output"));
    let inside = weft::picture::graph_of(&made[0]).expect("a graph");
    assert!(inside.contains("\"seed\": 43"), "the picture was made with the seed that is shown");
}

#[test]
fn a_run_is_stopped_and_the_rest_of_the_queue_goes_on() {
    let mut window = Window::open(None);
    let text = std::fs::read_to_string(template("text-to-image.ron"))
        .expect("a template")
        .replace("\"steps\": 8", "\"steps\": 900");
    let path = window.file("long.ron", &text);
    window.act(Action::OpenFile(path));
    window.act(Action::Run);
    window.until("sampling", |editor| {
        matches!(editor.queue().state().nodes.get("sample"), Some(NodeState::Running { done, .. }) if *done > 0)
    });
    window.act(Action::OpenFile(template("text-to-image.ron")));
    window.act(Action::Run);
    window.act(Action::Interrupt);
    window.until_idle();
    let state = window.editor().queue().state();
    let outcomes: Vec<&Outcome> = state.history.iter().map(|run| &run.outcome).collect();
    assert!(matches!(outcomes[..], [Outcome::Cancelled, Outcome::Done]), "{outcomes:?}");
}
