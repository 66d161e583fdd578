//! `weft plugin`: what is opened beside Weft's own.

mod list;
mod new;
mod trust;

pub use list::plugin_json;

use super::Outcome;
use crate::flags::PluginCommand;
use crate::plugins::Decision;

pub fn plugin(command: &PluginCommand) -> Outcome {
    match command {
        PluginCommand::List { plugins, json } => list::list(plugins, *json),
        PluginCommand::New(flags) => new::new(flags),
        PluginCommand::Trust(files) => trust::decide(files, Decision::Trusted),
        PluginCommand::Deny(files) => trust::decide(files, Decision::Denied),
    }
}
