//! What a client hands to the engine: the plan, the graph as it goes into pictures, and a folder that is ready for them.

use std::path::{Path, PathBuf};

use super::protocol::Job;
use crate::error::{Code, Error, Result};
use crate::graph::{Graph, Plan, Roots};
use crate::plugins::Catalog;

impl Job {
    /// A job for `plan`, which was made of `graph`. It makes the folder `output`, and frees it of what a killed run left.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn prepare(plan: Plan, graph: &Graph, catalog: &Catalog, roots: &Roots, output: &Path) -> Result<Self> {
        let output = prepare_output(output)?;
        let (graph, models) = (shareable(graph, catalog, roots), roots.models.clone());
        Ok(Self { plan, graph, output, models, dumps: Vec::new(), cache: None, once: false })
    }
}

/// The output folder, made where it is missing and freed of what a killed run left.
///
/// # Errors
/// It cannot be used.
pub fn prepare_output(folder: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| {
        Error::new(Code::Output, format!("the output folder {} cannot be used", folder.display()))
            .cause(crate::error::io_cause(&error))
            .help("choose another; on the command line with -o")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    crate::output::refuse_settings(folder)?;
    crate::atomic::clean(folder);
    folder.canonicalize().map_err(failed)
}

/// The graph's text with every absolute path made relative to the folder that it lies in, and with the plugins that it
/// was made with.
fn shareable(graph: &Graph, catalog: &Catalog, roots: &Roots) -> String {
    let mut graph = graph.clone();
    graph.name_plugins(catalog);
    let mut identities = graph.identities();
    graph.rename_files(catalog, |folder, _, name| {
        let shared = roots.shared(folder, name);
        identities.rename(folder, name, &shared);
        Some(shared)
    });
    graph.set_identities(&identities);
    graph.to_ron()
}

#[cfg(test)]
mod tests {
    use plugin_api::{Folder, InputKind, InputSpec, NodeSpec};

    use super::*;
    use crate::graph::Input;

    #[test]
    fn no_absolute_path_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let ink = root.join("loras/styles/ink.safetensors");
        std::fs::create_dir_all(ink.parent().unwrap()).unwrap();
        std::fs::write(&ink, "").unwrap();
        let loras = || Folder::Models("loras".to_owned());
        let file = || InputKind::File { default: String::new(), folder: loras(), extensions: Vec::new() };
        let column = InputSpec { name: "file".to_owned(), kind: file(), required: true, help: String::new() };
        let prompt = InputKind::Prompt { default: String::new(), folder: loras(), extensions: Vec::new() };
        let node = NodeSpec::new("Use", "", "")
            .param("file", file(), "")
            .param("rows", InputKind::Rows { columns: vec![column] }, "")
            .param("prompt", prompt, "");
        let text = |ink: &str, rows: &str| {
            format!(
                "Graph(format: 1, nodes: {{ \"n\": (kind: \"t/Use\", inputs: {{ \"file\": \"{ink}\", \"rows\": {rows}, \
                 \"prompt\": \"a <lora:{ink}:0.5> fox\" }}) }})"
            )
        };
        let shown = ink.display().to_string();
        let rows = format!("[{{\"file\": \"oil\"}}, {{\"file\": \"{shown}\", \"weight\": 2}}]");
        let graph = Graph::parse(&text(&shown, &rows), "g").unwrap();
        let roots = Roots { models: vec![root.clone()], ..Roots::default() };
        let shared = shareable(&graph, &Catalog::of("t", vec![node]), &roots);
        let name = "styles/ink.safetensors";
        let rows = format!("[{{\"file\": \"oil\"}}, {{\"file\": \"{name}\", \"weight\": 2}}]");
        let expected = Graph::parse(&text(name, &rows), "g").unwrap();
        let values = |graph: &Graph| -> Vec<ron::Value> {
            let raw = |input: &Input| match input {
                Input::Value(raw) => ron::from_str(raw).unwrap(),
                Input::Link(_) => panic!("a link"),
            };
            graph.nodes["n"].inputs.values().map(raw).collect()
        };
        assert_eq!(values(&Graph::parse(&shared, "g").unwrap()), values(&expected), "{shared}");
        assert!(!shared.contains(&root.display().to_string()), "{shared}");
    }
}
