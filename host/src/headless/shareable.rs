//! The graph as it goes into a picture: it names no folder of this machine.

use std::path::Path;

use plugin_api::{Folder, InputKind};

use crate::graph::{Graph, Input, Roots};
use crate::plugins::Catalog;

/// The graph's text with every absolute path made relative to the folder that it lies in.
pub fn shareable(graph: &Graph, catalog: &Catalog, roots: &Roots) -> String {
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

fn relative(path: &Path, folders: &[std::path::PathBuf]) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let below = folders.iter().find_map(|folder| {
        let folder = folder.canonicalize().ok()?;
        real.strip_prefix(folder).ok().map(Path::to_owned)
    });
    let name = || path.file_name().map(|name| Path::new(name).to_owned()).unwrap_or_default();
    below.unwrap_or_else(name).to_string_lossy().into_owned()
}
