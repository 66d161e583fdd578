//! The editor's queue over a real engine: order, pictures, stopping, and what happens when the engine dies.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use weft::engine::Options;
use weft::error::Code;
use weft::graph::{Graph, Roots};
use weft::queue::{EngineState, Finished, NodeState, Order, Outcome, Picture, Queue, RunId, State};
use weft::table::Device;

use crate::program::{golden, run_well, text_to_image, weft};

/// Longer than any of these runs takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(120);

fn start() -> Queue {
    start_watched(|| {})
}

fn start_watched(wake: impl Fn() + Send + Sync + 'static) -> Queue {
    let options = Options { device: Some(Device::Cpu), program: Some(weft()), ..Options::default() };
    Queue::start(options, wake)
}

fn graph() -> Graph {
    Graph::parse(&text_to_image(), "the test's graph").expect("a graph")
}

fn with(assignments: &[&str]) -> Graph {
    let mut graph = graph();
    assignments.iter().for_each(|assignment| graph.set(assignment).expect("a node"));
    graph
}

fn order(graph: Graph, output: &Path) -> Order {
    let roots = Roots { models: vec![golden("plain")], inputs: vec![golden("plain")], ..Roots::default() };
    Order { title: "a test".to_owned(), graph: Arc::new(graph), roots, output: output.to_owned() }
}

/// Looks until there is something to see.
fn wait<T>(queue: &Queue, look: impl Fn(&State) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look(&queue.state()) {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {:?}", queue.state());
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn finished(queue: &Queue, id: RunId) -> Arc<Finished> {
    wait(queue, |state| state.history.iter().find(|finished| finished.id == id).cloned())
}

fn is_ready(state: &State) -> Option<()> {
    matches!(state.engine, EngineState::Ready).then_some(())
}

fn sampling(state: &State) -> Option<()> {
    let is_sampling = |node: &NodeState| matches!(node, NodeState::Running { done: 3.., .. });
    state.nodes.get("sample").is_some_and(is_sampling).then_some(())
}

/// Nodes that were not known from an earlier run.
fn evaluated(state: &State) -> Vec<String> {
    let is_new = |node: &NodeState| matches!(node, NodeState::Done { cached: false, .. });
    let mut nodes: Vec<String> =
        state.nodes.iter().filter(|(_, node)| is_new(node)).map(|(node, _)| node.clone()).collect();
    nodes.sort();
    nodes
}

fn failures(finished: &Finished) -> Vec<(Option<String>, weft::error::Error)> {
    match &finished.outcome {
        Outcome::Failed(errors) => errors.clone(),
        other => panic!("{other:?}"),
    }
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn a_run_writes_the_bytes_of_weft_run_and_shows_them() {
    let out = tempfile::tempdir().expect("a folder");
    let file = out.path().join("fox.ron");
    std::fs::write(&file, text_to_image()).expect("the graph");
    let text = |path: &Path| path.display().to_string();
    let reference = out.path().join("reference");
    run_well(&["run", &text(&file), "-o", &text(&reference), "--models", &text(&golden("plain")), "--quiet"]);

    let woke = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&woke);
    let queue = start_watched(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let ours = out.path().join("ours");
    let done = finished(&queue, queue.push(order(Graph::open(&file).expect("a graph"), &ours), false));
    assert!(matches!(done.outcome, Outcome::Done), "{:?}", done.outcome);
    let bytes = |folder: &Path| std::fs::read(folder.join("fox.png")).expect("a picture");
    assert_eq!(bytes(&ours), bytes(&reference));

    let state = queue.state();
    assert_eq!(evaluated(&state), ["decode", "latent", "model", "prompt", "sample", "save"]);
    let picture: &Picture = &state.pictures["save"];
    let pixels = image::open(ours.join("fox.png")).expect("a picture").into_rgba8();
    assert_eq!((picture.width, picture.height), pixels.dimensions());
    assert!(picture.rgba == pixels.into_raw() && !picture.is_preview);
    assert_eq!(picture.file, Some(ours.join("fox.png").canonicalize().expect("a file")));
    assert_eq!(done.pictures.len(), 1);
    assert_eq!(done.pictures[0].0, "save");
    assert!(woke.load(Ordering::Relaxed) > 6, "nobody would have redrawn");
    assert!(!state.catalog.plugins.is_empty() && state.device == Some(Device::Cpu) && state.current.is_none());
}

#[test]
fn orders_are_worked_off_in_turn_and_can_be_taken_back() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let named = |name: &str| order(with(&[&format!("save.name={name}")]), out.path());
    let first = queue.push(order(with(&["sample.steps=1000", "save.name=long"]), out.path()), false);
    wait(&queue, sampling);
    let second = queue.push(named("second"), false);
    let third = queue.push(named("third"), false);
    let front = queue.push(named("front"), true);
    let never = queue.push(named("never"), false);
    queue.remove(never);
    queue.remove(first);
    let waiting: Vec<RunId> = queue.state().waiting.iter().map(|(id, _)| *id).collect();
    assert_eq!(waiting, [front, second, third]);
    queue.interrupt();
    finished(&queue, third);
    let order_of: Vec<RunId> = queue.state().history.iter().map(|finished| finished.id).collect();
    assert_eq!(order_of, [first, front, second, third]);
    assert!(!out.path().join("never.png").exists());

    let long = queue.push(order(with(&["sample.steps=1000", "sample.seed=5"]), out.path()), false);
    wait(&queue, sampling);
    queue.push(named("a"), false);
    queue.push(named("b"), false);
    queue.clear();
    assert!(queue.state().waiting.is_empty());
    queue.interrupt();
    assert!(matches!(finished(&queue, long).outcome, Outcome::Cancelled));
}

#[test]
fn an_interrupted_run_stops_and_the_engine_stays() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let long = queue.push(order(with(&["sample.steps=1000"]), out.path()), false);
    wait(&queue, sampling);
    let engine = queue.process_id();
    queue.interrupt();
    let stopped = finished(&queue, long);
    assert!(matches!(stopped.outcome, Outcome::Cancelled), "{:?}", stopped.outcome);
    assert_eq!(count(out.path()), 0, "nothing was written");
    assert!(!queue.state().nodes.contains_key("save"), "what did not run has no state");
    let done = finished(&queue, queue.push(order(graph(), out.path()), false));
    assert!(matches!(done.outcome, Outcome::Done));
    assert_eq!(queue.process_id(), engine);
}

#[test]
fn a_second_interrupt_ends_the_engine_and_another_one_takes_over() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let long = queue.push(order(with(&["sample.steps=1000"]), out.path()), false);
    wait(&queue, sampling);
    queue.interrupt();
    queue.interrupt();
    assert!(matches!(finished(&queue, long).outcome, Outcome::Cancelled));
    wait(&queue, is_ready);
    let done = finished(&queue, queue.push(order(graph(), out.path()), false));
    assert!(matches!(done.outcome, Outcome::Done));
}

