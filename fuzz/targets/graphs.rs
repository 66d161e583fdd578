//! Graphs, descriptions of nodes, and what engine and client say to each other.

use std::sync::LazyLock;

use plugin_api::NodeSpec;
use weft::engine::protocol::{Event, Request, receive};
use weft::graph::{Graph, Node, Roots, check, check_partly};
use weft::plugins::{Catalog, PluginInfo, description, form};

/// Nodes with every kind of input.
const STUBS: &[&str] = &[
    r#"(name: "Make", inputs: [(name: "seed", kind: Seed(default: 0)), (name: "side", kind: Int(default: 64, range: (16, 8192), multiple: 16))],
        outputs: [(name: "image", kind: "IMAGE"), (name: "model", kind: "MODEL")])"#,
    r#"(name: "Change", inputs: [(name: "image", kind: Link("IMAGE"), required: true), (name: "mask", kind: Link("MASK")),
        (name: "amount", kind: Float(default: 0.5, range: (0.0, 1.0))), (name: "how", kind: Choice(default: "a", options: ["a", "b"])),
        (name: "on", kind: Bool(default: true)), (name: "any", kind: Link("*"))], outputs: [(name: "image", kind: "IMAGE")])"#,
    r#"(name: "Save", inputs: [(name: "image", kind: Link("IMAGE"), required: true), (name: "name", kind: Text(default: "a")),
        (name: "file", kind: File(folder: Models("loras"), extensions: ["safetensors"])),
        (name: "text", kind: Prompt(default: "", folder: Models("loras"), extensions: ["safetensors"])),
        (name: "rows", kind: Rows(columns: [(name: "weight", kind: Float(default: 1.0, range: (-9.0, 9.0)))]))], outputs: [], sink: true)"#,
];

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| catalog(STUBS.iter().map(|text| description(text).expect("a description")).collect()));

/// The plugin `stub` with these nodes.
fn catalog(nodes: Vec<NodeSpec>) -> Catalog {
    let (version, file) = ("1.0.0".to_owned(), String::new());
    let stub = PluginInfo { id: "stub".to_owned(), version, file, sha256: None, nodes };
    Catalog { plugins: vec![stub], ..Catalog::default() }
}

/// Text that is a graph comes back byte for byte, and means the same when it is written anew.
pub fn graph(data: &[u8]) {
    let Some(graph) = parsed(data) else { return };
    assert_eq!(graph.to_ron().as_bytes(), data);
    for node in graph.nodes.values() {
        drop(node.without_origin());
    }
}

/// A graph is checked, whole and in part, and a plan has no more steps than the graph has nodes.
pub fn plan(data: &[u8]) {
    let Some(graph) = parsed(data) else { return };
    let roots = Roots::default();
    if let Ok(plan) = check(&graph, &CATALOG, &roots, &[]) {
        assert!(plan.steps().len() <= graph.nodes.len());
    }
    drop(check_partly(&graph, &CATALOG, &roots));
}

fn parsed(data: &[u8]) -> Option<Graph> {
    Graph::parse(std::str::from_utf8(data).ok()?, "a file").ok()
}

/// A node that is let in can stand in a graph; and any bytes are some kind of library, or none.
pub fn descriptor(data: &[u8]) {
    drop(form(data));
    let Some(spec) = std::str::from_utf8(data).ok().and_then(|text| description(text).ok()) else { return };
    let mut graph = Graph::parse("Graph(format: 1, nodes: {})", "a file").expect("a graph");
    graph.nodes.insert("n".to_owned(), Node::new(&format!("stub/{}", spec.name)));
    drop(check(&graph, &catalog(vec![spec]), &Roots::default(), &[]));
}

/// Messages in both directions.
pub fn protocol(data: &[u8]) {
    drop(receive::<Request>(&mut &*data));
    drop(receive::<Event>(&mut &*data));
}
