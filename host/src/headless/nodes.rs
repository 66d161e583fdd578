//! `weft nodes`: the catalogue, or one node's inputs and outputs.

use plugin_api::{InputKind, InputSpec, NodeSpec};
use serde_json::json;

use super::plugin::plugin_json;
use super::{Outcome, print, warn_of_refused};
use crate::engine::Engine;
use crate::error::{Code, Error};
use crate::flags::Common;
use crate::plugins::instead;
use crate::text;

pub fn nodes(kind: Option<&str>, common: &Common) -> Outcome {
    common.check()?;
    let engine = Engine::start(&common.engine())?;
    warn_of_refused(&engine);
    let catalog = &engine.catalog;
    let asked_for = |(name, spec): &(String, &NodeSpec)| kind.map_or(spec.is_offered(), |kind| kind == name);
    let wanted: Vec<(String, &NodeSpec)> = catalog.nodes().filter(asked_for).collect();
    if let (Some(kind), true) = (kind, wanted.is_empty()) {
        let names: Vec<String> = catalog.offered().map(|(name, _)| name).collect();
        let help = text::did_you_mean_kind("the nodes are", kind, names.iter().map(String::as_str));
        return Err(Error::new(Code::Usage, format!("there is no node `{kind}`")).help(help).into());
    }
    if common.json {
        let fields = |(kind, spec): &(String, &NodeSpec)| json!({ "kind": kind, "spec": spec });
        let plugins: Vec<_> = catalog.plugins.iter().map(plugin_json).collect();
        print(&json!({ "nodes": wanted.iter().map(fields).collect::<Vec<_>>(), "plugins": plugins }).to_string());
        return Ok(());
    }
    for (name, spec) in &wanted {
        if kind.is_some() {
            print(&describe(name, spec));
        } else {
            print(&format!("{name:<34} {}", first_sentence(&spec.help)));
        }
    }
    Ok(())
}

fn first_sentence(help: &str) -> &str {
    help.split_inclusive(". ").next().unwrap_or(help).trim()
}

fn describe(kind: &str, spec: &NodeSpec) -> String {
    let deprecated = if spec.deprecated { format!("This node {}.\n", instead(spec)) } else { String::new() };
    let mut text = format!("{kind}\n{}\n{deprecated}", spec.help);
    let names = spec.inputs.iter().map(name).chain(spec.outputs.iter().map(|output| output.name.clone()));
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    text += "\ninputs\n";
    for input in &spec.inputs {
        text += &format!("  {:<width$}  {:<44}  {}\n", name(input), takes(&input.kind), input.help);
    }
    text += "\noutputs\n";
    for output in &spec.outputs {
        text += &format!("  {:<width$}  {}\n", output.name, output.kind);
    }
    text.trim_end().to_owned()
}

/// A star marks what must be given.
fn name(input: &InputSpec) -> String {
    format!("{}{}", input.name, if input.required { "*" } else { "" })
}

fn takes(kind: &InputKind) -> String {
    match kind {
        InputKind::Link(kind) => kind.clone(),
        InputKind::Bool { default } => format!("{default} (true|false)"),
        InputKind::Int { default, range: (low, high), multiple: 1, .. } => format!("{default} ({low} to {high})"),
        InputKind::Int { default, range: (low, high), multiple, .. } => {
            format!("{default} ({low} to {high}, multiples of {multiple})")
        }
        InputKind::Float { default, range: (low, high), .. } => format!("{default:?} ({low} to {high})"),
        InputKind::Text { default, .. } => format!("text {default:?}"),
        InputKind::Choice { default, options } => format!("{default} ({})", options.join("|")),
        InputKind::File { folder, .. } => match folder {
            plugin_api::Folder::Models(folder) => format!("file below models/{folder}"),
            plugin_api::Folder::AnyModel => "model below models/".to_owned(),
            plugin_api::Folder::Input => "file beside the graph or below --input".to_owned(),
        },
        InputKind::Seed { default } => format!("{default} (from 0)"),
        InputKind::Prompt { .. } => "text with <lora:NAME:WEIGHT>".to_owned(),
        InputKind::Rows { columns } => {
            format!("rows of {}", columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "))
        }
    }
}