#[test]
fn an_identical_run_computes_nothing_and_still_knows_its_pictures() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let shown = text_to_image().replace(
        "\"save\":",
        "\"show\": (kind: \"image-io/PreviewImage\", inputs: { \"image\": Link(\"decode.image\") }),\n        \"save\":",
    );
    let graph = Graph::parse(&shown, "the test's graph").expect("a graph");
    let first = finished(&queue, queue.push(order(graph.clone(), out.path()), false));
    // Another graph in between, which has other nodes: what was shown is told again.
    let other = Graph::parse(&text_to_image().replace("save", "keep"), "another graph").expect("a graph");
    finished(&queue, queue.push(order(other, out.path()), false));
    assert!(!queue.state().pictures.contains_key("show"));
    let second = finished(&queue, queue.push(order(graph, out.path()), false));
    assert_eq!(evaluated(&queue.state()), Vec::<String>::new());
    let nodes = |run: &Finished| {
        let mut nodes: Vec<String> = run.pictures.iter().map(|(node, _)| node.clone()).collect();
        nodes.sort();
        nodes
    };
    assert_eq!(
        (nodes(&first), nodes(&second)),
        (vec!["save".into(), "show".into()], vec!["save".into(), "show".into()])
    );
    let state = queue.state();
    let (show, save) = (&state.pictures["show"], &state.pictures["save"]);
    assert!(!show.is_preview && show.file.is_none() && save.file.is_some());
    assert_eq!(show.rgba, save.rgba, "the same picture, shown and saved");
    assert_eq!(count(out.path()), 1, "an identical picture is not written twice");
}

