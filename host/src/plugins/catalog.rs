//! What the loaded plugins bring, as plain data: enough to check a graph and to draw every node.

use plugin_api::NodeSpec;
use serde::{Deserialize, Serialize};

/// The nodes of all plugins, in order of their ids.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    pub plugins: Vec<PluginInfo>,
    pub refused: Vec<Refused>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PluginInfo {
    pub id: String,
    pub version: String,
    pub nodes: Vec<NodeSpec>,
}

/// A library that was found but not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub file: String,
    pub reason: String,
}

impl Catalog {
    /// The node of a kind `plugin/Name`.
    pub fn node(&self, kind: &str) -> Option<&NodeSpec> {
        let (plugin, name) = kind.split_once('/')?;
        let plugin = self.plugins.iter().find(|info| info.id == plugin)?;
        plugin.nodes.iter().find(|spec| spec.name == name)
    }

    pub fn has_plugin(&self, id: &str) -> bool {
        self.plugins.iter().any(|plugin| plugin.id == id)
    }

    /// Every node with its kind.
    pub fn nodes(&self) -> impl Iterator<Item = (String, &NodeSpec)> {
        let of = |plugin: &PluginInfo, spec: &NodeSpec| format!("{}/{}", plugin.id, spec.name);
        self.plugins.iter().flat_map(move |plugin| plugin.nodes.iter().map(move |spec| (of(plugin, spec), spec)))
    }

    /// Those that people choose from.
    pub fn offered(&self) -> impl Iterator<Item = (String, &NodeSpec)> {
        self.nodes().filter(|(_, spec)| spec.is_offered())
    }

    /// One plugin with these nodes, for tests.
    #[cfg(test)]
    pub fn of(id: &str, nodes: Vec<NodeSpec>) -> Self {
        let plugin = PluginInfo { id: id.to_owned(), version: String::new(), nodes };
        Self { plugins: vec![plugin], refused: Vec::new() }
    }
}
