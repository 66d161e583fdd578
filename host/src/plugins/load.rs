//! Loading libraries: the only file that names libloading.

use std::path::Path;

use libloading::Library;
use plugin_api::NodeSpec;
use plugin_api::abi::{self, Plugin};

use super::catalog::{PluginInfo, Refused};
use super::find::{beside_executable, third_party};
use super::judge::approved;
use super::registry::{Architecture, NodeKind, Registry};
use super::trust::Store;
use crate::flags::PluginFlags;

/// Loads Weft's own plugins, and of all others those that are approved. What is refused stays in the registry with its
/// reason. `opening` is told of each before its code can run.
pub fn load_all(wanted: &PluginFlags, opening: &dyn Fn(&Path)) -> Registry {
    let mut registry = Registry::default();
    let refused = |file: &Path, reason| Refused { file: file.display().to_string(), reason, unopened: None };
    for file in beside_executable() {
        opening(&file);
        if let Err(reason) = load(&file, &file, None, &mut registry) {
            registry.refuse(refused(&file, reason));
        }
    }
    let others = if wanted.no_third_party { Vec::new() } else { third_party(&wanted.folders) };
    if others.is_empty() {
        return registry;
    }
    // Read here and now, so that a decision holds from the next engine on.
    let store = Store::open().map_err(|error| registry.set_no_store(error)).ok();
    for file in others {
        let library = match approved(&file, store.as_ref()) {
            Ok(library) => library,
            Err(refused) => {
                registry.refuse(refused);
                continue;
            }
        };
        opening(&file);
        let loaded = library.with_copy(|copy| load(copy, &file, Some(&library.sha256), &mut registry));
        if let Err(reason) = loaded {
            registry.refuse(refused(&file, reason));
        }
    }
    registry
}

/// Loads the library at `path`, which is `file` or a copy of it.
fn load(path: &Path, file: &Path, sha256: Option<&str>, registry: &mut Registry) -> Result<(), String> {
    // SAFETY: opening a library runs its initialisers; the user trusts it, see `load_all`.
    let library = unsafe { Library::new(path) }.map_err(|error| not_loadable(&error))?;
    // Never unloaded: its code may be referred to by values, threads and thread-locals for ever.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: a data symbol; what it holds is checked before anything of it is used.
    let plugin = unsafe { library.get::<*const Plugin>(abi::SYMBOL.as_bytes()) }
        .map_err(|_| format!("it is no Weft plugin: it has no symbol `{}`", abi::SYMBOL))?;
    // SAFETY: the symbol's address; the library stays loaded.
    let plugin: &'static Plugin = unsafe { &**plugin };
    refuse_other_abi(plugin)?;
    // SAFETY: magic and version say that this is our `Plugin`, whose text is constant; the table lives for ever.
    let (id, version, entries) =
        unsafe { (plugin.id.to_text(), plugin.version.to_text(), (plugin.init)(crate::table::host()).as_ref()) };
    let entries = entries.ok_or_else(|| format!("the plugin `{id}` failed to start"))?;
    if id.is_empty() || id.contains('/') || id.chars().any(char::is_whitespace) {
        return Err(format!("its id `{id}` is empty or has a slash or a space"));
    }
    // SAFETY: the plugin's table, which lives for ever.
    let (nodes, architectures) = unsafe { (entries.nodes.get(), entries.architectures.get()) };
    let origin = format!("{id} {version} {}", sha256.unwrap_or_default());
    let nodes: Vec<NodeKind> = nodes.iter().map(|entry| node(*entry, &origin)).collect::<Result<_, _>>()?;
    let architectures = architectures.iter().map(|entry| architecture(*entry)).collect();
    let specs = nodes.iter().map(|node| node.spec.clone()).collect();
    let (file, sha256) = (file.display().to_string(), sha256.map(str::to_owned));
    registry.add(PluginInfo { id, version, file, sha256, nodes: specs }, nodes, architectures)
}

fn not_loadable(error: &libloading::Error) -> String {
    let what = "it is no library that this machine can load: damaged, or for another system or processor";
    match std::error::Error::source(error) {
        Some(source) => format!("{what} ({source})"),
        None => what.to_owned(),
    }
}

fn refuse_other_abi(plugin: &Plugin) -> Result<(), String> {
    if plugin.magic != abi::MAGIC {
        return Err("its symbol is there but does not begin as Weft's does".to_owned());
    }
    // Until 1.0 every minor version may break.
    if (plugin.major, plugin.needs_minor) != (abi::MAJOR, abi::MINOR) {
        return Err(format!(
            "it needs the plugin interface {}.{}, this version of Weft has {}.{}",
            plugin.major,
            plugin.needs_minor,
            abi::MAJOR,
            abi::MINOR
        ));
    }
    Ok(())
}

fn node(entry: abi::NodeEntry, plugin: &str) -> Result<NodeKind, String> {
    // SAFETY: the plugin's constant text.
    let text = unsafe { entry.spec.to_text() };
    let spec: NodeSpec = ron::from_str(&text)
        .map_err(|error| format!("the description of a node cannot be read, at {}", error.span.start))?;
    Ok(NodeKind { spec, entry, plugin: plugin.to_owned() })
}

fn architecture(entry: abi::ArchitectureEntry) -> Architecture {
    // SAFETY: the plugin's constant text.
    unsafe { Architecture { id: entry.id.to_text(), role: entry.role.to_text(), entry } }
}
