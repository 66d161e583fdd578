//! Any file that is opened or dropped: a graph, a picture of ours, a picture of another program.

use std::path::Path;

use plugin_api::{Folder, InputKind};

use super::Action;
use super::scene::Scene;
use crate::document::Document;
use crate::error::{Code, Error, Result};
use crate::graph::{Graph, Input};
use crate::library::Template;
use crate::picture::{self, Found};

/// An opened file, and what to tell about it.
pub struct Opened {
    pub document: Document,
    pub note: Option<String>,
}

/// # Errors
/// A file that is no graph and holds none, with the reason.
pub fn open(path: &Path, templates: &[Template]) -> Result<Opened> {
    if !picture::is_picture(path) {
        return Ok(Opened { document: Document::open(path)?, note: None });
    }
    let folder = path.parent().map(Path::to_owned);
    match picture::found_in(path)? {
        Found::Weft(text) => {
            let graph = Graph::parse(&text, &format!("the graph in {}", path.display()))?;
            Ok(Opened {
                document: Document::untitled(graph, folder),
                note: Some("The graph of the picture".to_owned()),
            })
        }
        Found::Prompt(prompt) => {
            let template = templates.first().ok_or_else(|| {
                Error::new(Code::Unreadable, format!("{} holds a prompt, but no graph", path.display()))
                    .cause("the folder graphs/ with a template for it was not found")
                    .help("start Weft in its own folder, or keep graphs/ beside the program")
            })?;
            let note = format!("{} made this picture: its prompt and settings are in a graph of Weft now", prompt.tool);
            let folder = template.path.parent().map(Path::to_owned);
            Ok(Opened { document: Document::untitled(prompt.to_graph(&template.graph), folder), note: Some(note) })
        }
    }
}

/// Whether opening the file would put another graph in the place of the open one.
pub fn holds_graph(path: &Path) -> bool {
    !picture::is_picture(path) || picture::found_in(path).is_ok()
}

/// A file that holds no graph, as a node that reads it: the first of the catalogue that takes such files as input.
pub fn as_input(path: &Path, scene: &Scene) -> Option<Action> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    let takes = |kind: &InputKind| matches!(kind, InputKind::File { folder: Folder::Input, extensions, .. } if extensions.contains(&extension));
    let mut nodes = scene.catalog.offered();
    let (kind, input) = nodes
        .find_map(|(kind, spec)| Some((kind, spec.inputs.iter().find(|input| takes(&input.kind))?.name.clone())))?;
    let real = path.canonicalize().ok()?;
    let roots = scene.files.library().roots().inputs.iter();
    let below = roots
        .filter_map(|root| root.canonicalize().ok())
        .find_map(|root| Some(real.strip_prefix(root).ok()?.to_owned()));
    let name = below.unwrap_or(real);
    Some(Action::AddNode { kind, inputs: vec![(input, Input::text(&name.to_string_lossy()))] })
}
