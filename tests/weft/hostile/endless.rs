//! Nodes and starts without an end: stopped, five seconds of grace, SIGTERM, SIGKILL.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use weft::engine::{Engine, Options};
use weft::error::Code;
use weft::queue::{NodeState, Outcome};

use super::folder_of;
use super::queue::{finished, options, order, sound, start, wait};
use crate::bad_input::{Place, Running, compile};
use crate::program::trust;

fn endless(what: &str) -> String {
    format!(r#"Graph(format: 1, nodes: {{ "bad": (kind: "hostile/Endless", inputs: {{ "what": "{what}" }}) }})"#)
}

fn send(process: u32, signal: Signal) {
    let pid = Pid::from_raw(process.try_into().expect("a process id")).expect("a process id");
    kill_process(pid, signal).expect("it is ours");
}

/// A run of the node that has begun.
fn begun(at: &Place, plugins: &Path, what: &str) -> Running {
    let folder = plugins.display().to_string();
    let mut run = Running::start(&[at.run(&endless(what)), vec!["--plugins".to_owned(), folder]].concat());
    run.wait_for("bad: 1/2");
    run
}

#[test]
fn one_interrupt_ends_a_node_that_never_asks() {
    let plugins = folder_of("hostile");
    for what in ["plain", "deaf"] {
        let at = Place::new();
        let run = begun(&at, plugins.path(), what);
        send(run.child.id(), Signal::INT);
        let said = run.end();
        assert_eq!(said.code, Some(130), "{}", said.stderr);
        for part in ["error: ", "after 5 s", "hostile 0.1.0", "node `bad` (hostile/Endless)", "help: "] {
            assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
        }
        assert_eq!(at.written(), Vec::<String>::new());
    }
}

#[test]
fn a_second_interrupt_or_a_termination_ends_it_at_once() {
    let plugins = folder_of("hostile");
    let at = Place::new();
    let mut run = begun(&at, plugins.path(), "deaf");
    send(run.child.id(), Signal::INT);
    run.wait_for("stopping after this step");
    send(run.child.id(), Signal::INT);
    assert_eq!(run.end().code, Some(130));
    let run = begun(&at, plugins.path(), "deaf");
    send(run.child.id(), Signal::TERM);
    assert_eq!(run.end().code, Some(143));
}

#[test]
fn the_editor_goes_on_with_another_engine() {
    let (plugins, out) = (folder_of("hostile"), tempfile::tempdir().expect("a folder"));
    let queue = start(plugins.path());
    let id = queue.push(order(&endless("deaf"), out.path()), false);
    let running = |node: &NodeState| matches!(node, NodeState::Running { done: 1, .. });
    wait(&queue, |state| state.nodes.get("bad").is_some_and(running).then_some(()));
    queue.interrupt();
    assert!(matches!(finished(&queue, id).outcome, Outcome::Cancelled));
    let next = finished(&queue, queue.push(order(&sound("next"), out.path()), false));
    assert!(matches!(next.outcome, Outcome::Done), "{:?}", next.outcome);
}

/// A plugin whose `init` says so and never comes back.
fn never_started(at: &Place) {
    compile(at, &["INIT=if (write(2, \"begun\\n\", 6)) for (;;) sleep(1)"]);
    trust(Path::new(&at.path("plugins")));
}

#[test]
fn a_plugin_that_never_starts_is_named() {
    let at = Place::new();
    never_started(&at);
    let patience = Some(Duration::from_secs(1));
    let options = Options { patience, ..options(Path::new(&at.path("plugins"))) };
    let error = Engine::start(&options).expect_err("it never starts");
    assert_eq!(error.code, Code::Plugin);
    assert!(error.what.contains("libbroken") && error.cause.contains("did not come to an end"), "{error}");
}

#[test]
fn a_plugin_that_never_starts_can_be_ended() {
    let at = Place::new();
    never_started(&at);
    let mut command = crate::program::command(&[]);
    command.args(at.run_with(&["--plugins", &at.path("plugins")])).stdout(Stdio::null());
    let mut run = Running::spawn(&mut command);
    run.wait_for("begun");
    // What a script starts in the background has SIGINT ignored, until a run is under way.
    send(run.child.id(), Signal::TERM);
    let status = run.child.wait().expect("it ends");
    assert!(status.signal() == Some(15) || status.code() == Some(143), "{status:?}");
}
