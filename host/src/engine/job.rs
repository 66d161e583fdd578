//! What a client hands to the engine: the plan, the graph as it goes into pictures, and a folder that is ready for them.

use std::path::{Path, PathBuf};

use plugin_api::{Folder, InputKind};

use super::protocol::Job;
use crate::error::{Code, Error, Result};
use crate::graph::{Graph, Input, Plan, Roots};
use crate::plugins::Catalog;

impl Job {
    /// A job for `plan`, which was made of `graph`. It makes the folder `output`, and frees it of what a killed run left.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn prepare(plan: Plan, graph: &Graph, catalog: &Catalog, roots: &Roots, output: &Path) -> Result<Self> {
        let output = prepare_output(output)?;
        Ok(Self { plan, graph: shareable(graph, catalog, roots), output, dumps: Vec::new() })
    }
}

/// The output folder, made where it is missing and freed of what a killed run left.
fn prepare_output(folder: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| {
        Error::new(Code::Output, format!("the output folder {} cannot be used", folder.display()))
            .cause(crate::error::io_cause(&error))
            .help("choose another; on the command line with -o")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    crate::atomic::clean(folder);
    folder.canonicalize().map_err(failed)
}

/// The graph's text with every absolute path made relative to the folder that it lies in.
fn shareable(graph: &Graph, catalog: &Catalog, roots: &Roots) -> String {
    let mut graph = graph.clone();
    for node in graph.nodes.values_mut() {
        let Some(spec) = catalog.node(&node.kind) else { continue };
        for input in &spec.inputs {
            let InputKind::File { folder, .. } = &input.kind else { continue };
            let Some(Input::Value(raw)) = node.inputs.get_mut(&input.name) else { continue };
            let Ok(text) = ron::from_str::<String>(raw) else { continue };
            if Path::new(&text).is_absolute() {
                let folders = if *folder == Folder::Input { &roots.inputs } else { &roots.models };
                node.inputs[&input.name] = Input::text(&relative(Path::new(&text), folders));
            }
        }
    }
    graph.to_ron()
}

fn relative(path: &Path, folders: &[PathBuf]) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let below = folders.iter().find_map(|folder| {
        let folder = folder.canonicalize().ok()?;
        real.strip_prefix(folder).ok().map(Path::to_owned)
    });
    let name = || path.file_name().map(|name| Path::new(name).to_owned()).unwrap_or_default();
    below.unwrap_or_else(name).to_string_lossy().into_owned()
}
