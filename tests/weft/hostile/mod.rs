//! Plugins that do what they should not (tests/hostile): what a person reads, and that the next run works.

mod architectures;
mod command;
mod endless;
mod exceptions;
mod faults;
mod leaks;
mod queue;

use tempfile::TempDir;

pub use queue::options as engine_options;

use crate::program::{text_to_image, trust, weft};

/// A folder with nothing but this library of the tests, which is approved.
pub fn folder_of(library: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("{}{library}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = weft().with_file_name(&name);
    std::fs::copy(&built, folder.path().join(name)).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    trust(folder.path());
    folder
}

/// What a node of the plugin does, and what has to come of it.
pub struct Fault {
    pub node: &'static str,
    /// The node's inputs, as a graph has them.
    pub inputs: &'static str,
    pub place: Where,
    /// Exit code of `weft run`; 0 where the run goes well all the same.
    pub code: i32,
    pub says: &'static [&'static str],
}

/// Where the node stands.
pub enum Where {
    /// Alone in its graph.
    Alone,
    /// It takes the model, and nothing takes from it.
    AtModel,
    /// Between the model and the sampler of the usual graph.
    BeforeSampler,
}

impl Fault {
    pub fn name(&self) -> String {
        format!("{} {}", self.node, self.inputs)
    }

    /// A graph with the node as `bad`.
    pub fn graph(&self) -> String {
        let (node, inputs) = (self.node, self.inputs);
        let bad = |more: &str| format!(r#""bad": (kind: "hostile/{node}", inputs: {{ {more} {inputs} }}),"#);
        let model = r#""model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),"#;
        let link = r#""model": Link("model.model"),"#;
        match self.place {
            Where::Alone => format!("Graph(format: 1, nodes: {{ {} }})", bad("")),
            Where::AtModel => format!("Graph(format: 1, nodes: {{ {model} {} }})", bad(link)),
            Where::BeforeSampler => text_to_image()
                .replace(link, r#""model": Link("bad.model"),"#)
                .replace("nodes: {", &format!("nodes: {{ {}", bad(link))),
        }
    }
}
