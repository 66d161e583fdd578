//! What the window shows: the open graph and what is known of it. Panels and canvas read it; `app` changes it.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexSet;
use plugin_api::{InputKind, NodeSpec};

use super::canvas::Frame;
use super::files::Shelf;
use super::panels::{Carried, Textures};
use super::widgets::give;
use crate::document::{Document, Edit};
use crate::error::Error;
use crate::graph::{Input, Link, Node};
use crate::library::Library;
use crate::plugins::Catalog;
use crate::queue::{NodeState, Picture, Said};

pub struct Scene {
    pub document: Document,
    pub catalog: Arc<Catalog>,
    pub files: Shelf,
    pub selection: IndexSet<String>,
    /// What the last run left on the nodes.
    pub states: HashMap<String, NodeState>,
    pub pictures: HashMap<String, Arc<Picture>>,
    /// The nodes' notes and reports.
    pub said: HashMap<String, Said>,
    /// What is wrong with the graph as it stands, each with its node.
    pub problems: Vec<(Option<String>, Error)>,
    /// What to do about the kinds of nodes that no plugin brings.
    pub missing: HashMap<String, Error>,
    /// The seeds of the last two runs that differed, by node and input, newest last.
    seeds: HashMap<(String, String), Vec<i64>>,
    pub textures: Textures,
    /// What drawing the canvas left behind; new in every frame.
    pub frame: Frame,
}

/// An end of a wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Port {
    pub node: String,
    pub name: String,
    pub is_output: bool,
}

impl Scene {
    pub fn new(library: Library) -> Self {
        Self {
            document: Document::empty(),
            catalog: Arc::default(),
            files: Shelf::new(library),
            selection: IndexSet::new(),
            states: HashMap::new(),
            pictures: HashMap::new(),
            said: HashMap::new(),
            problems: Vec::new(),
            missing: HashMap::new(),
            seeds: HashMap::new(),
            textures: Textures::default(),
            frame: Frame::default(),
        }
    }

    /// What a file changes on a node that takes it.
    pub fn gives(&self, id: &str, carried: &Carried) -> Option<Edit> {
        let (node, spec) = (self.node(id)?, self.spec(id)?);
        let now = |name: &str| match node.inputs.get(name)? {
            Input::Value(text) => Some(text.as_str()),
            Input::Link(_) => None,
        };
        let values = give::values(&self.files, &spec.inputs, now, &carried.folder, &carried.entry)?;
        let set = |(input, value)| Edit::Set { node: id.to_owned(), input, value };
        Some(Edit::All(values.into_iter().map(set).collect()))
    }

    pub fn node(&self, id: &str) -> Option<&Node> {
        self.document.graph().nodes.get(id)
    }

    /// The description of a node's kind; none where its plugin is not loaded.
    pub fn spec(&self, id: &str) -> Option<&NodeSpec> {
        self.catalog.node(&self.node(id)?.kind)
    }

    /// Notes the seeds that a run is about to use.
    pub fn remember_seeds(&mut self) {
        let mut used = Vec::new();
        for (id, node) in &self.document.graph().nodes {
            let Some(spec) = self.catalog.node(&node.kind) else { continue };
            for input in spec.inputs.iter().filter(|input| matches!(input.kind, InputKind::Seed { .. })) {
                used.extend(self.seed(id, &input.name).map(|seed| ((id.clone(), input.name.clone()), seed)));
            }
        }
        for (place, seed) in used {
            let known = self.seeds.entry(place).or_default();
            known.retain(|old| *old != seed);
            known.push(seed);
            known.drain(..known.len().saturating_sub(2));
        }
    }

    fn seed(&self, id: &str, input: &str) -> Option<i64> {
        match self.node(id)?.inputs.get(input)? {
            Input::Value(text) => ron::from_str(text).ok(),
            Input::Link(_) => None,
        }
    }

    /// The seed of the last run, where the one that stands there is another.
    pub fn last_seed(&self, id: &str, input: &str) -> Option<i64> {
        let known = self.seeds.get(&(id.to_owned(), input.to_owned()))?;
        let now = self.seed(id, input);
        known.iter().rev().find(|seed| Some(**seed) != now).copied()
    }

    /// The names of a node's inputs in the order in which they are drawn: those of its kind, then what the file has
    /// besides. All that the file has, where the kind is not known.
    pub fn inputs(&self, id: &str) -> Vec<String> {
        let Some(node) = self.node(id) else { return Vec::new() };
        let known = self.spec(id).map_or(&[][..], |spec| &spec.inputs);
        let known: IndexSet<String> = known.iter().map(|input| input.name.clone()).collect();
        let rest = node.inputs.keys().filter(|name| !known.contains(*name)).cloned();
        known.iter().cloned().chain(rest).collect()
    }

    /// The names of a node's outputs; those that links use, where the kind is not known.
    pub fn outputs(&self, id: &str) -> Vec<String> {
        match self.spec(id) {
            Some(spec) => spec.outputs.iter().map(|output| output.name.clone()).collect(),
            None => {
                let links = self.document.graph().nodes.values().flat_map(|node| node.inputs.values());
                let used = links.filter_map(|input| match input {
                    Input::Link(link) if link.node == id => Some(link.output.clone()),
                    _ => None,
                });
                used.collect::<IndexSet<String>>().into_iter().collect()
            }
        }
    }

    /// The link into an input.
    pub fn link(&self, id: &str, input: &str) -> Option<&Link> {
        match self.node(id)?.inputs.get(input)? {
            Input::Link(link) => Some(link),
            Input::Value(_) => None,
        }
    }

