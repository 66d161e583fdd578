//! Flags of `weft plugin`, and which plugins every command opens.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::folders::check_folders;
use crate::error::Result;

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List the plugins, and the libraries that are not opened
    List {
        #[command(flatten)]
        plugins: PluginFlags,
        #[arg(long, help = "Print JSON")]
        json: bool,
    },
    /// Make a project with one node, ready to build
    New(NewPlugin),
    /// Approve libraries, as they are now: what a plugin does, it does with your rights
    Trust(PluginFiles),
    /// Keep libraries closed, and do not ask about them again
    Deny(PluginFiles),
}

impl PluginCommand {
    /// Whether it was asked for JSON.
    pub fn json(&self) -> bool {
        match self {
            Self::List { json, .. } => *json,
            Self::New(flags) => flags.json,
            Self::Trust(files) | Self::Deny(files) => files.json,
        }
    }
}

/// Flags of `weft plugin new`.
#[derive(Debug, Args)]
pub struct NewPlugin {
    /// What the plugin is called: small letters, digits, `-` and `_`
    pub name: String,
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The folder plugin-api of Weft's source; found by itself where this program lies in that source
    #[arg(long, value_name = "PATH")]
    pub api: Option<PathBuf>,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Libraries on the command line.
#[derive(Debug, Args)]
pub struct PluginFiles {
    /// A library, or a folder for all libraries in it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Which plugins are looked for beside Weft's own.
#[derive(Debug, Clone, Default, Args)]
pub struct PluginFlags {
    /// A further folder of plugins; `weft plugin trust` approves them
    #[arg(long = "plugins", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Open no plugin but those that come with Weft
    #[arg(long)]
    pub no_third_party: bool,
}

impl PluginFlags {
    /// Whether the folders are there.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<()> {
        check_folders("--plugins", &self.folders)
    }
}
