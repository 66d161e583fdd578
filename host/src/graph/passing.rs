//! Nodes that do not run, muted or bypassed, and what becomes of the links from them.

use std::collections::{HashMap, HashSet};

use super::scan::strip;
use super::{Graph, Input, Link, Node};
use crate::error::{Code, Error};
use crate::plugins::Catalog;

/// Whether a node runs: its field `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Active,
    /// It does not run, and neither does what cannot run without it.
    Muted,
    /// It does not run; what it takes goes on to what takes from it, kind by kind.
    Bypassed,
}

impl Mode {
    /// The mode of a node.
    ///
    /// # Errors
    /// Another word in the field.
    pub fn of(node: &Node) -> Result<Self, Error> {
        match node.other.get("mode").map(|mode| strip(mode)) {
            None => Ok(Self::Active),
            Some("Muted") => Ok(Self::Muted),
            Some("Bypassed") => Ok(Self::Bypassed),
            Some(other) => Err(Error::new(Code::Invalid, format!("{} is no mode of a node", super::shorten(other)))
                .help("write mode: Muted or mode: Bypassed, or leave it out")),
        }
    }
}

/// Where a link leads when nodes that do not run are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// An output of a node that runs.
    Output(&'a Link),
    /// Nothing comes from there; why, as the end of "needs …".
    Nothing(String),
}

/// The nodes of a graph that do not run themselves.
pub(super) struct Passing<'a> {
    graph: &'a Graph,
    catalog: &'a Catalog,
    modes: HashMap<&'a str, Mode>,
    /// Nodes of plugins that are not there, with the reason as the end of "needs …".
    absent: HashMap<&'a str, String>,
    known: HashMap<&'a Link, Target<'a>>,
}

impl<'a> Passing<'a> {
    pub fn new(graph: &'a Graph, catalog: &'a Catalog, is_partial: bool) -> Self {
        let mode = |(id, node): (&'a String, &'a Node)| {
            let mode = Mode::of(node).ok().filter(|mode| *mode != Mode::Active)?;
            Some((id.as_str(), mode))
        };
        let absent = graph.nodes.iter().filter(|(_, node)| is_partial && catalog.node(&node.kind).is_none());
        Self {
            graph,
            catalog,
            modes: graph.nodes.iter().filter_map(mode).collect(),
            absent: absent.map(|(id, node)| (id.as_str(), no_kind(&node.kind, catalog))).collect(),
            known: HashMap::new(),
        }
    }

    pub fn runs(&self, id: &str) -> bool {
        !self.modes.contains_key(id) && !self.absent.contains_key(id)
    }

    /// Why a node itself does not run, as a sentence, where it was not bypassed.
    pub fn why(&self, id: &str) -> Option<String> {
        match (self.modes.get(id), self.absent.get(id)) {
            (Some(Mode::Muted), _) => Some("it is muted".to_owned()),
            (_, Some(reason)) => Some(format!("it is of {reason}")),
            _ => None,
        }
    }

    /// Where `link` leads. It goes round in a circle of bypassed nodes no more than once.
    pub fn target(&mut self, link: &'a Link) -> Target<'a> {
        let mut path: HashSet<&Link> = HashSet::new();
        let mut at = link;
        let target = loop {
            if let Some(known) = self.known.get(at) {
                break known.clone();
            }
            if let Some(reason) = self.absent.get(at.node.as_str()) {
                break Target::Nothing(reason.clone());
            }
            match self.modes.get(at.node.as_str()) {
                None | Some(Mode::Active) => break Target::Output(at),
                Some(Mode::Muted) => break Target::Nothing(format!("`{}`, which is muted", at.node)),
                Some(Mode::Bypassed) => {}
            }
            let is_new = path.insert(at);
            match self.through(at).filter(|_| is_new) {
                Some(next) => at = next,
                None => {
                    let name = &at.node;
                    break Target::Nothing(format!("`{name}`, which is bypassed and has nothing to pass on"));
                }
            }
        };
        self.known.extend(path.into_iter().map(|link| (link, target.clone())));
        target
    }

    /// What a bypassed node's output stands for: the link in its first linked input of that kind.
    fn through(&self, link: &Link) -> Option<&'a Link> {
        let node = self.graph.nodes.get(&link.node)?;
        let spec = self.catalog.node(&node.kind)?;
        let kind = &spec.outputs.iter().find(|output| output.name == link.output)?.kind;
        let inputs = spec.inputs.iter().filter(|input| input.kind.link() == Some(kind.as_str()));
        inputs.into_iter().find_map(|input| match node.inputs.get(&input.name) {
            Some(Input::Link(link)) => Some(link),
            _ => None,
        })
    }
}

/// Why there is no such node, as the end of "needs …".
fn no_kind(kind: &str, catalog: &Catalog) -> String {
    let plugin = kind.split('/').next().unwrap_or(kind);
    if catalog.has_plugin(plugin) {
        format!("`{kind}`, which its plugin does not have")
    } else {
        format!("`{kind}`, whose plugin is not loaded")
    }
}
