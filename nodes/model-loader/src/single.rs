//! Parts of models in single files, by the names and shapes of their tensors.

use std::path::{Path, PathBuf};

use plugin_api::{Error, Result, Role, Run, View as Rows, Weights};
use serde_json::{Map, Value};
use weft_formats::layout::{self, Found, Part, View};
use weft_formats::{Dtype, Tensor};

use crate::component::title;
use crate::{looks_like, tokenizer};

/// The order of axes that brings a convolution's channels from the last place to the second.
const CHANNELS_SECOND: [i32; 4] = [0, 3, 1, 2];
/// What mflux's files say of themselves.
const MFLUX: [&str; 2] = ["quantization_level", "mflux_version"];

/// A file of weights, or a folder with those of one part, and what is in it.
pub struct File {
    pub path: PathBuf,
    pub weights: Weights,
    tensors: Vec<Tensor>,
}

/// A part out of a file, in diffusers' layout.
pub struct Single {
    pub weights: Weights,
    pub architecture: String,
    pub config: String,
}

impl File {
    pub fn open(path: &Path) -> Result<Self> {
        let weights = Weights::open(&path.to_string_lossy())?;
        let sides = |shape: &[i32]| shape.iter().map(|side| usize::try_from(*side).unwrap_or(0)).collect();
        let tensors = weights.list();
        let tensors = tensors.into_iter().map(|info| Tensor {
            shape: sides(&info.shape),
            dtype: Dtype::named(&info.stored),
            name: info.name,
        });
        Ok(Self { path: path.to_owned(), tensors: tensors.collect(), weights })
    }

    pub fn has(&self, role: Role) -> bool {
        self.find(role).is_some()
    }

    /// Whether mflux made it, which writes no configuration.
    pub fn is_mflux_s(&self) -> bool {
        let metadata = self.weights.metadata();
        MFLUX.iter().any(|key| metadata.find::<String>(key).is_ok_and(|found| found.is_some()))
    }

    /// Whether the part has other names or shapes here than in diffusers' layout.
    pub fn is_translated(&self, role: Role) -> bool {
        let views = self.find(role).and_then(|found| layout::read(&found, &self.tensors).ok());
        views.is_some_and(|views| views.iter().any(|view| view.channels_last || view.name != view.of))
    }

    fn find(&self, role: Role) -> Option<Found> {
        layout::find(part(role)?, &self.tensors)
    }

    pub fn load(&self, run: &Run, role: Role) -> Result<Single> {
        let found = self.find(role).ok_or_else(|| looks_like::without(self, role))?;
        let bad = |why: String| {
            Error::file(format!("the {} of {} cannot be read: {why}", title(role), self.path.display()))
                .help("use the model's diffusers folder, which has a configuration, or another file of it")
        };
        let views = layout::read(&found, &self.tensors).map_err(bad)?;
        let turned = views.iter().filter(|view| view.channels_last);
        let weights = turned
            .map(|view| view.of.as_str())
            .try_fold(self.weights.clone(), |weights, name| weights.transpose(name, &CHANNELS_SECOND))?;
        let weights = weights.views(&views.iter().map(rows).collect::<Result<Vec<_>>>()?)?;
        let architecture = looks_like::architecture(role, &weights, &self.path)?;
        let config = self.config(run, &found, &views)?;
        Ok(Single { weights, architecture, config })
    }

    /// What `config.json` would say: known from shapes, then what a `config.json` of this part beside the file says, then
    /// what the file says itself: its metadata `config` is a text `{"transformer": {…}, "text_encoder": {…}, "vae": {…}}`.
    fn config(&self, run: &Run, found: &Found, views: &[View]) -> Result<String> {
        let bad = |why: String| {
            Error::file(format!("the configuration of {} cannot be told: {why}", self.path.display()))
                .help("use the model's diffusers folder, which has a configuration, or another file of it")
        };
        let mut config = layout::config(found.part, views).map_err(bad)?;
        for (key, value) in self.beside(found.part).into_iter().chain(self.own(found.part)?) {
            config.insert(key, value);
        }
        if found.part == Part::Vae && !config.contains_key("scaling_factor") {
            let channels = config.get("latent_channels").and_then(Value::as_u64).unwrap_or(0);
            return Err(bad(format!("its latents have {channels} channels, and nothing says their scale"))
                .help("put the VAE's config.json, with its scaling_factor, beside the file"));
        }
        if found.part == Part::TextEncoder {
            let tokens = config.get("vocab_size").and_then(Value::as_u64).unwrap_or(0);
            let folder = tokenizer::find(run, &self.path, tokens)?;
            config.insert("tokenizer".to_owned(), folder.to_string_lossy().into_owned().into());
        }
        Ok(Value::Object(config).to_string())
    }

    /// `config.json` beside the file or in the folder, where it is one of this part.
    fn beside(&self, part: Part) -> Map<String, Value> {
        let folder = if self.path.is_dir() { Some(self.path.as_path()) } else { self.path.parent() };
        let path = folder.map(|folder| folder.join("config.json")).unwrap_or_default();
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let config: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
        let says = |key: &str, value: &str| config.get(key).is_some_and(|found| found == value);
        let is_its = match part {
            Part::Diffusion => says("_class_name", "ZImageTransformer2DModel"),
            Part::TextEncoder => says("model_type", "qwen3"),
            Part::Vae => says("_class_name", "AutoencoderKL"),
        };
        if is_its { config } else { Map::new() }
    }

    /// What the file's metadata says of the part.
    fn own(&self, part: Part) -> Result<Map<String, Value>> {
        let Some(text) = self.weights.metadata().find::<String>("config")? else { return Ok(Map::new()) };
        let config: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(config.get(part.folder()).and_then(Value::as_object).cloned().unwrap_or_default())
    }
}

fn part(role: Role) -> Option<Part> {
    match role {
        Role::Model => Some(Part::Diffusion),
        Role::TextEncoder => Some(Part::TextEncoder),
        Role::Vae => Some(Part::Vae),
        _ => None,
    }
}

fn rows(view: &View) -> Result<Rows> {
    let View { name, of, first_row, shape, .. } = view.clone();
    let sides = shape.into_iter().map(i32::try_from).collect::<std::result::Result<_, _>>();
    let too_large = |_| Error::file(format!("the shape of `{name}` is too large"));
    let shape = sides.map_err(too_large)?;
    Ok(Rows { name, of, first_row, shape })
}
