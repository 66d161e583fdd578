//! The command line of `weft`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine;
use crate::error::{Code, Error, Result};
use crate::graph::Roots;
use crate::library::extra_paths;
use crate::table::{Device, memory};

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

#[derive(Debug, Subcommand)]
pub enum ConvertCommand {
    /// Write a LoRA with the names of another layout; nothing else of it changes
    Lora(ConvertLoraFlags),
}

impl ConvertCommand {
    /// Whether it was asked for JSON.
    pub fn json(&self) -> bool {
        match self {
            Self::Lora(flags) => flags.json,
        }
    }
}

/// Flags of `weft convert lora`.
#[derive(Debug, Args)]
pub struct ConvertLoraFlags {
    /// A LoRA in any layout
    #[arg(value_name = "IN")]
    pub from: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    pub to: PathBuf,
    /// How its tensors are to be named
    #[arg(long, value_enum)]
    pub layout: LayoutFlag,
    /// Overwrite OUT where it exists
    #[arg(long)]
    pub force: bool,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayoutFlag {
    /// transformer.…to_q.lora_A.weight, as diffusers and PEFT write them
    Diffusers,
    /// diffusion_model.…to_q.lora_A.weight, as ComfyUI reads them best
    Comfyui,
    /// lora_unet_…_to_q.lora_down.weight with alpha, as kohya's scripts write them
    Kohya,
    /// diffusion_model.…qkv.lora_A.weight, in the names of the model's first release
    Native,
}

/// Flags of `weft edit`.
#[cfg(feature = "editor")]
#[derive(Debug, Args)]
pub struct EditFlags {
    /// A .ron graph, or a picture with a graph or a prompt in it
    pub graph: Option<PathBuf>,
    /// Folder for the pictures
    #[arg(short, long, value_name = "DIR", default_value = "output")]
    pub output: PathBuf,
    /// Write a picture of the window and go on
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// Close the window after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub exit_after: Option<f64>,
    /// Colours of the window
    #[arg(long, value_enum)]
    pub theme: Option<ThemeFlag>,
    /// Size of the window, in points
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<[u16; 2]>,
    /// Run the graph at once
    #[arg(long)]
    pub run: bool,
    #[command(flatten)]
    pub common: Common,
}

#[cfg(feature = "editor")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ThemeFlag {
    Dark,
    Light,
}

/// Up to a day: what a timer can hold is not for the command line to find out.
#[cfg(feature = "editor")]
fn seconds(text: &str) -> std::result::Result<f64, String> {
    const MOST: f64 = 86_400.0;
    let seconds = text.parse().ok().filter(|seconds| (0.0..=MOST).contains(seconds));
    seconds.ok_or_else(|| format!("a number from 0 to {MOST} is needed"))
}

/// `1280x800`.
#[cfg(feature = "editor")]
fn size(text: &str) -> std::result::Result<[u16; 2], String> {
    const SIDES: std::ops::RangeInclusive<u16> = 320..=16_384;
    let side = |text: &str| text.parse().ok().filter(|side| SIDES.contains(side));
    let sides = text.split_once('x').and_then(|(width, height)| Some([side(width)?, side(height)?]));
    sides.ok_or_else(|| format!("two sides from {} to {} are needed, as in 1280x800", SIDES.start(), SIDES.end()))
}

/// Where models lie, for every command that takes some.
#[derive(Debug, Default, Args)]
pub struct ModelFolders {
    /// A further folder like models/ (also: the path list WEFT_MODELS)
    #[arg(long, value_name = "DIR")]
    pub models: Vec<PathBuf>,
    /// A YAML file of ComfyUI that names further folders; one in or beside models/ is read without it
    #[arg(long, value_name = "FILE", alias = "extra-model-paths-config")]
    pub extra_model_paths: Vec<PathBuf>,
}

impl ModelFolders {
    /// The folders, with those for inputs.
    ///
    /// # Errors
    /// A folder of the flags that is not there, a list of further folders that cannot be read. (WEFT_MODELS may name disks
    /// that are not plugged in.)
    pub fn roots(&self, inputs: Vec<PathBuf>) -> Result<Roots> {
        check_folders("--models", &self.models)?;
        if let Some(missing) = self.extra_model_paths.iter().find(|file| !file.is_file()) {
            let error = Error::new(Code::Usage, format!("there is no file {}", missing.display()));
            return Err(error.place("--extra-model-paths").help("give the path of a YAML file that exists"));
        }
        let models: Vec<PathBuf> = self.models.iter().cloned().chain(default_models()).collect();
        let lists = unique(self.extra_model_paths.iter().cloned().chain(default_lists(&models)));
        let extra = lists.iter().map(|list| extra_paths::read(list)).collect::<Result<Vec<_>>>()?.concat();
        Ok(Roots { models, inputs, extra })
    }
}

