//! Where models lie.

use std::path::PathBuf;

use clap::Args;

use crate::error::{Code, Error, Result};
use crate::graph::Roots;
use crate::library::extra_paths;

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
        let models = unique(self.models.iter().cloned().chain(default_models()));
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

pub(super) fn check_folders(flag: &str, folders: &[PathBuf]) -> Result<()> {
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
