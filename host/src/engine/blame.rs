//! Whose code may have been at work when an engine died: the plugin of the node that ran, and those whose hooks and
//! changes of weights came to it over links.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Plan, Source};
use crate::plugins::{Catalog, PluginInfo};

/// Every plugin of a catalogue by its id.
#[derive(Debug)]
pub struct Names(HashMap<String, Name>);

#[derive(Debug)]
struct Name {
    /// Id and version.
    words: String,
    is_own: bool,
}

impl Names {
    pub fn new(catalog: &Catalog) -> Self {
        let name = |info: &PluginInfo| {
            let name = Name { words: format!("{} {}", info.id, info.version), is_own: info.sha256.is_none() };
            (info.id.clone(), name)
        };
        Self(catalog.plugins.iter().map(name).collect())
    }

    fn of(&self, kind: &str) -> Option<&Name> {
        self.0.get(kind.split('/').next()?)
    }
}

/// For every node of a plan.
#[derive(Debug, Default)]
pub struct Blame(HashMap<String, Plugins>);

/// Each by its id and version.
#[derive(Debug, Default)]
struct Plugins {
    own: String,
    /// Third-party ones on the way to the node.
    others: BTreeSet<String>,
}

impl Blame {
    pub fn new(plan: &Plan, names: &Names) -> Self {
        let mut given: Vec<BTreeSet<String>> = Vec::new();
        let mut nodes = HashMap::new();
        for step in plan.steps() {
            let sources = step.inputs.iter().filter_map(|(_, source)| match source {
                Source::Step { step, .. } => given.get(*step),
                Source::Param(_) => None,
            });
            let others: BTreeSet<String> = sources.flatten().cloned().collect();
            let name = names.of(&step.kind);
            let own = name.map(|name| name.words.clone()).unwrap_or_default();
            let foreign = name.filter(|name| !name.is_own).map(|name| name.words.clone());
            given.push(others.iter().cloned().chain(foreign).collect());
            let others = others.into_iter().filter(|other| *other != own).collect();
            nodes.insert(step.node.clone(), Plugins { own, others });
        }
        Self(nodes)
    }

    /// The plugin of a node.
    pub fn plugin(&self, node: &str) -> Option<&str> {
        Some(self.0.get(node)?.own.as_str())
    }

    /// The end of a sentence; empty where nothing is known.
    pub fn words(&self, node: &str) -> String {
        let Some(Plugins { own, others }) = self.0.get(node) else { return String::new() };
        let others: Vec<String> = others.iter().map(|other| format!("`{other}`")).collect();
        let with = if others.is_empty() { String::new() } else { format!(", with what {} gave it", others.join(", ")) };
        format!("; the plugin `{own}` was at work{with}")
    }
}
