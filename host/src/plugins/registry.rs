//! What the engine calls: the entry points of every loaded plugin. Made once, on the engine's thread, and never freed,
//! because libraries are never unloaded.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use plugin_api::NodeSpec;
use plugin_api::abi::{ArchitectureEntry, NodeEntry};

use super::catalog::{Catalog, PluginInfo, Refused};
use crate::error::Error;

thread_local! {
    static REGISTRY: OnceCell<&'static Registry> = const { OnceCell::new() };
}

/// The loaded plugins by what they bring.
#[derive(Debug, Default)]
pub struct Registry {
    plugins: Vec<PluginInfo>,
    refused: Vec<Refused>,
    no_store: Option<Error>,
    nodes: BTreeMap<String, NodeKind>,
    architectures: BTreeMap<String, Architecture>,
}

#[derive(Debug)]
pub struct NodeKind {
    pub spec: NodeSpec,
    pub entry: NodeEntry,
    /// Id, version and hash of the plugin, part of every fingerprint.
    pub plugin: String,
}

impl NodeKind {
    /// Id and version of the plugin, for messages.
    pub fn plugin_name(&self) -> &str {
        self.plugin.rsplit_once(' ').map_or(&self.plugin, |(name, _hash)| name)
    }
}

#[derive(Debug)]
pub struct Architecture {
    pub id: String,
    pub role: String,
    pub entry: ArchitectureEntry,
    /// Id and version of the plugin, for messages.
    pub plugin: String,
}

impl Registry {
    /// Makes this the registry of the calling thread, for ever.
    pub fn install(self) -> &'static Self {
        let registry: &'static Self = Box::leak(Box::new(self));
        REGISTRY.with(|cell| *cell.get_or_init(|| registry))
    }

    /// The registry of this thread; an empty one before [`Registry::install`].
    pub fn get() -> &'static Self {
        REGISTRY.with(|cell| *cell.get_or_init(|| Box::leak(Box::default())))
    }

    pub fn node(&self, kind: &str) -> Option<&NodeKind> {
        self.nodes.get(kind)
    }

    pub fn architecture(&self, id: &str) -> Option<&Architecture> {
        self.architectures.get(id)
    }

    pub fn architectures(&self) -> impl Iterator<Item = &Architecture> {
        self.architectures.values()
    }

    pub fn catalog(&self) -> Catalog {
        let (plugins, refused) = (self.plugins.clone(), self.refused.clone());
        Catalog { plugins, refused, no_store: self.no_store.clone() }
    }

    pub fn refuse(&mut self, refused: Refused) {
        self.refused.push(refused);
    }

    /// Says that no library but Weft's own is opened, and why.
    pub fn set_no_store(&mut self, why: Error) {
        self.no_store = Some(why);
    }

    /// Adds a plugin's entries, all or none.
    ///
    /// # Errors
    /// Two things of one name, as a sentence.
    pub fn add(
        &mut self,
        info: PluginInfo,
        nodes: Vec<NodeKind>,
        architectures: Vec<Architecture>,
    ) -> Result<(), String> {
        if self.plugins.iter().any(|plugin| plugin.id == info.id) {
            return Err(format!("a plugin with the id `{}` is already loaded", info.id));
        }
        if let Some(double) = architectures.iter().find(|new| self.architectures.contains_key(&new.id)) {
            return Err(format!("the architecture `{}` is already there", double.id));
        }
        let mut names = std::collections::BTreeSet::new();
        if let Some(double) = nodes.iter().find(|node| !names.insert(node.spec.name.clone())) {
            return Err(format!("it has two nodes named `{}`", double.spec.name));
        }
        self.nodes.extend(nodes.into_iter().map(|node| (format!("{}/{}", info.id, node.spec.name), node)));
        self.architectures.extend(architectures.into_iter().map(|new| (new.id.clone(), new)));
        self.plugins.push(info);
        self.plugins.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }
}
