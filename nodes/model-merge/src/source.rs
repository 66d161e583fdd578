//! A model that goes into a merge.

use std::path::Path;

use plugin_api::{Error, Model, Record, Result, Role, TensorInfo, Value, View, Weights};
use weft_formats::layout;
use weft_formats::{Dtype, Tensor};

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

    /// A diffusers folder, the folder of its transformer, or a file in any layout that is known.
    ///
    /// # Errors
    /// A bad file, or one of no architecture that a plugin knows.
    pub fn file(path: &str) -> Result<Self> {
        let inside = Path::new(path).join("transformer");
        let place = if inside.is_dir() { inside } else { Path::new(path).to_owned() };
        let weights = in_our_names(Weights::open(&place.to_string_lossy())?, path)?;
        let architecture = Model::detect(Role::Model, &weights).ok_or_else(|| {
            Error::file(format!("{path} is no diffusion model that a merge can take as it is"))
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

/// The diffusion model in a file under the names of diffusers, where the file's own layout is known.
fn in_our_names(weights: Weights, path: &str) -> Result<Weights> {
    let tensors = headers(&weights.list());
    let Some(found) = layout::find(layout::Part::Diffusion, &tensors) else { return Ok(weights) };
    let views = layout::read(&found, &tensors).map_err(|why| Error::file(format!("{path} cannot be read: {why}")))?;
    // None of its tensors is a convolution, so none has its channels last.
    let view = |view: layout::View| {
        let shape = view.shape.into_iter().map(|side| side as i32).collect();
        View { name: view.name, of: view.of, first_row: view.first_row, shape }
    };
    weights.views(&views.into_iter().map(view).collect::<Vec<_>>())
}

/// How a model's numbers were rounded to a few bits before they came here, if they were: by its loader, or in its files.
pub fn rounding(weights: &Weights) -> Option<String> {
    if let Some(bits) = weights.bits() {
        return Some(format!("rounded to {bits} bits"));
    }
    let is_packed = |stored: &str| stored.starts_with("F8_") || stored.starts_with('Q');
    // Whole numbers that are read as others are MLX's packed ones.
    let is_mlx_s = |info: &TensorInfo| info.stored == "U32" && info.dtype != Some(plugin_api::Dtype::Uint32);
    let found = weights.list().into_iter().find(|info| is_packed(&info.stored) || is_mlx_s(info))?;
    let name = if is_mlx_s(&found) { "MLX's packing" } else { found.stored.as_str() };
    Some(format!("rounded in its file ({name})"))
}

/// What a file's header would say of these tensors.
pub fn headers(tensors: &[TensorInfo]) -> Vec<Tensor> {
    let header = |info: &TensorInfo| Tensor {
        name: info.name.clone(),
        dtype: Dtype::named(&info.stored),
        shape: info.shape.iter().map(|&side| side as usize).collect(),
    };
    tensors.iter().map(header).collect()
}
