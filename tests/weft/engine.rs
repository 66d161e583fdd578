//! The engine through its protocol: what is evaluated again, what is not, and what happens when it dies.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weft::engine::protocol::{Event, Job};
use weft::engine::{Engine, Options};
use weft::error::{Code, Error};
use weft::graph::{Graph, Roots, check};
use weft::table::Device;

use crate::program::{golden, text_to_image, weft};

/// Longer than any of these runs takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn start() -> Engine {
    let options = Options { device: Some(Device::Cpu), program: Some(weft()), ..Options::default() };
    Engine::start(&options).expect("the engine starts")
}

pub fn job(engine: &Engine, graph: &Graph, output: &Path) -> Job {
    let roots = Roots { models: vec![golden("plain")], inputs: vec![golden("plain")], ..Roots::default() };
    job_in(engine, graph, roots, output)
}

/// With the files of these folders.
pub fn job_in(engine: &Engine, graph: &Graph, roots: Roots, output: &Path) -> Job {
    let plan = check(graph, &engine.catalog, &roots, &[]).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (graph, output, models, dumps) = (graph.to_ron(), output.to_owned(), roots.models, Vec::new());
    Job { plan, graph, output, models, dumps, cache: None, once: false }
}

/// The events of a run to its end.
pub fn follow(engine: &mut Engine) -> Result<Vec<Event>, Error> {
    let start = Instant::now();
    let mut events = Vec::new();
    while start.elapsed() < PATIENCE {
        if let Some(event) = engine.next(Duration::from_millis(100))? {
            let last = matches!(event, Event::Finished { .. });
            events.push(event);
            if last {
                return Ok(events);
            }
        }
    }
    panic!("no end within {PATIENCE:?}: {events:?}");
}

/// Forgets every output, so that everything runs again.
pub fn forget(engine: &mut Engine) {
    engine.forget();
    let told = engine.next(PATIENCE).expect("the engine lives");
    assert!(matches!(told, Some(Event::Left { .. })), "{told:?}");
}

pub fn evaluated(events: &[Event]) -> Vec<String> {
    let node = |event: &Event| match event {
        Event::Started { node } => Some(node.clone()),
        _ => None,
    };
    events.iter().filter_map(node).collect()
}

fn graph() -> Graph {
    Graph::parse(&text_to_image(), "the test's graph").expect("a graph")
}

#[test]
fn only_what_changed_is_evaluated() {
    let out = tempfile::tempdir().expect("a folder");
    let mut engine = start();
    let mut graph = graph();
    let mut run = |graph: &Graph| {
        let job = job(&engine, graph, out.path());
        engine.run(job);
        evaluated(&follow(&mut engine).expect("the engine lives"))
    };
    let mut first = run(&graph);
    first.sort();
    assert_eq!(first, ["decode", "latent", "model", "prompt", "sample", "save"]);
    assert_eq!(run(&graph), Vec::<String>::new(), "an identical run");
    graph.set("save.name=other").expect("a node");
    assert_eq!(run(&graph), ["save"], "another name");
    graph.set("sample.seed=2").expect("a node");
    assert_eq!(run(&graph), ["sample", "decode", "save"], "another seed");
    graph.set("prompt.text=two dogs").expect("a node");
    assert_eq!(run(&graph), ["prompt", "sample", "decode", "save"], "another prompt");
    std::fs::remove_file(out.path().join("other-3.png")).expect("the picture of the last run");
    assert_eq!(run(&graph), ["save"], "a picture that went away is written again");
}

/// The only run gives weights back early, but not those that another sampler takes after it through another node.
#[test]
fn samplers_share_what_they_read() {
    let sampler = |name: &str, model: &str, seed: u32| {
        format!(
            r#""{name}": (kind: "sampler/Sample", inputs: {{ "model": Link("{model}.model"), "positive": Link("prompt.conditioning"),
                "latent": Link("latent.latent"), "steps": 1, "seed": {seed} }}),
            "save {name}": (kind: "sampler/SaveLatent", inputs: {{ "latent": Link("{name}.latent"), "name": "{name}" }}),"#
        )
    };
    let lemica = |name: &str| {
        format!(r#""{name}": (kind: "sampler/LeMiCa", inputs: {{ "model": Link("model.model"), "mode": "off" }}),"#)
    };
    let text = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model" }}),
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("model.text_encoder"), "text": "a fox" }}),
            "latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": 64, "height": 64 }}),
            {}{}{}{}{} }})"#,
        lemica("one"),
        lemica("other"),
        sampler("first", "one", 1),
        sampler("second", "other", 2),
        sampler("third", "model", 3),
    );
    let (out, mut engine) = (tempfile::tempdir().expect("a folder"), start());
    let graph = Graph::parse(&text, "the test's graph").expect("a graph");
    let job = Job { once: true, ..job(&engine, &graph, out.path()) };
    engine.run(job);
    let events = follow(&mut engine).expect("the engine lives");
    let samplers = ["first", "second", "third"];
    let ran: Vec<String> = evaluated(&events).into_iter().filter(|node| samplers.contains(&node.as_str())).collect();
    let reads =
        |node: &&String| events.iter().any(|event| matches!(event, Event::Loading { node: at, .. } if at == *node));
    assert_eq!((ran.len(), ran.iter().filter(reads).collect::<Vec<_>>()), (3, vec![&ran[0]]), "{events:?}");
}

