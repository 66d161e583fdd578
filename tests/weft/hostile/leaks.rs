//! What is left when every output is forgotten: nothing, after any number of runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use weft::engine::protocol::{Event, Job};
use weft::engine::{Engine, Options};
use weft::graph::{Graph, Roots, check};
use weft::table::Handles;

use super::folder_of;
use super::queue::options;
use crate::engine::follow;
use crate::program::{golden, root, text_to_image, trust};

/// Runs a graph again and again in one engine, each time from the start, and gives what is left at the end: handles, and by
/// how many bytes MLX's arrays grew since the first run.
fn left_after(runs: usize, options: &Options, graph: &str, models: &[PathBuf]) -> (Handles, i64) {
    let graph = Graph::parse(graph, "the test's graph").expect("a graph");
    let mut engine = Engine::start(options).expect("the engine starts");
    let out = tempfile::tempdir().expect("a folder");
    let roots = Roots { models: models.to_vec(), inputs: models.to_vec(), ..Roots::default() };
    let (mut first, mut last) = (None, Default::default());
    for _ in 0..runs {
        let plan = check(&graph, &engine.catalog, &roots, &[]).unwrap_or_else(|errors| panic!("{errors:?}"));
        let job = Job::prepare(plan, &graph, &engine.catalog, &roots, out.path()).expect("a job");
        engine.run(job);
        let events = follow(&mut engine).expect("the engine lives");
        assert!(!events.iter().any(|event| matches!(event, Event::Failed { .. })), "{events:?}");
        let left = left(&mut engine);
        first.get_or_insert(left.1);
        last = left;
        // Pictures of one name would be numbered ever more slowly.
        std::fs::remove_dir_all(out.path()).expect("the folder");
    }
    (last.0, last.1 as i64 - first.unwrap_or_default() as i64)
}

fn left(engine: &mut Engine) -> (Handles, u64) {
    engine.forget();
    loop {
        let event = engine.next(Duration::from_secs(30)).expect("the engine lives").expect("an answer");
        if let Event::Left { handles, bytes } = event {
            return (handles, bytes);
        }
    }
}

fn assert_nothing_left(runs: usize, options: &Options, graph: &str, models: &[PathBuf]) {
    assert_eq!(left_after(runs, options, graph, models), (Handles::default(), 0), "{graph}");
}

/// Nodes that do and give a bit of everything, and one whose panics cross its hands full of tensors.
#[test]
fn sound_nodes_leave_nothing() {
    let plugins = folder_of("hostile");
    let graph = r#"Graph(format: 1, nodes: {
        "sound": (kind: "hostile/Sound"),
        "latent": (kind: "hostile/Latent", inputs: { "what": "sound" }),
        "own": (kind: "hostile/Own", inputs: { "what": "sound" }),
        "save": (kind: "image-io/SaveImage", inputs: { "image": Link("sound.image"), "name": "a" }),
    })"#;
    assert_nothing_left(100, &options(plugins.path()), graph, &[]);
}

#[test]
fn a_picture_from_text_leaves_nothing() {
    let plugins = folder_of("probe");
    let hooked =
        r#"nodes: { "hook": (kind: "probe/Around", inputs: { "model": Link("model.model"), "point": "blocks" }),"#;
    let graph = text_to_image()
        .replace(r#""model": Link("model.model"),"#, r#""model": Link("hook.model"),"#)
        .replace("nodes: {", hooked);
    assert_nothing_left(5, &options(plugins.path()), &graph, &[golden("plain")]);
}

#[test]
fn what_a_node_keeps_is_counted() {
    let plugins = folder_of("hostile");
    let graph = r#"Graph(format: 1, nodes: { "bad": (kind: "hostile/Keep", inputs: { "what": "tensors" }) })"#;
    let (handles, bytes) = left_after(10, &options(plugins.path()), graph, &[]);
    assert_eq!((handles.tensors, handles.values), (30, 0));
    assert!(bytes >= 0, "{bytes}");
}

/// Any graph over any folder of plugins, as often as one likes:
///
///     WEFT_LEAKS_PLUGINS=DIR WEFT_LEAKS_GRAPH=FILE WEFT_LEAKS_RUNS=10000 \
///         cargo test -p weft-tests --test weft --release -- --ignored --nocapture hostile::leaks::many_runs
///
/// Models and pictures are looked for in WEFT_LEAKS_MODELS, or in models/. WEFT_UNDER="valgrind --log-file=FILE" watches the engine.
#[test]
#[ignore = "takes minutes, and names of files in variables"]
fn many_runs_leave_nothing() {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let graph = path("WEFT_LEAKS_GRAPH").expect("WEFT_LEAKS_GRAPH names a graph");
    let models = path("WEFT_LEAKS_MODELS").unwrap_or_else(|| root().join("models"));
    let runs = std::env::var("WEFT_LEAKS_RUNS").map_or(10_000, |runs| runs.parse().expect("a number of runs"));
    let folder = path("WEFT_LEAKS_PLUGINS").unwrap_or_else(|| Path::new("/dev/null").to_owned());
    trust(&folder);
    let text = std::fs::read_to_string(&graph).unwrap_or_else(|error| panic!("{}: {error}", graph.display()));
    let (handles, bytes) = left_after(runs, &options(&folder), &text, &[models]);
    println!("{}: after {runs} runs {handles:?}, {bytes} bytes more than after the first", graph.display());
    assert_eq!((handles, bytes), (Handles::default(), 0));
}
