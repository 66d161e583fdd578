//! Loading libraries: the only file that names libloading.

use std::path::Path;

use libloading::Library;
use plugin_api::abi::{self, Entries, Plugin};

use super::catalog::{PluginInfo, Refused};
use super::find::{beside_executable, third_party};
use super::judge::approved;
use super::registry::{Architecture, NodeKind, Registry};
use super::sound;
use super::trust::Store;
use crate::flags::PluginFlags;
use crate::limits;
use crate::table::{plugin_table, take_status};

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
                registry.refuse(*refused);
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
    // SAFETY: magic and version say that this is our `Plugin`, whose text is constant.
    let (id, version) = unsafe { sound::name(plugin)? };
    let entries = started(plugin, &id)?;
    // SAFETY: the plugin's arrays, which live for ever.
    let (nodes, architectures) = unsafe { (sound::list(entries.nodes)?, sound::list(entries.architectures)?) };
    let name = format!("{id} {version}");
    let origin = format!("{name} {}", sha256.unwrap_or_default());
    let nodes: Vec<NodeKind> = nodes.iter().map(|entry| node(table_of(*entry)?, &origin)).collect::<Result<_, _>>()?;
    let architectures = architectures.iter().map(|entry| architecture(table_of(*entry)?, &name));
    let architectures = architectures.collect::<Result<_, String>>()?;
    let specs = nodes.iter().map(|node| node.spec.clone()).collect();
    let (file, sha256) = (file.display().to_string(), sha256.map(str::to_owned));
    registry.add(PluginInfo { id, version, file, sha256, nodes: specs }, nodes, architectures)
}

fn started(plugin: &Plugin, id: &str) -> Result<&'static Entries, String> {
    let mut entries = std::ptr::null();
    // SAFETY: the host's table lives for ever; `entries` is set where the status is null, and an error is ours.
    let status = unsafe { take_status((plugin.init)(crate::table::host(), &raw mut entries)) };
    status.map_err(|error| format!("the plugin `{id}` failed to start: {error}"))?;
    table_of(entries)
}

/// A table of the plugin's, which lives for ever.
fn table_of<T>(table: *const T) -> Result<&'static T, String> {
    // SAFETY: rule 3 of the ABI: null, or a table that begins with its size.
    unsafe { plugin_table(table, "what it brings") }.map_err(|error| error.to_string())
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
    refuse_version((plugin.major, plugin.needs_minor), (abi::MAJOR, abi::MINOR))
}

/// A plugin names the lowest version that it needs; the host's must have the same major and no lower minor number.
fn refuse_version(needed: (u32, u32), ours: (u32, u32)) -> Result<(), String> {
    if needed.0 == ours.0 && needed.1 <= ours.1 {
        return Ok(());
    }
    let help = if needed < ours {
        "get a newer version of the plugin"
    } else {
        "update Weft, or get an older version of the plugin"
    };
    let (major, minor) = needed;
    Err(format!(
        "it needs the plugin interface {major}.{minor}, this version of Weft has {}.{}: {help}",
        ours.0, ours.1
    ))
}

fn node(entry: &abi::NodeEntry, plugin: &str) -> Result<NodeKind, String> {
    // SAFETY: the plugin's constant text.
    let text = unsafe { sound::text(entry.spec, limits::TEXT_BYTES, "the description of a node")? };
    let spec = sound::description(&text)?;
    sound::node(entry, &spec)?;
    Ok(NodeKind { spec, entry: *entry, plugin: plugin.to_owned() })
}

fn architecture(entry: &abi::ArchitectureEntry, plugin: &str) -> Result<Architecture, String> {
    // SAFETY: the plugin's constant text.
    let (id, role) = unsafe { sound::architecture(entry)? };
    Ok(Architecture { id, role, entry: *entry, plugin: plugin.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::refuse_version;

    #[test]
    fn a_plugin_loads_where_its_major_is_ours_and_no_newer_minor_is_needed() {
        let refusal = |needed, ours| refuse_version(needed, ours).expect_err("another version");
        for (needed, ours) in [((1, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (1, 1)), ((1, 3), (1, 7))] {
            assert_eq!(refuse_version(needed, ours), Ok(()), "{needed:?} in {ours:?}");
        }
        // What needs 1.1 does not load in a Weft that has 1.0.
        let newer = refusal((1, 1), (1, 0));
        assert!(newer.contains("needs the plugin interface 1.1") && newer.contains("has 1.0: update Weft"), "{newer}");
        assert!(refusal((2, 0), (1, 7)).contains("has 1.7: update Weft"));
        assert!(refusal((0, 3), (1, 0)).contains("get a newer version of the plugin"));
        assert!(refusal((1, 9), (2, 0)).contains("get a newer version of the plugin"));
    }
}
