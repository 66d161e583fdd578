//! `weft convert model`: a whole model, or its diffusion model alone, in another layout. It is a graph of two nodes.

use std::path::Path;

use serde_json::json;

use super::super::run::{Signals, Watch};
use super::super::{Outcome, print, warn_of_refused};
use super::file::folder_of;
use crate::engine::Engine;
use crate::engine::protocol::Job;
use crate::error::{Code, Error, Result};
use crate::flags::ConvertModelFlags;
use crate::graph::{Graph, Input, check};

const GRAPH: &str = r#"Graph(format: 1, nodes: {
    "load": (kind: "model-loader/LoadModel"),
    "save": (kind: "model-merge/SaveModel", inputs: {
        "model": Link("load.model"), "text_encoder": Link("load.text_encoder"), "vae": Link("load.vae"),
    }),
})"#;

pub fn convert(flags: &ConvertModelFlags) -> Outcome {
    flags.common.check()?;
    let name = new_name(&flags.to)?;
    let graph = graph(flags, name)?;
    let mut engine = Engine::start(&flags.common.engine())?;
    let signals = Signals::install()?;
    warn_of_refused(&engine);
    let roots = flags.common.roots(Path::new(""))?;
    let plan = check(&graph, &engine.catalog, &roots, &[])?;
    let job = Job::prepare(plan, &graph, &engine.catalog, &roots, folder_of(&flags.to))?;
    let mut watch = Watch::new(&graph, false);
    engine.run(job);
    watch.follow(&mut engine, &signals)?;
    let written = watch.written().map(|path| path.display().to_string()).next_back().unwrap_or_default();
    if flags.common.json {
        print(&json!({ "path": written, "notes": watch.notes(), "reports": watch.reports }).to_string());
    } else {
        print(&written);
    }
    Ok(())
}

/// What the new folder is called.
///
/// # Errors
/// It is there already, or its path ends in no name.
fn new_name(to: &Path) -> Result<&str> {
    let shown = to.display();
    let refused = |what: String, help: &str| Error::new(Code::Output, what).help(help);
    if to.exists() {
        return Err(refused(format!("{shown} exists"), "give the path of a new folder"));
    }
    let name = to.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| refused(format!("{shown} names no folder"), "give the path of a new folder"))
}

fn graph(flags: &ConvertModelFlags, name: &str) -> Result<Graph> {
    let mut graph = Graph::parse(GRAPH, "the conversion")?;
    // A path from where the user is goes before a name below models/.
    let from = flags.from.canonicalize().ok().filter(|path| path.exists()).unwrap_or_else(|| flags.from.clone());
    let load = &mut graph.nodes["load"];
    load.inputs.insert("path".to_owned(), Input::text(&from.to_string_lossy()));
    if flags.only_model {
        "model-loader/LoadDiffusionModel".clone_into(&mut load.kind);
    }
    let save = &mut graph.nodes["save"];
    if flags.only_model {
        save.inputs.retain(|input, _| input == "model");
    }
    for (input, value) in [("name", name), ("layout", &flags.layout), ("precision", &flags.precision)] {
        save.inputs.insert(input.to_owned(), Input::text(value));
    }
    Ok(graph)
}
