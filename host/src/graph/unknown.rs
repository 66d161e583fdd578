//! What is said of a node that no loaded plugin brings: a slip of the pen, or a plugin to get.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Graph;
use super::plugins::Named;
use crate::error::{Code, Error};
use crate::plugins::{Catalog, Refused};
use crate::text;

/// What to do about each kind of node that no loaded plugin brings.
pub fn missing_kinds(graph: &Graph, catalog: &Catalog) -> HashMap<String, Error> {
    let missing: HashSet<&str> =
        graph.nodes.values().map(|node| node.kind.as_str()).filter(|kind| catalog.node(kind).is_none()).collect();
    if missing.is_empty() {
        return HashMap::new();
    }
    let named = graph.named_plugins();
    missing.into_iter().map(|kind| (kind.to_owned(), unknown_kind(kind, catalog, &named))).collect()
}

/// Why there is no node of this kind. [`Code::Plugin`] where something says that there is such a plugin: the graph, or a
/// library that was not loaded; else the name may be wrong, and the graph with it.
pub(super) fn unknown_kind(kind: &str, catalog: &Catalog, named: &BTreeMap<String, Named>) -> Error {
    let plugin = kind.split('/').next().unwrap_or(kind);
    let kinds: Vec<String> = catalog.nodes().map(|(kind, _)| kind).collect();
    let known = kinds.iter().map(String::as_str);
    let error = Error::new(Code::Invalid, format!("there is no node `{kind}`"));
    let named = named.get(plugin);
    if !kind.contains('/') {
        let why = "a kind is the plugin's name, a slash and the node's";
        error.cause(why).help(text::did_you_mean_kind("`weft nodes` lists all", kind, known))
    } else if catalog.has_plugin(plugin) {
        error.help(text::did_you_mean("`weft nodes` lists all", kind, known))
    } else if let Some(refused) = catalog.refused.iter().find(|refused| is_of(refused, plugin, named)) {
        let cause = format!("the plugin {} was not loaded: {}", refused.file, refused.reason);
        let help = catalog.no_store.as_ref().filter(|_| refused.unopened.is_some()).map(|error| error.help.clone());
        Error { code: Code::Plugin, ..error.cause(cause).help(help.unwrap_or_else(|| refused.help())) }
    } else if let Some(named) = named {
        let cause = format!("the plugin `{plugin}` is not loaded");
        let get = format!("ask who made the graph for the plugin {plugin} {}", named.describe(true));
        let help = format!("{get}, then approve it with `weft plugin trust FILE` and name its folder with --plugins");
        Error { code: Code::Plugin, ..error.cause(cause).help(help) }
    } else {
        let near =
            text::nearest(kind, known).map(|near| format!("did you mean `{near}`? Otherwise ")).unwrap_or_default();
        let waiting = catalog.refused.iter().filter(|refused| refused.unopened.is_some()).count();
        let list = match waiting {
            0 => String::new(),
            count => format!("; `weft plugin list` tells of {count} that may not be opened yet"),
        };
        error
            .cause(format!("the plugin `{plugin}` is not loaded"))
            .help(format!("{near}install it and name its folder with --plugins{list}"))
    }
}

/// Whether a library that was not loaded seems to hold the plugin: by its bytes, else by its name.
fn is_of(refused: &Refused, plugin: &str, named: Option<&Named>) -> bool {
    let sha256 = refused.unopened.as_ref().map(|unopened| &unopened.sha256);
    let file = refused.file.rsplit('/').next().unwrap_or(&refused.file);
    let stem = file.trim_start_matches("lib").split('.').next().unwrap_or(file);
    let (whole, last) = (plugin.replace('-', "_"), plugin.rsplit('.').next().unwrap_or(plugin).replace('-', "_"));
    named.is_some_and(|named| Some(&named.sha256) == sha256) || file.contains(&whole) || stem == last
}