#[test]
fn a_killed_engine_fails_its_node_and_another_one_takes_over() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let ordered = order(with(&["sample.steps=1000"]), out.path());
    let (graph_before, text_before) = (Arc::clone(&ordered.graph), ordered.graph.to_ron());
    let long = queue.push(ordered, false);
    wait(&queue, sampling);
    let next = queue.push(order(graph(), out.path()), false);
    kill(&queue);
    let killed = Instant::now();
    let failed = failures(&finished(&queue, long));
    let told = killed.elapsed();
    assert_eq!(failed[0].0.as_deref(), Some("sample"));
    assert_eq!(failed[0].1.code, Code::Failed);
    assert!(failed[0].1.cause.contains("signal 9"), "{}", failed[0].1);
    assert_eq!(failed[0].1.place, "node `sample` (sampler/Sample)");
    wait(&queue, |state| is_ready(state).or(state.history.iter().any(|run| run.id == next).then_some(())));
    println!("killed; told after {told:?}, ready again after {:?}", killed.elapsed());
    assert!(matches!(finished(&queue, next).outcome, Outcome::Done), "the order behind it");
    assert_eq!(graph_before.to_ron(), text_before);
}

#[test]
fn the_failed_node_stays_marked_until_the_next_run() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let long = queue.push(order(with(&["sample.steps=1000"]), out.path()), false);
    wait(&queue, sampling);
    kill(&queue);
    finished(&queue, long);
    wait(&queue, is_ready);
    let state = queue.state();
    assert!(matches!(&state.nodes["sample"], NodeState::Failed(errors) if errors.len() == 1), "{:?}", state.nodes);
    assert!(matches!(state.nodes["prompt"], NodeState::Done { .. }));
    assert!(!state.nodes.contains_key("save"));
}

#[test]
fn an_engine_that_dies_without_work_is_replaced() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    wait(&queue, is_ready);
    let engine = queue.process_id();
    kill(&queue);
    let done = finished(&queue, queue.push(order(graph(), out.path()), false));
    assert!(matches!(done.outcome, Outcome::Done), "{:?}", done.outcome);
    assert!(queue.process_id().is_some() && queue.process_id() != engine);
    let process = queue.process_id();
    kill(&queue);
    wait(&queue, |state| is_ready(state).filter(|()| queue.process_id() != process));
}

#[test]
fn a_broken_graph_puts_its_errors_on_the_nodes_and_runs_nothing() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let broken = with(&["sample.steps=-1", "sample.sampler=nobody", "save.image=1"]);
    let folder = out.path().join("pictures");
    let errors = failures(&finished(&queue, queue.push(order(broken, &folder), false)));
    assert_eq!(errors.len(), 3, "{errors:?}");
    let state = queue.state();
    let on = |node: &str| match &state.nodes[node] {
        NodeState::Failed(errors) => errors.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((on("sample"), on("save"), state.nodes.len()), (2, 1, 2));
    assert!(!folder.exists(), "not even a folder");
    drop(state);
    let done = finished(&queue, queue.push(order(graph(), &folder), false));
    assert!(matches!(done.outcome, Outcome::Done));
}

#[test]
fn an_engine_that_does_not_start_fails_the_order_and_is_tried_again() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = Queue::start(Options { program: Some(out.path().join("nothing")), ..Options::default() }, || {});
    wait(&queue, |state| matches!(state.engine, EngineState::Failed(_)).then_some(()));
    for _ in 0..2 {
        let errors = failures(&finished(&queue, queue.push(order(graph(), out.path()), false)));
        assert!(errors[0].0.is_none() && errors[0].1.what.contains("did not start"), "{errors:?}");
    }
}

#[test]
fn a_long_run_shows_what_it_is_making() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    let long = queue.push(order(with(&["sample.steps=1000"]), out.path()), false);
    let preview = wait(&queue, |state| state.pictures.get("sample").cloned());
    assert!(preview.is_preview && preview.file.is_none());
    assert_eq!((preview.width, preview.height), (8, 8), "a pixel for each of the latent's");
    assert!(queue.state().current.as_ref().is_some_and(|current| current.id == long), "before its end");
    queue.interrupt();
    assert!(finished(&queue, long).pictures.is_empty(), "a preview is no result");
}

#[test]
fn a_dropped_queue_takes_its_engine_along() {
    let out = tempfile::tempdir().expect("a folder");
    let queue = start();
    queue.push(order(with(&["sample.steps=1000"]), out.path()), false);
    wait(&queue, sampling);
    let engine = process(&queue);
    drop(queue);
    assert!(rustix::process::test_kill_process(engine).is_err(), "it is still there");
}

fn process(queue: &Queue) -> rustix::process::Pid {
    let id = queue.process_id().expect("an engine").try_into().expect("a pid");
    rustix::process::Pid::from_raw(id).expect("a pid")
}

fn kill(queue: &Queue) {
    rustix::process::kill_process(process(queue), rustix::process::Signal::KILL).expect("it is ours");
}
