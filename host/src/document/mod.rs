//! A graph that is being edited: positions, undo, clipboard, journal. No window here; the editor draws it and hands it
//! [`Edit`]s.

mod clipboard;
mod columns;
mod edit;
mod facts;
mod history;
mod journal;
mod layout;
mod names;
mod seeds;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::error::{Code, Error, Result, io_cause};
use crate::graph::{Graph, Identities, Input, Link};
use crate::plugins::Catalog;

use history::{Change, History};
use layout::Layout;

pub use crate::graph::Mode;
pub use facts::SeedMode;
pub use journal::{Journal, Recovered, recover};

/// A place on the canvas, in points at zoom 1; y goes down.
pub type Point = [f32; 2];

/// An open graph.
#[derive(Debug, Clone)]
pub struct Document {
    graph: Graph,
    layout: Layout,
    is_arranged: bool,
    history: History,
    /// Changes of the edit that is being carried out.
    changes: Vec<Change>,
    /// Values that stood where links are now, by node and input.
    replaced: HashMap<String, HashMap<String, String>>,
    path: Option<PathBuf>,
    folder: Option<PathBuf>,
    revision: u64,
    shape: u64,
}

/// One thing that a person does.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A new node with a name made from its kind. `inputs` are RON texts or links.
    Add {
        kind: String,
        at: Point,
        inputs: Vec<(String, Input)>,
    },
    Remove(Vec<String>),
    /// A link into `node.input`; the value that stood there is kept for when the link is cut.
    Connect {
        from: Link,
        node: String,
        input: String,
    },
    Disconnect {
        node: String,
        input: String,
    },
    /// RON text; none is the default again.
    Set {
        node: String,
        input: String,
        value: Option<String>,
    },
    Move(Vec<(String, Point)>),
    Mode {
        nodes: Vec<String>,
        mode: Mode,
    },
    Seed {
        node: String,
        input: String,
        mode: SeedMode,
    },
    /// The name that links use; every link follows.
    Rename {
        node: String,
        to: String,
    },
    Collapse {
        nodes: Vec<String>,
        collapsed: bool,
    },
    /// Another kind in the place of a node's own: values, links and name stay.
    Replace {
        node: String,
        kind: String,
    },
    /// Text that [`Document::copy`] made, or a whole graph's. `links` keeps the links to nodes outside of it.
    Paste {
        text: String,
        at: Option<Point>,
        links: bool,
    },
    /// Several edits that are one step for undo.
    All(Vec<Edit>),
}

impl Document {
    /// Nothing yet.
    pub fn empty() -> Self {
        Self::untitled(Graph::default(), None)
    }

    /// Reads a graph file, and frees its folder of what a killed process left while it saved.
    ///
    /// # Errors
    /// What cannot be read or is no graph.
    pub fn open(path: &Path) -> Result<Self> {
        path.parent().into_iter().for_each(atomic::clean);
        Ok(Self { path: Some(path.to_owned()), ..Self::untitled(Graph::open(path)?, None) })
    }

    /// A graph without a file: a template, the graph of a picture. `folder` is where its pictures are looked for.
    pub fn untitled(graph: Graph, folder: Option<PathBuf>) -> Self {
        Self {
            layout: Layout::of(&graph),
            is_arranged: false,
            graph,
            history: History::default(),
            changes: Vec::new(),
            replaced: HashMap::new(),
            path: None,
            folder,
            revision: history::next_number(),
            shape: history::next_number(),
        }
    }

    /// What [`Journal`] kept of a document that was not saved; it has something to save.
    ///
    /// # Errors
    /// Text that is no graph.
    pub fn recovered(text: &str, path: Option<PathBuf>) -> Result<Self> {
        let mut document = Self::untitled(Graph::parse(text, "the recovered graph")?, None);
        document.history.forget_saved();
        Ok(Self { path, ..document })
    }

    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What [`Document::save`] writes: for an untouched graph the bytes of its file.
    pub fn text(&self) -> String {
        self.graph.to_ron()
    }

    /// Names in the graph the plugins that its nodes are of, before it is saved. A graph that was not changed stays as it
    /// is, byte for byte.
    pub fn name_plugins(&mut self, catalog: &Catalog) {
        if self.is_changed() {
            self.graph.name_plugins(catalog);
        }
    }

