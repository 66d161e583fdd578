//! Loading libraries: the only file that names libloading.

use std::path::{Path, PathBuf};

use libloading::Library;
use plugin_api::NodeSpec;
use plugin_api::abi::{self, Entries, Plugin};

use super::catalog::PluginInfo;
use super::registry::{Architecture, NodeKind, Registry};
use super::sound;
use crate::limits;
use crate::table::{plugin_table, take_status};

/// What the plugins that come with Weft are called, beside the executable.
const OWN_PREFIX: &str = "libweft_";

/// The plugins that come with Weft: they are trusted with the executable that they lie beside.
pub fn beside_executable() -> Vec<PathBuf> {
    let folder = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let is_own = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(OWN_PREFIX))
    };
    folder.map(|folder| libraries(&folder)).unwrap_or_default().into_iter().filter(is_own).collect()
}

/// The libraries of a folder, in order of their names.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_library = |path: &PathBuf| path.extension().is_some_and(|ending| ending == std::env::consts::DLL_EXTENSION);
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_library).collect();
    paths.sort();
    paths
}

/// Loads Weft's own plugins and those of `folders`, which the user named on the command line. What is refused stays in
/// the registry with its reason. `opening` is told of each before its code can run.
pub fn load_all(folders: &[PathBuf], opening: &dyn Fn(&Path)) -> Registry {
    let mut registry = Registry::default();
    let named = folders.iter().flat_map(|folder| libraries(folder));
    for path in beside_executable().into_iter().chain(named) {
        opening(&path);
        if let Err(reason) = load(&path, &mut registry) {
            registry.refuse(path.display().to_string(), reason);
        }
    }
    registry
}

fn load(path: &Path, registry: &mut Registry) -> Result<(), String> {
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
    let nodes: Vec<NodeKind> = nodes.iter().map(|entry| node(table_of(*entry)?, &name)).collect::<Result<_, _>>()?;
    let architectures = architectures.iter().map(|entry| architecture(table_of(*entry)?));
    let architectures = architectures.collect::<Result<_, String>>()?;
    let specs = nodes.iter().map(|node| node.spec.clone()).collect();
    registry.add(PluginInfo { id, version, nodes: specs }, nodes, architectures)
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
    let spec: NodeSpec = ron::from_str(&text)
        .map_err(|error| format!("the description of a node cannot be read, at {}", error.span.start))?;
    sound::node(entry, &spec)
        .map_err(|why| format!("the description of its node `{}` is not sound: {why}", spec.name))?;
    Ok(NodeKind { spec, entry: *entry, plugin: plugin.to_owned() })
}

fn architecture(entry: &abi::ArchitectureEntry) -> Result<Architecture, String> {
    // SAFETY: the plugin's constant text.
    let (id, role) = unsafe { sound::architecture(entry)? };
    Ok(Architecture { id, role, entry: *entry })
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