/// The lists of further folders that nobody has to name: in a models root, beside one that is called `models`, as in an
/// installation of ComfyUI, and in the user's folder of settings.
fn default_lists(models: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let is_called_so = |root: &&PathBuf| root.file_name().is_some_and(|name| name == "models");
    let inside = models.iter().map(|root| root.join(extra_paths::NAME));
    let beside = models.iter().filter(is_called_so).map(|root| root.with_file_name(extra_paths::NAME));
    let own = dirs::config_dir().map(|folder| folder.join("weft").join(extra_paths::NAME));
    inside.chain(beside).chain(own).filter(|list| list.is_file())
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

fn check_folders(flag: &str, folders: &[PathBuf]) -> Result<()> {
    let Some(missing) = folders.iter().find(|folder| !folder.is_dir()) else { return Ok(()) };
    let what = format!("there is no folder {}", missing.display());
    Err(Error::new(Code::Usage, what).place(flag).help("give the path of a folder that exists"))
}

/// `WEFT_MODELS`, then models/ in the current folder, then models/ beside the executable or above its build folder.
fn default_models() -> Vec<PathBuf> {
    let listed = std::env::var_os("WEFT_MODELS");
    let listed = listed.iter().flat_map(std::env::split_paths).filter(|path| !path.as_os_str().is_empty());
    unique(listed.chain(folders_called("models", 3)))
}

/// The folders of this name in the current folder, beside the executable, and above it: `levels` folders from that of
/// the executable up. Only those that are there.
pub(crate) fn folders_called(name: &str, levels: usize) -> Vec<PathBuf> {
    let executable = std::env::current_exe().unwrap_or_default();
    let above = executable.ancestors().skip(1).take(levels).map(|folder| folder.join(name));
    unique(std::iter::once(PathBuf::from(name)).chain(above).filter(|folder| folder.is_dir()))
}

/// Without the folders that come a second time, under whatever path. What is not there is kept.
fn unique(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let real = folder.canonicalize().ok();
        if real.is_none() || !found.iter().any(|known| known.canonicalize().ok() == real) {
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
                    --json --time --quiet --models m --models n --plugins p --no-third-party";
        let Command::Run(run) = Flags::parse_from(line.split_whitespace()).command else { panic!("no run") };
        assert_eq!((run.set.len(), run.dump.len(), run.common.folders.models.len()), (2, 1, 2));
        assert_eq!(run.common.device.device(), Some(Device::Cpu));
        assert!(run.time && run.quiet && run.common.json && run.common.plugins.no_third_party);
    }

    #[cfg(feature = "editor")]
    #[test]
    fn edit_takes_what_machines_rely_on() {
        let parse = |line: &str| {
            let flags = Flags::try_parse_from(std::iter::once("weft").chain(line.split(' ')))?;
            let Command::Edit(edit) = flags.command else { panic!("no edit") };
            Ok::<_, clap::Error>(edit)
        };
        let plain = parse("edit").unwrap();
        assert_eq!((plain.output.to_str(), plain.graph, plain.size), (Some("output"), None, None));
        let edit = parse(
            "edit g.ron -o out --screenshot s.png --exit-after 2.5 --theme light --size 1280x800 --run --device cpu \
             --models m --input i --plugins p",
        );
        let edit = edit.unwrap();
        assert_eq!((edit.exit_after, edit.theme), (Some(2.5), Some(ThemeFlag::Light)));
        assert_eq!((edit.size, edit.run), (Some([1280, 800]), true));
        assert_eq!(edit.common.check().unwrap_err().place, "--models");
        for (wrong, says) in [
            ("--size 1280", "1280x800"),
            ("--size 0x0", "from 320"),
            ("--size 99999x800", "to 16384"),
            ("--exit-after NaN", "from 0 to 86400"),
            ("--exit-after=-1", "from 0 to 86400"),
            ("--theme blue", "dark, light"),
        ] {
            let error = parse(&format!("edit {wrong}")).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let mut program = Flags::command();
        let help = program.find_subcommand_mut("edit").expect("it is there").render_long_help().to_string();
        for flag in ["--screenshot", "--exit-after", "--theme", "--size", "--run", "--input", "[GRAPH]"] {
            assert!(help.contains(flag), "{flag} in {help}");
        }
    }
}