    /// Writes the file, whole or not at all, and makes it the document's.
    ///
    /// # Errors
    /// Whatever the file system says; the file is as it was then.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        // A link stays one: what it leads to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        atomic::replace(&target, self.text().as_bytes()).map_err(|error| {
            Error::new(Code::Output, format!("{} was not saved", path.display()))
                .cause(io_cause(&error))
                .help("save it in another folder, or make room")
        })?;
        self.path = Some(path.to_owned());
        self.history.saved();
        Ok(())
    }

    /// Says what the model files are that the graph names, for the next save. It is no edit: there is nothing to undo.
    pub fn set_identities(&mut self, identities: &Identities) {
        self.graph.set_identities(identities);
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The folder in which the graph's pictures are looked for.
    pub fn folder(&self) -> PathBuf {
        let folder = self.path.as_deref().and_then(Path::parent).or(self.folder.as_deref());
        folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
    }

    /// The name for a window's title: the file's, or `untitled`.
    pub fn title(&self) -> String {
        let name = self.path.as_deref().and_then(Path::file_name);
        name.map_or("untitled".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Whether there is something to save.
    pub fn is_changed(&self) -> bool {
        self.history.is_changed()
    }

    /// Grows with every change, undo included. No two documents share one.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Grows with every change but that of places.
    pub fn shape(&self) -> u64 {
        self.shape
    }

    /// Where a node stands. Nodes without a place in the file get one from the order of their links.
    pub fn position(&self, node: &str) -> Point {
        self.layout.position(node)
    }

    /// Places the nodes that the file gives no place so that none covers another, for nodes of these heights. It is done
    /// once: no node moves while its user looks.
    pub fn arrange(&mut self, height: impl Fn(&str) -> Option<f32>) {
        self.layout.arrange(&self.graph, height);
        self.is_arranged = true;
    }

    pub fn is_arranged(&self) -> bool {
        self.is_arranged
    }

    pub fn mode(&self, node: &str) -> Mode {
        self.graph.nodes.get(node).and_then(|node| Mode::of(node).ok()).unwrap_or_default()
    }

    pub fn is_collapsed(&self, node: &str) -> bool {
        self.graph.nodes.get(node).is_some_and(facts::is_collapsed)
    }

    pub fn seed_mode(&self, node: &str, input: &str) -> SeedMode {
        self.graph.nodes.get(node).map_or(SeedMode::Fixed, |node| facts::seed_mode(node, input))
    }

    /// Carries out an edit and gives the names of the nodes that it made. An edit of something that is not there does
    /// nothing. Further edits of the same value or the same nodes' places join it in one undo step, until
    /// [`Document::settle`].
    ///
    /// # Errors
    /// Text that is no graph, a name that is taken, a link that closes a cycle. Nothing was changed then.
    pub fn edit(&mut self, edit: Edit) -> Result<Vec<String>> {
        let merge = history::Merge::of(&edit);
        let is_move = matches!(edit, Edit::Move(_));
        let made = self.carry_out(edit);
        let mut changes = std::mem::take(&mut self.changes);
        if made.is_err() {
            for change in changes.drain(..).rev() {
                change.undo(&mut self.graph, &mut self.layout);
            }
        }
        if !changes.is_empty() {
            self.history.push(changes, merge);
            let shape = self.shape;
            self.touched();
            if is_move {
                self.shape = shape;
            }
        }
        made
    }

    /// The gesture is over: the next edit is a step of its own.
    pub fn settle(&mut self) {
        self.history.settle();
    }

    pub fn undo(&mut self) -> bool {
        let is_done = self.history.undo(&mut self.graph, &mut self.layout);
        if is_done {
            self.touched();
        }
        is_done
    }

    pub fn redo(&mut self) -> bool {
        let is_done = self.history.redo(&mut self.graph, &mut self.layout);
        if is_done {
            self.touched();
        }
        is_done
    }

    pub fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    pub fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    /// Nodes as text for the clipboard: a graph of its own, with the links to nodes outside of it.
    pub fn copy(&self, nodes: &[String]) -> String {
        clipboard::copy(&self.graph, &self.layout, nodes)
    }

    /// Draws the seeds that are not fixed, before a run, as one undo step. Gives what it drew.
    pub fn draw_seeds(&mut self) -> Vec<(String, String, i64)> {
        let drawn = seeds::draw(&self.graph);
        for (node, input, seed) in &drawn {
            self.change_node(node, |node| {
                node.inputs.insert(input.clone(), Input::Value(seed.to_string()));
            });
        }
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            self.history.push(changes, None);
            self.touched();
        }
        drawn
    }

    /// After every change: the graph's field with the places follows.
    fn touched(&mut self) {
        self.layout.write(&mut self.graph);
        self.revision = history::next_number();
        self.shape = self.revision;
    }
}