#[test]
fn the_same_run_gives_the_same_bytes_in_any_engine() {
    let out = tempfile::tempdir().expect("a folder");
    let mut one = start();
    let mut other = graph();
    other.set("sample.seed=5").expect("a node");
    for graph in [&graph(), &other, &graph()] {
        let job = job(&one, graph, out.path());
        one.run(job);
        follow(&mut one).expect("the engine lives");
    }
    let mut fresh = start();
    let fresh_job = job(&fresh, &graph(), &out.path().join("fresh"));
    std::fs::create_dir(out.path().join("fresh")).expect("a folder");
    fresh.run(fresh_job);
    follow(&mut fresh).expect("the engine lives");
    let bytes = |name: &str| std::fs::read(out.path().join(name)).expect("a picture");
    assert_eq!(bytes("fox.png"), bytes("fresh/fox.png"));
    assert_ne!(bytes("fox.png"), bytes("fox-2.png"));
}

#[test]
fn a_cancelled_run_stops_and_the_next_one_is_as_ever() {
    let out = tempfile::tempdir().expect("a folder");
    let mut engine = start();
    let mut long = graph();
    long.set("sample.steps=1000").expect("a node");
    let job_long = job(&engine, &long, out.path());
    engine.run(job_long);
    loop {
        let event = engine.next(PATIENCE).expect("the engine lives").expect("an event");
        if matches!(event, Event::Progress { .. }) {
            break;
        }
    }
    engine.cancel();
    let events = follow(&mut engine).expect("the engine lives");
    assert!(events.iter().any(|event| matches!(event, Event::Cancelled)), "{events:?}");
    assert_eq!(std::fs::read_dir(out.path()).expect("a folder").count(), 0, "nothing was written");
    let job_short = job(&engine, &graph(), out.path());
    engine.run(job_short);
    let events = follow(&mut engine).expect("the engine lives");
    assert!(events.iter().any(|event| matches!(event, Event::Wrote { .. })), "{events:?}");
}

#[test]
fn a_killed_engine_is_an_error_that_says_how_it_ended() {
    let out = tempfile::tempdir().expect("a folder");
    let mut engine = start();
    let mut long = graph();
    long.set("sample.steps=1000").expect("a node");
    let job = job(&engine, &long, out.path());
    engine.run(job);
    let pid = rustix::process::Pid::from_raw(engine.process_id().try_into().expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
    let error = follow(&mut engine).expect_err("the engine is gone");
    assert_eq!(error.code, Code::Failed);
    assert!(error.cause.contains("signal 9"), "{error}");
}

/// What a user sees when the engine is killed: which node was running, and exit code 8.
#[test]
fn weft_run_names_the_node_that_was_running_when_the_engine_died() {
    let out = tempfile::tempdir().expect("a folder");
    let graph = out.path().join("fox.ron");
    std::fs::write(&graph, text_to_image()).expect("the graph");
    let (graph, models) = (graph.display().to_string(), golden("plain").display().to_string());
    let mut program = crate::program::command(&["run", &graph, "--models", &models, "--set", "sample.steps=1000"]);
    let pictures = out.path().join("pictures");
    program.arg("-o").arg(&pictures).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("sample: 3/1000") {
        assert_ne!(stderr.read_line(&mut said).expect("a line"), 0, "it ended early: {said}");
    }
    let engine = Command::new("pgrep").args(["-P", &child.id().to_string()]).output().expect("pgrep runs");
    let engine: i32 = String::from_utf8_lossy(&engine.stdout).trim().parse().expect("one child");
    let engine = rustix::process::Pid::from_raw(engine).expect("a pid");
    rustix::process::kill_process(engine, rustix::process::Signal::KILL).expect("it is ours");
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(8), "{said}");
    assert!(said.contains("node `sample` (sampler/Sample)") && said.contains("signal 9"), "{said}");
    assert_eq!(std::fs::read_dir(pictures).expect("a folder").count(), 0);
}

#[test]
fn a_picture_runs_again_to_the_same_bytes() {
    let out = tempfile::tempdir().expect("a folder");
    let graph = out.path().join("fox.ron");
    std::fs::write(&graph, text_to_image()).expect("the graph");
    let path = |name: &str| out.path().join(name).display().to_string();
    let models = golden("plain").display().to_string();
    let run = |graph: &str, output: &str| {
        crate::program::run_well(&[
            "run",
            graph,
            "-o",
            output,
            "--models",
            &models,
            "--set",
            "sample.seed=9",
            "--quiet",
        ]);
    };
    run(&path("fox.ron"), &path("one"));
    run(&path("one/fox.png"), &path("two"));
    let bytes = |name: &str| std::fs::read(out.path().join(name)).expect("a picture");
    assert_eq!(bytes("one/fox.png"), bytes("two/fox.png"));
    let text = String::from_utf8_lossy(&bytes("one/fox.png")).into_owned();
    assert!(!text.contains(&*out.path().to_string_lossy()), "the picture names a folder of this machine");
    let info = crate::program::run_well(&["info", &path("one/fox.png")]);
    assert!(info.stdout.contains("\"seed\": 9"), "{}", info.stdout);
}
