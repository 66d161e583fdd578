//! The command line of `weft`.

mod cache;
mod convert;
#[cfg(feature = "editor")]
mod edit;
mod folders;
mod plugin;
mod shard;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine;
use crate::error::{Code, Error, Result};
use crate::graph::Roots;
use crate::table::{Device, memory};

pub use cache::CacheFlags;
pub use convert::{ConvertCommand, ConvertLoraFlags, ConvertModelFlags, LayoutFlag};
#[cfg(feature = "editor")]
pub use edit::{EditFlags, ThemeFlag};
pub use folders::ModelFolders;
use folders::check_folders;
pub(crate) use folders::folders_called;
pub use plugin::{NewPlugin, PluginCommand, PluginFiles, PluginFlags};
pub use shard::Shard;

/// A node editor and headless runner for image models on Apple MLX.
#[derive(Debug, Parser)]
#[command(name = "weft", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a graph, or the graph inside a picture
    Run(RunFlags),
    /// Open the editor, with a graph or a picture
    #[cfg(feature = "editor")]
    Edit(EditFlags),
    /// Check a graph and report every error at once
    Check {
        /// A .ron graph, or a picture that Weft made
        graph: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// List the nodes, or show one node's inputs and outputs
    Nodes {
        /// A node's kind, e.g. `sampler/Sample`
        kind: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Measure which steps LeMiCa may skip, for the model and the schedule of a graph
    Calibrate(CalibrateFlags),
    /// List the model files, or show what one is and how much memory it needs
    Models(ModelFlags),
    /// List the LoRAs, or show what one is and what it changes
    Loras(LoraFlags),
    /// Write a file in another layout
    #[command(subcommand)]
    Convert(ConvertCommand),
    /// The plugins that do not come with Weft: make one, see which there are, say which may be opened
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print the graph inside a picture
    Info {
        /// A PNG, JPEG or WebP picture
        picture: PathBuf,
        #[arg(long, help = "Print JSON")]
        json: bool,
    },
    /// The process that computes; started by the other commands
    #[command(hide = true)]
    Engine {
        #[arg(long)]
        device: Option<DeviceFlag>,
        #[command(flatten)]
        plugins: PluginFlags,
    },
}

#[derive(Debug, Args)]
pub struct RunFlags {
    /// A .ron graph, or a picture that Weft made
    pub graph: PathBuf,
    /// Give an input another value: RON, or a bare word as text
    #[arg(long, value_name = "NODE.INPUT=VALUE")]
    pub set: Vec<String>,
    /// Run the graph for each row of a CSV table, whose header names inputs as NODE.INPUT
    #[arg(long, value_name = "FILE", conflicts_with = "dump")]
    pub sweep: Option<PathBuf>,
    /// Only the rows whose number, counted from 0, leaves K when it is divided by N
    #[arg(long, value_name = "K/N", requires = "sweep")]
    pub shard: Option<Shard>,
    /// Folder for the pictures
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Write an output as float32 safetensors
    #[arg(long, value_name = "NODE.OUTPUT=FILE")]
    pub dump: Vec<String>,
    /// Write into pictures the SHA-256 of the model files, by which other machines find them
    #[arg(long)]
    pub hash: bool,
    #[command(flatten)]
    pub cache: CacheFlags,
    /// Print the time that every node took
    #[arg(long)]
    pub time: bool,
    /// No progress
    #[arg(long)]
    pub quiet: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `weft models`.
#[derive(Debug, Args)]
pub struct ModelFlags {
    /// A file or folder, or a name below models/; the extension and the folder may be left out
    #[arg(value_name = "NAME|FILE")]
    pub model: Option<PathBuf>,
    /// Compute every SHA-256 that is not known yet, also those of large files
    #[arg(long, conflicts_with = "no_hash")]
    pub hash: bool,
    /// Compute no SHA-256, not even those of small files
    #[arg(long)]
    pub no_hash: bool,
    #[command(flatten)]
    pub folders: ModelFolders,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Flags of `weft loras`.
#[derive(Debug, Args)]
pub struct LoraFlags {
    /// A file, or a name below models/loras; the extension and the folder may be left out
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Check it against this model, a path or a name below models/, instead of any Z-Image
    #[arg(long, value_name = "NAME", requires = "file")]
    pub model: Option<String>,
    /// List every key of the file with its state
    #[arg(long, requires = "file")]
    pub keys: bool,
    #[command(flatten)]
    pub folders: ModelFolders,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Flags of `weft calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateFlags {
    /// A .ron graph with one sampler, or a picture that it made
    pub graph: PathBuf,
    /// A text file with a prompt on each line
    #[arg(long, value_name = "FILE")]
    pub prompts: PathBuf,
    /// Pictures of each prompt
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: u64,
    /// List the best steps for so many computed ones; without it for every number
    #[arg(long, value_name = "B", num_args = 1..)]
    pub budget: Vec<usize>,
    /// The file to write, to be put below models/schedules
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub common: Common,
}

/// Flags of every command that needs the plugins.
#[derive(Debug, Args)]
pub struct Common {
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceFlag::Auto)]
    pub device: DeviceFlag,
    #[command(flatten)]
    pub folders: ModelFolders,
    /// A further folder of pictures and latents for the graph
    #[arg(long, value_name = "DIR")]
    pub input: Vec<PathBuf>,
    #[command(flatten)]
    pub plugins: PluginFlags,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceFlag {
    Auto,
    Gpu,
    Cpu,
}

impl DeviceFlag {
    pub fn device(self) -> Option<Device> {
        match self {
            Self::Auto => None,
            Self::Gpu => Some(Device::Gpu),
            Self::Cpu => Some(Device::Cpu),
        }
    }
}

impl Common {
    pub fn engine(&self) -> engine::Options {
        engine::Options { device: self.device.device(), plugins: self.plugins.clone(), ..engine::Options::default() }
    }

    /// Whether the folders that the flags name are there, and can be read where they are lists, and WEFT_MEMORY is a number.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<()> {
        memory::limit()?;
        self.folders.roots(Vec::new())?;
        check_folders("--input", &self.input)?;
        self.plugins.check()
    }

    /// The folders that a graph at `graph` may take files from.
    ///
    /// # Errors
    /// As [`Common::check`].
    pub fn roots(&self, graph: &std::path::Path) -> Result<Roots> {
        let beside = graph.parent().unwrap_or(std::path::Path::new("")).to_owned();
        let beside = if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside };
        self.folders.roots(std::iter::once(beside).chain(self.input.iter().cloned()).collect())
    }
}

/// Parses the command line. Wrong use, as well as a call for help, ends the program.
pub fn parse() -> Flags {
    Flags::try_parse().unwrap_or_else(|error| {
        let wants_json = std::env::args_os().any(|argument| argument == "--json");
        if wants_json && error.use_stderr() {
            let text = error.to_string();
            let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            let error = Error::new(Code::Usage, what).help("`weft --help` shows what can be given");
            let mut out = std::io::stdout();
            drop(writeln!(out, "{}", serde_json::json!({ "errors": [error.to_json()] })));
        }
        error.exit()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn run_takes_what_scripts_rely_on() {
        let line = "weft run g.ron --set a.b=1 --set c.d=x -o out --dump s.latent=f.safetensors --device cpu --input i \
                    --json --time --quiet --models m --models n --plugins p --no-third-party";
        let Command::Run(run) = Flags::parse_from(line.split_whitespace()).command else { panic!("no run") };
        assert_eq!((run.set.len(), run.dump.len(), run.common.folders.models.len()), (2, 1, 2));
        assert_eq!(run.common.device.device(), Some(Device::Cpu));
        assert!(run.time && run.quiet && run.common.json && run.common.plugins.no_third_party);
    }
}
