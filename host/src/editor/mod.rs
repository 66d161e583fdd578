//! `weft edit`: the window. The only folder that knows egui. Widgets, panels and canvas return what the user wants as
//! [`Action`]s; `commands` carries them out, in one place.

mod action;
mod app;
mod approval;
mod bars;
mod canvas;
mod checking;
mod commands;
mod confirm;
mod dialog;
mod files;
mod identities;
mod lora;
mod machine;
mod memory;
mod opening;
mod palette;
mod panels;
mod recovery;
mod rename;
mod reveal;
mod scene;
mod settings;
mod theme;
mod toasts;
mod widgets;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use action::Action;
pub use app::Editor;
pub use settings::{Settings, Stored};

use crate::engine;
use crate::error::{Code, Error, Result};
use crate::flags::{EditFlags, ThemeFlag};
use crate::graph::Roots;

/// How the editor is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub graph: Option<PathBuf>,
    /// Folder for the pictures.
    pub output: PathBuf,
    pub engine: engine::Options,
    /// Where models lie, and pictures and latents beside the graph's own.
    pub roots: Roots,
    /// The folder of the templates; none is the one that comes with Weft.
    pub templates: Option<PathBuf>,
    /// Where unsaved work is kept; none keeps none.
    pub journal: Option<PathBuf>,
    /// The file of the hashes of model files; none hashes none.
    pub hashes: Option<PathBuf>,
    /// The file of theme and text size; none keeps none.
    pub settings: Option<PathBuf>,
    /// The folder of the trust store; none keeps no decision.
    pub trust: Option<PathBuf>,
    pub theme: Option<egui::Theme>,
    pub size: Option<[f32; 2]>,
    /// Run at once.
    pub run: bool,
    pub screenshot: Option<PathBuf>,
    pub exit_after: Option<Duration>,
    /// Where a picture of the window that was not written is told of.
    pub failure: machine::Failure,
}

impl TryFrom<EditFlags> for Options {
    type Error = Error;

    fn try_from(flags: EditFlags) -> Result<Self> {
        let theme = |flag| match flag {
            ThemeFlag::Dark => egui::Theme::Dark,
            ThemeFlag::Light => egui::Theme::Light,
        };
        Ok(Self {
            engine: flags.common.engine(),
            roots: flags.common.folders.roots(flags.common.input)?,
            journal: dirs::state_dir().or_else(dirs::data_local_dir).map(|folder| folder.join("weft").join("journal")),
            hashes: crate::library::Hashes::path_of_user(),
            settings: dirs::config_dir().map(|folder| folder.join("weft").join("settings.ron")),
            trust: crate::plugins::trust_folder(),
            theme: flags.theme.map(theme),
            size: flags.size.map(|size| size.map(f32::from)),
            exit_after: flags.exit_after.map(Duration::from_secs_f64),
            graph: flags.graph,
            output: flags.output,
            run: flags.run,
            templates: None,
            screenshot: flags.screenshot,
            failure: machine::Failure::default(),
        })
    }
}

impl Options {
    /// Where a graph in `folder` may take files from.
    fn roots(&self, folder: &Path) -> Roots {
        let inputs = std::iter::once(folder.to_owned()).chain(self.roots.inputs.iter().cloned()).collect();
        Roots { inputs, ..self.roots.clone() }
    }
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// A graph that cannot be opened, no display, one that cannot be drawn on, a picture of the window that was not written.
pub fn run(options: Options) -> Result<()> {
    if let Some(path) = &options.graph {
        // Told at the terminal, before there is a window.
        opening::open(path, &crate::library::templates())?;
    }
    let failure = std::rc::Rc::clone(&options.failure);
    let size = options.size.unwrap_or([1440.0, 900.0]);
    let viewport = egui::ViewportBuilder::default()
        .with_app_id("weft")
        .with_title("Weft")
        .with_inner_size(size)
        .with_min_inner_size([720.0, 480.0])
        .with_drag_and_drop(true);
    let native = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let window =
        eframe::run_native("weft", native, Box::new(|context| Ok(Box::new(Editor::new(&context.egui_ctx, options)))));
    window.map_err(|error| {
        Error::new(Code::Usage, "the window cannot be opened").cause(why_not(&error)).help(
            "`weft edit` needs a display and the libraries that ./setup installs; `weft run GRAPH` works without them",
        )
    })?;
    failure.take().map_or(Ok(()), Err)
}

/// Without the source lines that the window's library tells of.
fn why_not(error: &eframe::Error) -> String {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        return "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned();
    }
    let said = error.to_string();
    said.rsplit(".rs:")
        .next()
        .and_then(|rest| rest.split_once(": "))
        .map_or(said.clone(), |(_, reason)| reason.to_owned())
}
