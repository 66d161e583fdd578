//! What is left when every output is forgotten: nothing, after any number of runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plugin_api::OutputSpec;
use weft::engine::protocol::{Event, How, Job};
use weft::engine::{Engine, Options};
use weft::graph::{Graph, Link, Roots, check};
use weft::plugins::Catalog;
use weft::table::Handles;

use super::folder_of;
use super::queue::options;
use crate::engine::follow;
use crate::program::{golden, root, text_to_image, trust};

/// What is run, and where its files are.
struct Case {
    graph: Graph,
    roots: Roots,
    /// Which nodes run again, and all that takes from them; none is all of them.
    again: Option<Vec<String>>,
}

impl Case {
    fn new(graph: &str, models: &[PathBuf]) -> Self {
        let graph = Graph::parse(graph, "the test's graph").expect("a graph");
        let roots = Roots { models: models.to_vec(), inputs: models.to_vec(), ..Roots::default() };
        Self { graph, roots, again: None }
    }

    /// Runs it again and again in one engine, and gives what is left when all is forgotten: handles, and by how many bytes
    /// MLX's arrays grew since the first run.
    fn left_after(&self, runs: usize, options: &Options) -> (Handles, i64) {
        let mut engine = Engine::start(options).expect("the engine starts");
        let out = tempfile::tempdir().expect("a folder");
        self.run(&mut engine, out.path());
        let first = left(&mut engine).1;
        for _ in 1..runs {
            self.run(&mut engine, out.path());
        }
        let (handles, bytes) = left(&mut engine);
        (handles, bytes as i64 - first as i64)
    }

    /// The outputs of the nodes that run again, which nobody may take.
    fn wanted(&self, catalog: &Catalog) -> Vec<Link> {
        let outputs = |node: &String| {
            let spec = catalog.node(&self.graph.nodes[node].kind).expect("its plugin is there");
            let link = |output: &OutputSpec| Link { node: node.clone(), output: output.name.clone() };
            spec.outputs.iter().map(link).collect::<Vec<_>>()
        };
        self.again.iter().flatten().flat_map(outputs).collect()
    }

    fn run(&self, engine: &mut Engine, out: &Path) {
        // Pictures of one name would be numbered ever more slowly.
        drop(std::fs::remove_dir_all(out));
        let plan = check(&self.graph, &engine.catalog, &self.roots, &self.wanted(&engine.catalog));
        let plan = plan.unwrap_or_else(|errors| panic!("{errors:?}"));
        let all = || plan.steps().iter().map(|step| step.node.clone()).collect();
        engine.forget_from(plan.clone(), self.again.clone().unwrap_or_else(all));
        let job = Job::prepare(plan, &self.graph, &engine.catalog, &self.roots, out).expect("a job");
        engine.run(job);
        let events = follow(engine).expect("the engine lives");
        for wanted in self.again.iter().flatten() {
            let ran = |event: &Event| matches!(event, Event::Done { node, how: How::Computed, .. } if node == wanted);
            assert!(events.iter().any(ran), "`{wanted}` did not run: {events:?}");
        }
        assert!(!events.iter().any(|event| matches!(event, Event::Failed { .. })), "{events:?}");
    }
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
    assert_eq!(Case::new(graph, models).left_after(runs, options), (Handles::default(), 0), "{graph}");
}

/// Nodes that do and give a bit of everything.
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
    let (handles, bytes) = Case::new(graph, &[]).left_after(10, &options(plugins.path()));
    assert_eq!((handles.tensors, handles.values), (30, 0));
    assert!(bytes > 0, "{bytes}");
}

/// Any graph over any folder of plugins, as often as one likes. The nodes of WEFT_LEAKS_AGAIN and what takes from them run
/// every time, all others once; those of WEFT_LEAKS_WITHOUT are left out.
///
///     WEFT_LEAKS_PLUGINS=DIR WEFT_LEAKS_GRAPH=FILE WEFT_LEAKS_RUNS=10000 WEFT_LEAKS_SET="node.input=value …" \
///         WEFT_LEAKS_AGAIN="node …" WEFT_LEAKS_WITHOUT="node …" \
///         cargo test -p weft-tests --test weft --release -- --ignored --nocapture hostile::leaks::many_runs
///
/// Models are looked for beside the graph, in models/, and in tests/golden/plain: its `model` is the smallest. WEFT_UNDER="valgrind --log-file=FILE" watches the engine.
#[test]
#[ignore = "takes minutes, and names of files in variables"]
fn many_runs_leave_nothing() {
    let variable = |name: &str| std::env::var(name).ok();
    let file = PathBuf::from(variable("WEFT_LEAKS_GRAPH").expect("WEFT_LEAKS_GRAPH names a graph"));
    let plugins = PathBuf::from(variable("WEFT_LEAKS_PLUGINS").expect("WEFT_LEAKS_PLUGINS names a folder"));
    let runs = variable("WEFT_LEAKS_RUNS").map_or(10_000, |runs| runs.parse().expect("a number of runs"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let beside = file.with_file_name("models");
    let mut case = Case::new(&text, &[beside, root().join("models"), golden("plain")]);
    for assignment in variable("WEFT_LEAKS_SET").unwrap_or_default().split_whitespace() {
        case.graph.set(assignment).expect("a node");
    }
    let words = |name: &str| variable(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let without: Vec<String> = words("WEFT_LEAKS_WITHOUT");
    case.graph.nodes.retain(|id, _| !without.contains(id));
    case.again = Some(words("WEFT_LEAKS_AGAIN"));
    let own = tempfile::tempdir().expect("a folder");
    for library in std::fs::read_dir(&plugins).expect("a folder").flatten().map(|entry| entry.path()) {
        if library.extension().is_some_and(|ending| ending == std::env::consts::DLL_EXTENSION) {
            std::fs::copy(&library, own.path().join(library.file_name().expect("a name"))).expect("a copy");
        }
    }
    trust(own.path());
    let (handles, bytes) = case.left_after(runs, &options(own.path()));
    println!("{}: {runs} runs, then {handles:?} and {bytes} bytes more than after the first", file.display());
    assert_eq!((handles, bytes), (Handles::default(), 0));
}
