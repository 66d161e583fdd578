//! `weft plugin list`: what is loaded, and what is not, with the reason.

use serde_json::{Value, json};

use crate::engine::{Engine, Options};
use crate::flags::PluginFlags;
use crate::headless::{Outcome, print, say};
use crate::plugins::{PluginInfo, Refused, Standing, trust_folder, user_folder};
use crate::text::printable;

pub fn list(plugins: &PluginFlags, json: bool) -> Outcome {
    plugins.check()?;
    let engine = Engine::start(&Options { plugins: plugins.clone(), ..Options::default() })?;
    let catalog = &engine.catalog;
    if json {
        let folders = user_folder().into_iter().chain(plugins.folders.iter().cloned());
        let loaded: Vec<Value> = catalog.plugins.iter().map(plugin_json).collect();
        let refused: Vec<Value> = catalog.refused.iter().map(refused_json).collect();
        let store = trust_folder().map(|folder| folder.join("trust.ron"));
        print(
            &json!({ "plugins": loaded, "not_loaded": refused, "folders": folders.collect::<Vec<_>>(), "store": store,
                     "store_error": catalog.no_store.as_ref().map(crate::error::Error::to_json) })
            .to_string(),
        );
        return Ok(());
    }
    catalog.plugins.iter().for_each(|plugin| print(&printable(&line(plugin))));
    catalog.refused.iter().for_each(|refused| print(&printable(&closed(refused))));
    if let Some(error) = &catalog.no_store {
        say(&format!("warning: {error}"));
    }
    Ok(())
}

fn line(plugin: &PluginInfo) -> String {
    let nodes = match plugin.nodes.len() {
        1 => "1 node".to_owned(),
        count => format!("{count} nodes"),
    };
    let head = format!("{:<34} {:<9} {nodes:<9}", plugin.id, plugin.version);
    match &plugin.sha256 {
        None => format!("{head} comes with Weft"),
        Some(sha256) => format!("{head} approved\n  {}\n  SHA-256 {sha256}", plugin.file),
    }
}

fn closed(refused: &Refused) -> String {
    let unopened = refused.unopened.as_ref();
    let about = unopened.map(|it| format!("\n  {}, {} bytes\n  SHA-256 {}", it.form, it.bytes, it.sha256));
    format!("not loaded: {}{}\n  {}\n  {}", refused.file, about.unwrap_or_default(), refused.reason, refused.help())
}

/// A loaded plugin, as `--json` gives it.
pub fn plugin_json(plugin: &PluginInfo) -> Value {
    let nodes: Vec<String> = plugin.nodes.iter().map(|node| format!("{}/{}", plugin.id, node.name)).collect();
    json!({ "id": plugin.id, "version": plugin.version, "file": plugin.file, "sha256": plugin.sha256, "nodes": nodes })
}

fn refused_json(refused: &Refused) -> Value {
    let mut object = json!({ "file": refused.file, "reason": refused.reason });
    if let Some(unopened) = &refused.unopened {
        let (standing, since) = match &unopened.standing {
            Standing::Unknown | Standing::Trusted => ("unknown", None),
            Standing::Changed(day) => ("changed", Some(day)),
            Standing::Denied(day) => ("denied", Some(day)),
        };
        object["sha256"] = unopened.sha256.clone().into();
        object["bytes"] = unopened.bytes.into();
        object["form"] = unopened.form.clone().into();
        object["standing"] = standing.into();
        object["since"] = since.cloned().into();
    }
    object
}
