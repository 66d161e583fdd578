//! The command line of `weft`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine;
use crate::error::{Code, Error, Result};
use crate::graph::Roots;
use crate::table::Device;

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
    /// Check a graph and report every error at once
    Check {
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
    /// Print the graph inside a picture
    Info {
        picture: PathBuf,
        #[arg(long, help = "Print JSON")]
        json: bool,
    },
    /// The process that computes; started by the other commands
    #[command(hide = true)]
    Engine {
        #[arg(long)]
        device: Option<DeviceFlag>,
        #[arg(long)]
        plugins: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct RunFlags {
    /// A .ron graph, or a picture that Weft made
    pub graph: PathBuf,
    /// Give an input another value: RON, or a bare word as text
    #[arg(long, value_name = "NODE.INPUT=VALUE")]
    pub set: Vec<String>,
    /// Folder for the pictures
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Write an output as float32 safetensors
    #[arg(long, value_name = "NODE.OUTPUT=FILE")]
    pub dump: Vec<String>,
    /// Print the time that every node took
    #[arg(long)]
    pub time: bool,
    /// No progress
    #[arg(long)]
    pub quiet: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Flags of every command that needs the plugins.
#[derive(Debug, Args)]
pub struct Common {
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceFlag::Auto)]
    pub device: DeviceFlag,
    /// A further folder like models/ (also: the path list WEFT_MODELS)
    #[arg(long, value_name = "DIR")]
    pub models: Vec<PathBuf>,
    /// A further folder of pictures and latents for the graph
    #[arg(long, value_name = "DIR")]
    pub input: Vec<PathBuf>,
    /// A folder of plugins to load; naming it here is trusting it
    #[arg(long, value_name = "DIR")]
    pub plugins: Vec<PathBuf>,
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
        engine::Options { device: self.device.device(), plugins: self.plugins.clone(), program: None }
    }

    /// Whether the folders that the flags name are there. (WEFT_MODELS may name disks that are not plugged in.)
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<()> {
        for (flag, folders) in [("--models", &self.models), ("--input", &self.input), ("--plugins", &self.plugins)] {
            if let Some(missing) = folders.iter().find(|folder| !folder.is_dir()) {
                let what = format!("there is no folder {}", missing.display());
                return Err(Error::new(Code::Usage, what).place(flag).help("give the path of a folder that exists"));
            }
        }
        Ok(())
    }

    /// The folders that a graph at `graph` may take files from.
    pub fn roots(&self, graph: &std::path::Path) -> Roots {
        let beside = graph.parent().unwrap_or(std::path::Path::new("")).to_owned();
        let beside = if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside };
        let inputs = std::iter::once(beside).chain(self.input.iter().cloned()).collect();
        Roots { models: self.models.iter().cloned().chain(default_models()).collect(), inputs }
    }
}

/// `WEFT_MODELS`, then models/ in the current folder, then models/ beside the executable or above its build folder.
fn default_models() -> Vec<PathBuf> {
    let listed = std::env::var_os("WEFT_MODELS");
    let listed = listed.iter().flat_map(std::env::split_paths).filter(|path| !path.as_os_str().is_empty());
    let executable = std::env::current_exe().unwrap_or_default();
    let above = executable.ancestors().skip(1).take(3).map(|folder| folder.join("models"));
    let mut found: Vec<PathBuf> = listed.collect();
    for folder in std::iter::once(PathBuf::from("models")).chain(above).filter(|folder| folder.is_dir()) {
        let is_known = |known: &PathBuf| known.canonicalize().ok() == folder.canonicalize().ok();
        if !found.iter().any(is_known) {
            found.push(folder);
        }
    }
    found
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
                    --json --time --quiet --models m --models n --plugins p";
        let Command::Run(run) = Flags::parse_from(line.split_whitespace()).command else { panic!("no run") };
        assert_eq!((run.set.len(), run.dump.len(), run.common.models.len()), (2, 1, 2));
        assert_eq!(run.common.device.device(), Some(Device::Cpu));
        assert!(run.time && run.quiet && run.common.json);
    }
}