    /// The kind of link that a port takes or makes; none where nothing can be linked to it. `*` where it is not known.
    pub fn kind(&self, port: &Port) -> Option<&str> {
        let Some(spec) = self.spec(&port.node) else { return Some("*") };
        if port.is_output {
            let output = spec.outputs.iter().find(|output| output.name == port.name)?;
            return Some(&output.kind);
        }
        match spec.inputs.iter().find(|input| input.name == port.name) {
            Some(input) => input.kind.link(),
            None => Some("*"),
        }
    }

    /// Why a wire may not go from one port to another; none where it may.
    pub fn refusal(&self, one: &Port, other: &Port) -> Option<String> {
        let (output, input) = match (one.is_output, other.is_output) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            (true, true) => return Some("both are outputs: end the wire at an input".to_owned()),
            (false, false) => return Some("both are inputs: begin the wire at an output".to_owned()),
        };
        if output.node == input.node {
            return Some("a node cannot take its own output".to_owned());
        }
        let Some(wanted) = self.kind(input) else {
            return Some(format!("`{}` takes no link", input.name));
        };
        let made = self.kind(output).unwrap_or("*");
        if !crate::graph::fits(made, wanted) {
            return Some(format!("`{}` takes {wanted}, but `{}` makes {made}", input.name, output.name));
        }
        if self.blocked(output).contains(&input.node) {
            return Some(format!("that closes a circle: `{}` already depends on `{}`", output.node, input.node));
        }
        None
    }

    /// Whether the kinds of two ports fit, whatever else speaks against a wire between them.
    pub fn kinds_fit(&self, one: &Port, other: &Port) -> bool {
        let (output, input) = if one.is_output { (one, other) } else { (other, one) };
        one.is_output != other.is_output
            && self.kind(input).is_some_and(|wanted| crate::graph::fits(self.kind(output).unwrap_or("*"), wanted))
    }

    /// The nodes to which a wire from `port` would close a circle, its own among them: those that the node takes from,
    /// or, for an input, those that take from it.
    pub fn blocked(&self, port: &Port) -> IndexSet<String> {
        let nodes = &self.document.graph().nodes;
        let sources = |id: &str| -> Vec<&str> {
            let inputs = nodes.get(id).into_iter().flat_map(|node| node.inputs.values());
            inputs
                .filter_map(|input| if let Input::Link(link) = input { Some(link.node.as_str()) } else { None })
                .collect()
        };
        let mut takers: HashMap<&str, Vec<&str>> = HashMap::new();
        if !port.is_output {
            for id in nodes.keys() {
                sources(id).into_iter().for_each(|source| takers.entry(source).or_default().push(id));
            }
        }
        let mut found: IndexSet<&str> = [port.node.as_str()].into();
        let mut next = 0;
        while let Some(id) = found.get_index(next).copied() {
            if port.is_output {
                found.extend(sources(id));
            } else {
                found.extend(takers.get(id).into_iter().flatten().copied());
            }
            next += 1;
        }
        found.into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Folder;

    use super::*;
    use crate::editor::files::Files;
    use crate::graph::{Graph, Roots};

    /// A LoRA with two factors for one matrix.
    fn lora(metadata: &str) -> Vec<u8> {
        let factor = |half: &str, shape: &str, begin: usize| {
            let name = format!("diffusion_model.layers.0.attention.to_q.lora_{half}.weight");
            format!(r#""{name}": {{"dtype": "F32", "shape": {shape}, "data_offsets": [{begin}, {}]}}"#, begin + 64)
        };
        let (down, up) = (factor("A", "[2, 8]", 0), factor("B", "[8, 2]", 64));
        let header = format!(r#"{{"__metadata__": {metadata}, {down}, {up}}}"#);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 128]].concat()
    }

    fn scene(root: &std::path::Path) -> Scene {
        let extensions = vec!["safetensors".to_owned()];
        let folder = Folder::Models("loras".to_owned());
        let file = InputKind::File { default: String::new(), folder, extensions };
        let spec = NodeSpec::new("Apply", "", "").param("file", file, "").param(
            "weight",
            InputKind::float(1.0, (-100.0, 100.0), 0.05),
            "",
        );
        let mut scene = Scene::new(Library::new(Roots { models: vec![root.to_owned()], ..Roots::default() }));
        scene.catalog = Arc::new(Catalog::of("lora", vec![spec]));
        let text = r#"Graph(format: 1, nodes: {"one": (kind: "lora/Apply")})"#;
        scene.document = Document::untitled(Graph::parse(text, "the test's graph").unwrap(), None);
        scene
    }

    #[test]
    fn a_file_and_its_weight_are_one_step() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("loras/styles")).unwrap();
        let bytes = lora(r#"{"recommended_weight": "0.8", "trigger_words": "ink wash"}"#);
        std::fs::write(root.path().join("loras/styles/ink.safetensors"), bytes).unwrap();
        let mut scene = scene(root.path());
        let folder = Folder::Models("loras".to_owned());
        let entry = scene.files.list(&folder, &[])[0].clone();
        let edit = scene.gives("one", &Carried { folder, entry }).unwrap();
        scene.document.edit(edit).unwrap();
        let inputs = &scene.node("one").unwrap().inputs;
        let value = |name: &str| inputs.get(name).cloned();
        assert_eq!(value("file"), Some(Input::text("styles/ink.safetensors")));
        assert_eq!(value("weight"), Some(Input::Value("0.8".to_owned())));
        assert!(scene.document.undo());
        assert!(scene.node("one").unwrap().inputs.is_empty() && !scene.document.can_undo());
    }
}
