//! Every fault through the editor's queue: the order fails, the one behind it writes its picture.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use weft::engine::Options;
use weft::flags::PluginFlags;
use weft::graph::{Graph, Roots};
use weft::queue::{Finished, Order, Outcome, Queue, RunId, State};
use weft::table::Device;

use super::faults::{DEADLY, MADE_GOOD, OUTPUTS, PANICS};
use super::{Fault, folder_of};
use crate::program::{golden, home, weft};

/// Longer than any of these runs takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn start(plugins: &Path) -> Queue {
    Queue::start(options(plugins), || {})
}

pub fn options(plugins: &Path) -> Options {
    let program = Some(program(plugins));
    let plugins = PluginFlags { folders: vec![plugins.to_owned()], no_third_party: false };
    Options { device: Some(Device::Cpu), program, plugins, ..Options::default() }
}

/// The program in the tests' home, where plugins are approved, without what its plugins write on standard error, under the
/// tool that WEFT_UNDER names, if any. Another process writes the script: one that is open for writing, in whatever child of
/// this one, cannot be started.
fn program(folder: &Path) -> PathBuf {
    const WRITE: &str = r#"printf '%s\n' '#!/bin/sh' "exec env -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME HOME='$2' \$WEFT_UNDER '$1' \"\$@\" 2>/dev/null" > "$0" && chmod +x "$0""#;
    let script = folder.join("weft.sh");
    let written =
        Command::new("sh").arg("-c").arg(WRITE).arg(&script).arg(weft()).arg(home()).status().expect("a shell");
    assert!(written.success(), "{}", script.display());
    script
}

pub fn order(graph: &str, output: &Path) -> Order {
    let graph = Arc::new(Graph::parse(graph, "the test's graph").expect("a graph"));
    let roots = Roots { models: vec![golden("plain")], inputs: vec![golden("plain")], ..Roots::default() };
    Order { title: "a test".to_owned(), graph, roots, output: output.to_owned() }
}

/// Looks until there is something to see.
pub fn wait<T>(queue: &Queue, look: impl Fn(&State) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look(&queue.state()) {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {:?}", queue.state());
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn finished(queue: &Queue, id: RunId) -> Arc<Finished> {
    wait(queue, |state| state.history.iter().find(|finished| finished.id == id).cloned())
}

/// A picture that some sound node makes and Weft's own saves.
pub fn sound(name: &str) -> String {
    format!(
        r#"Graph(format: 1, nodes: {{
            "make": (kind: "hostile/Image", inputs: {{ "what": "sound" }}),
            "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("make.image"), "name": "{name}" }}),
        }})"#
    )
}

fn assert_all(faults: &[Fault]) {
    let (plugins, out) = (folder_of("hostile"), tempfile::tempdir().expect("a folder"));
    let queue = start(plugins.path());
    let failed: Vec<String> = faults
        .iter()
        .enumerate()
        .filter_map(|(index, fault)| {
            let problem = problem(&queue, fault, &fault.graph(), out.path(), index)?;
            Some(format!("{}: {problem}", fault.name()))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} faults\n\n{}", failed.len(), faults.len(), failed.join("\n\n"));
}

/// What does not come of `graph` that `fault` promises, and of the sound run behind it.
pub fn problem(queue: &Queue, fault: &Fault, graph: &str, out: &Path, index: usize) -> Option<String> {
    let done = finished(queue, queue.push(order(graph, &out.join("bad")), false));
    let notes = queue.state().said.values().flat_map(|said| said.notes.clone()).collect::<Vec<_>>().join("\n");
    let (code, said) = match &done.outcome {
        Outcome::Done => (0, notes),
        Outcome::Failed(errors) => (errors[0].1.code as i32, format!("{}\n{notes}", errors[0].1)),
        Outcome::Cancelled => return Some("it was cancelled".to_owned()),
    };
    if code != fault.code {
        return Some(format!("the code {code} instead of {}: {said}", fault.code));
    }
    if let Some(part) = fault.says.iter().find(|part| !said.contains(**part)) {
        return Some(format!("no word of `{part}`: {said}"));
    }
    let next = finished(queue, queue.push(order(&sound(&format!("next-{index}")), out), false));
    let is_written = out.join(format!("next-{index}.png")).is_file();
    (!is_written || !matches!(next.outcome, Outcome::Done)).then(|| format!("the next run: {:?}", next.outcome))
}

#[test]
fn panics() {
    assert_all(PANICS);
}

#[test]
fn outputs() {
    assert_all(OUTPUTS);
}

#[test]
fn what_is_made_good() {
    assert_all(MADE_GOOD);
}

#[test]
fn deaths() {
    assert_all(DEADLY);
}
