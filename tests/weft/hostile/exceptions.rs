//! Exceptions of C++ that leave a plugin: the engine ends, and nothing but the engine.

use std::path::Path;
use std::process::Command;

use super::queue::{problem, start};
use super::{Fault, Where, folder_of};
use crate::bad_input::{Place, fault_of};
use crate::program::{root, text_to_image, trust};

const ID: &str = "at work was the plugin `thrower 1.0.0`";
const GIVEN: &str = "at work was the plugin `sampler 0.1.0`, with code of `z-image 0.1.0`, `thrower 1.0.0`";
const DETECTED: &str = "at work was the plugin `model-loader 0.1.0`, with code of `thrower 1.0.0`";
const AT: &str = "node `bad` (thrower/Throw)";

const fn thrown(inputs: &'static str, place: Where, says: &'static [&'static str]) -> Fault {
    Fault { node: "Throw", inputs, place, code: 8, says }
}

const FAULTS: [Fault; 7] = [
    thrown(r#""at": "run""#, Where::Alone, &[ID, AT, "it aborted"]),
    thrown(r#""at": "free""#, Where::Alone, &[ID, AT, "it aborted"]),
    thrown(r#""at": "fill""#, Where::Alone, &[ID, AT, "it aborted"]),
    thrown(r#""at": "thread""#, Where::Alone, &[ID, AT, "it aborted"]),
    thrown(r#""at": "start""#, Where::BeforeSampler, &[GIVEN, "node `sample`", "it aborted"]),
    thrown(r#""at": "around""#, Where::BeforeSampler, &[GIVEN, "node `sample`", "it aborted"]),
    thrown(r#""at": "apply""#, Where::BeforeSampler, &[GIVEN, "node `sample`", "it aborted"]),
];

fn graph(fault: &Fault) -> String {
    fault.graph().replace("hostile/", "thrower/")
}

/// Puts the library into a folder and approves it. Says so and is false where there is no compiler for C++.
fn compile(folder: &Path, definitions: &[&str]) -> bool {
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++17", "-shared", "-fPIC", "-pthread", "-I"]).arg(root().join("plugin-api/include"));
    compiler.args(definitions.iter().map(|definition| format!("-D{definition}")));
    let library = folder.join(format!("libthrower.{}", std::env::consts::DLL_EXTENSION));
    compiler.arg("-o").arg(library).arg(root().join("tests/weft/hostile/thrower.cpp"));
    let Ok(output) = compiler.output() else {
        eprintln!("skipped: there is no C++ compiler `c++`, so no exception was thrown");
        return false;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    trust(folder);
    true
}

fn fail_where_any(failed: &[String]) {
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Through the editor's queue, each with a sound run behind it, and with everything that can be thrown.
#[test]
fn exceptions_end_the_engine_and_the_next_run_works() {
    for what in ["std::runtime_error(\"no\")", "7", "(const char *)nullptr"] {
        let (plugins, out) = (folder_of("hostile"), tempfile::tempdir().expect("a folder"));
        if !compile(plugins.path(), &[&format!("THROW={what}")]) {
            return;
        }
        let queue = start(plugins.path());
        let problem = |(index, fault): (usize, &Fault)| {
            let problem = problem(&queue, fault, &graph(fault), out.path(), index)?;
            Some(format!("{what}, {}: {problem}", fault.inputs))
        };
        fail_where_any(&FAULTS.iter().enumerate().filter_map(problem).collect::<Vec<_>>());
    }
}

/// Runs a graph over the plugin, and says what is wrong with its end.
fn problem_of(graph: &str, definitions: &[&str], code: i32, says: &[&str]) -> Option<String> {
    let place = Place::new();
    let plugins = place.path("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    if !compile(Path::new(&plugins), definitions) {
        return None;
    }
    let arguments = [place.run(graph), vec!["--plugins".to_owned(), plugins]].concat();
    let problem = fault_of(&place, &arguments, code, says);
    problem.or_else(|| (!place.written().is_empty()).then(|| format!("{:?} is left", place.written())))
}

#[test]
fn exceptions_on_the_command_line() {
    let problem = |fault: &Fault| problem_of(&graph(fault), &[], fault.code, fault.says);
    fail_where_any(&FAULTS.iter().filter_map(problem).collect::<Vec<_>>());
}

#[test]
fn exceptions_before_a_node_runs() {
    let alone = r#"Graph(format: 1, nodes: { "bad": (kind: "thrower/Throw") })"#;
    let starting = problem_of(alone, &["IN_INIT"], 5, &["libthrower", "while it was opened", "it aborted"]);
    let detecting = problem_of(&text_to_image(), &["IN_DETECT"], 8, &[DETECTED, "node `model`", "it aborted"]);
    fail_where_any(&starting.into_iter().chain(detecting).collect::<Vec<_>>());
}
