//! Whose code may have been at work when an engine died: the plugin of the node that ran, and those whose hooks and
//! changes of weights came to it over links.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Plan, Source};
use crate::plugins::{Catalog, PluginInfo};

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
    pub fn new(plan: &Plan, catalog: &Catalog) -> Self {
        let info = |kind: &str| catalog.plugin(kind.split('/').next().unwrap_or(kind));
        let mut given: Vec<BTreeSet<String>> = Vec::new();
        let mut nodes = HashMap::new();
        for step in plan.steps() {
            let sources = step.inputs.iter().filter_map(|(_, source)| match source {
                Source::Step { step, .. } => given.get(*step),
                Source::Param(_) => None,
            });
            let others: BTreeSet<String> = sources.flatten().cloned().collect();
            let info = info(&step.kind);
            let own = info.map(name).unwrap_or_default();
            let foreign = info.filter(|info| info.sha256.is_some()).map(name);
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

fn name(info: &PluginInfo) -> String {
    format!("{} {}", info.id, info.version)
}
