//! A model that goes into a merge.

use std::path::Path;

use plugin_api::{Error, Model, Record, Result, Role, Value, Weights};

/// A linked model or a file.
#[derive(Clone)]
pub struct Source {
    /// What messages call it.
    pub name: String,
    pub architecture: String,
    /// The text of its config.json. A file may have none.
    pub config: Option<String>,
    pub weights: Weights,
}

impl Source {
    pub fn linked(inputs: &Record, input: &str) -> Result<Self> {
        let model: Model = inputs.get(input)?;
        let (architecture, config) = (model.architecture(), Some(model.config()));
        Ok(Self { name: format!("`{input}`"), architecture, config, weights: model.weights() })
    }

    /// A diffusers folder, the folder of its transformer, or a file with the same names of tensors.
    ///
    /// # Errors
    /// A bad file, or one of no architecture that a plugin knows.
    pub fn file(path: &str) -> Result<Self> {
        let inside = Path::new(path).join("transformer");
        let place = if inside.is_dir() { inside } else { Path::new(path).to_owned() };
        let weights = Weights::open(&place.to_string_lossy())?;
        let architecture = Model::detect(Role::Model, &weights).ok_or_else(|| {
            Error::file(format!("{path} is no diffusion model under names that a merge can take as they are"))
                .help("load it with LoadDiffusionModel and link that to a merge of its own")
        })?;
        let config = std::fs::read_to_string(place.join("config.json")).ok();
        Ok(Self { name: path.to_owned(), architecture, config, weights })
    }

    /// For the history of what is made of it.
    pub fn told(&self, share: f64) -> Value {
        Record::new().with("share", share).with("history", self.weights.history().as_slice()).into()
    }
}
