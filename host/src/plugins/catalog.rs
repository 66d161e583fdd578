//! What the loaded plugins bring, as plain data: enough to check a graph and to draw every node.

use plugin_api::NodeSpec;
use serde::{Deserialize, Serialize};

use super::trust::Standing;
use crate::error::Error;
use crate::text;

/// The nodes of all plugins, in order of their ids.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    pub plugins: Vec<PluginInfo>,
    pub refused: Vec<Refused>,
    /// Why the trust store cannot be used; then no plugin but Weft's own is opened.
    pub no_store: Option<Error>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PluginInfo {
    pub id: String,
    pub version: String,
    pub file: String,
    /// Of the library's bytes; none for a plugin that comes with Weft and is trusted with it.
    pub sha256: Option<String>,
    pub nodes: Vec<NodeSpec>,
}

/// A library that was found but not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub file: String,
    pub reason: String,
    /// There where it was not opened because nobody approved it.
    pub unopened: Option<Unopened>,
}

/// What a person needs to know to approve a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unopened {
    pub sha256: String,
    pub bytes: u64,
    /// What kind of library it is, as its first bytes say.
    pub form: String,
    pub standing: Standing,
}

impl Refused {
    /// One thing to do.
    pub fn help(&self) -> String {
        match &self.unopened {
            None => "install the plugin again, in a version for this Weft".to_owned(),
            Some(_) => format!("if you trust who made it, run `weft plugin trust {}`", text::quoted(&self.file)),
        }
    }

    /// Whether a person should be asked about it, or told of it unasked: not of what was denied.
    pub fn is_news(&self) -> bool {
        !matches!(&self.unopened, Some(Unopened { standing: Standing::Denied(_), .. }))
    }
}

/// What a deprecated node says of itself, behind its name.
pub fn instead(spec: &NodeSpec) -> String {
    match spec.replaced_by.as_str() {
        "" => "is deprecated: it works, and new graphs do without it".to_owned(),
        kind => format!("is deprecated: `{kind}` takes its place"),
    }
}

impl Catalog {
    /// The node of a kind `plugin/Name`.
    pub fn node(&self, kind: &str) -> Option<&NodeSpec> {
        let (plugin, name) = kind.split_once('/')?;
        let plugin = self.plugins.iter().find(|info| info.id == plugin)?;
        plugin.nodes.iter().find(|spec| spec.name == name)
    }

    pub fn plugin(&self, id: &str) -> Option<&PluginInfo> {
        self.plugins.iter().find(|plugin| plugin.id == id)
    }

    pub fn has_plugin(&self, id: &str) -> bool {
        self.plugin(id).is_some()
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
        let (version, file) = (String::new(), String::new());
        let plugin = PluginInfo { id: id.to_owned(), version, file, sha256: None, nodes };
        Self { plugins: vec![plugin], ..Self::default() }
    }
}
