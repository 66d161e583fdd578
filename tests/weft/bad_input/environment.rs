//! The world around the program: variables that are not set, streams that are closed, signals.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::{Place, Running, end};
use crate::program::{Said, child_of, command, send, text_to_image, weft};

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn assert_made(at: &Place, said: &Said) {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(at.written(), ["fox.png"]);
}

#[test]
fn no_home_and_no_display() {
    let at = Place::new();
    let arguments = at.run(&text_to_image());
    let mut command = command(&strs(&arguments));
    // Nothing at all, where the loader needs no variable to find MLX: it is found by the paths in the binary.
    command.env_clear();
    assert_made(&at, &end(&mut command).expect("an end"));
}

#[test]
fn a_home_that_does_not_exist() {
    let at = Place::new();
    let arguments = at.run(&text_to_image());
    let mut command = command(&strs(&arguments));
    command.env("HOME", "/dev/null/home").env("TMPDIR", "/dev/null/tmp").env("XDG_CACHE_HOME", "/dev/null/cache");
    command.env("DISPLAY", ":99").env("WAYLAND_DISPLAY", "none");
    assert_made(&at, &end(&mut command).expect("an end"));
}

#[test]
fn model_folders_that_do_not_exist() {
    let at = Place::new();
    let graph = at.write("graph.ron", text_to_image().replace("\"model\" }", "\"nobody-has-this\" }"));
    let mut command = command(&["run", &graph, "-o", &at.path("out")]);
    command.env("WEFT_MODELS", "/dev/null/models:/nowhere").current_dir(at.path(""));
    let said = end(&mut command).expect("an end");
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    for part in ["nobody-has-this", "node `model`", "input `path`", "WEFT_MODELS"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_editor_without_a_display() {
    for empty in [false, true] {
        let mut command = command(&["edit", "--json"]);
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
            if empty {
                command.env(name, "")
            } else {
                command.env_remove(name)
            };
        }
        let said = end(&mut command).expect("an end");
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        for part in
            ["error: ", "neither DISPLAY nor WAYLAND_DISPLAY is set", "help: ", "`weft run GRAPH` works without them"]
        {
            assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
        }
        assert!(!said.stderr.contains(".rs:"), "{}", said.stderr);
    }
}

#[test]
fn an_editor_for_a_graph_that_cannot_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.ron");
    std::fs::write(&broken, "Graph(format: 1, nodes: {").expect("a file");
    for (path, says) in [(folder.path().join("nowhere.ron"), "cannot be read"), (broken, "is not a graph")] {
        // Told before a window is looked for.
        let mut command = command(&["edit", &path.to_string_lossy()]);
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        let said = end(&mut command).expect("an end");
        assert_eq!(said.code, Some(3), "{}", said.stderr);
        for part in ["error: ", says, "help: "] {
            assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
        }
    }
}

/// Runs the program with some of its streams closed.
fn closed(at: &Place, streams: &str) -> Said {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec \"$0\" \"$@\" {streams}")).arg(weft()).args(at.run(&text_to_image()));
    end(&mut shell).expect("an end")
}

#[test]
fn closed_streams() {
    for streams in [">&-", "2>&-", "<&-", "<&- >&- 2>&-", ">/dev/null 2>/dev/null"] {
        let at = Place::new();
        assert_made(&at, &closed(&at, streams));
    }
}

#[test]
fn readers_that_go_away() {
    let at = Place::new();
    let arguments = at.run(&text_to_image());
    let mut command = command(&strs(&arguments));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert_eq!(at.written(), ["fox.png"]);
}

/// The engine of a run that is under way.
fn engine_of(run: &Running) -> u32 {
    child_of(run.child.id()).expect("the engine is a child of the program")
}

/// A long run that has begun to sample.
fn sampling(at: &Place) -> Running {
    let mut run = Running::start(&at.run_with(&["--set", "sample.steps=1000", "--set", "latent.width=512"]));
    run.wait_for("sample: 1/");
    run
}

fn assert_stopped(at: &Place, run: Running, code: i32, says: &str) {
    let said = run.end();
    assert_eq!(said.code, Some(code), "{}", said.stderr);
    assert!(said.stderr.contains(says) && said.stderr.contains("error: "), "no word of `{says}`: {}", said.stderr);
    assert_eq!(at.written(), Vec::<String>::new());
}

#[test]
fn one_interrupt_stops_after_the_step() {
    let at = Place::new();
    let run = sampling(&at);
    send(run.child.id(), Signal::INT);
    let said = run.end();
    assert_eq!(said.code, Some(130), "{}", said.stderr);
    assert!(
        said.stderr.contains("stopping after this step") && said.stderr.contains("the run was stopped"),
        "{}",
        said.stderr
    );
    assert_eq!(at.written(), Vec::<String>::new());
}

#[test]
fn two_interrupts_stop_at_once() {
    let at = Place::new();
    let mut run = sampling(&at);
    // The engine stands still, so that only the second can end it.
    let engine = engine_of(&run);
    send(engine, Signal::STOP);
    send(run.child.id(), Signal::INT);
    run.wait_for("stopping after this step");
    send(run.child.id(), Signal::INT);
    assert_stopped(&at, run, 130, "stopped at once");
}

#[test]
fn a_termination_ends_it() {
    let at = Place::new();
    let run = sampling(&at);
    send(run.child.id(), Signal::TERM);
    assert_stopped(&at, run, 143, "SIGTERM");
}

#[test]
fn an_engine_that_is_killed_is_told_with_its_node() {
    let at = Place::new();
    let run = sampling(&at);
    send(engine_of(&run), Signal::KILL);
    assert_stopped(&at, run, 8, "node `sample` (sampler/Sample)");
}
