//! One part of a model: its folder, its configuration and its weights.

use plugin_api::{Dtype, Error, ErrorKind, Model, NewFolder, Record, Result, Role, Tensor, TensorInfo, Weights};
use serde_json::{Map, Value};

use super::progress::Progress;
use super::{pretty, shards};

/// The largest number of float16.
const LARGEST_HALF: f32 = 65504.0;

/// The type of the numbers that are written.
#[derive(Debug, Clone)]
pub struct Precision {
    /// As the node and torch name it.
    pub name: String,
    pub dtype: Dtype,
}

/// A part that is to be saved.
pub struct Part {
    pub role: Role,
    /// In a diffusers folder.
    pub folder: &'static str,
    /// The beginning of its files' names.
    stem: &'static str,
    /// What its config.json will say. Of a text encoder it also says where the tokenizer lies.
    config: Map<String, Value>,
    pub weights: Weights,
    /// As they will be written, in diffusers' layout.
    pub tensors: Vec<TensorInfo>,
}

impl Part {
    /// # Errors
    /// A configuration that is no JSON.
    pub fn new(role: Role, model: Model, precision: &Precision) -> Result<Self> {
        let (folder, stem, class) = match role {
            Role::TextEncoder => ("text_encoder", "model", None),
            Role::Vae => ("vae", "diffusion_pytorch_model", Some("AutoencoderKL")),
            _ => ("transformer", "diffusion_pytorch_model", Some("ZImageTransformer2DModel")),
        };
        let mut config: Map<String, Value> = serde_json::from_str(&model.config())
            .map_err(|error| Error::invalid(format!("the configuration of the {folder} is no JSON: {error}")))?;
        for key in ["torch_dtype", "dtype"] {
            config.entry(key).and_modify(|dtype| *dtype = precision.name.as_str().into());
        }
        if let Some(class) = class {
            config.entry("_class_name").or_insert(class.into());
        }
        let weights = model.weights();
        let as_written = |info: TensorInfo| TensorInfo { dtype: written(&info, precision.dtype), ..info };
        let tensors = weights.list().into_iter().map(as_written).collect();
        Ok(Self { role, folder, stem, config, weights, tensors })
    }

    pub fn count(&self) -> usize {
        self.tensors.len()
    }

    /// Bytes of its weights.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().map(shards::bytes).sum()
    }

    /// Numbers of its largest tensor.
    pub fn largest(&self) -> u64 {
        self.tensors.iter().map(|info| info.shape.iter().map(|&side| side as u64).product()).max().unwrap_or(0)
    }

    /// What config.json says, without what is true of this machine alone.
    pub fn config(&self) -> Map<String, Value> {
        let mut config = self.config.clone();
        if self.tokenizer().is_some() {
            config.remove("tokenizer");
        }
        config
    }

    /// The folder of the tokenizer, of a text encoder that has one.
    pub fn tokenizer(&self) -> Option<&str> {
        self.config.get("tokenizer").and_then(Value::as_str).filter(|_| self.role == Role::TextEncoder)
    }

    /// Which class of which library reads it.
    pub fn class(&self) -> [&str; 2] {
        let named = |key: &str| self.config.get(key).and_then(Value::as_str);
        match self.role {
            Role::TextEncoder => ["transformers", "Qwen3Model"],
            _ => ["diffusers", named("_class_name").unwrap_or_default()],
        }
    }

    /// Writes its folder: config.json, the weights in one file or several, and the index of several.
    ///
    /// # Errors
    /// A source that went away, numbers that the precision does not have, a full disk, cancellation.
    pub fn write(&self, folder: &NewFolder, metadata: &Record, progress: &Progress<'_>) -> Result<()> {
        let place = |file: &str| format!("{}/{file}", self.folder);
        folder.write(&place("config.json"), &pretty(&Value::Object(self.config())))?;
        let shards = shards::cut(self.tensors.clone(), shards::SHARD_BYTES);
        for (index, shard) in shards.iter().enumerate() {
            let file = place(&shards::file_name(self.stem, index, shards.len()));
            folder.write_tensors(&file, metadata, shard, |index| {
                progress.add(shards::bytes(&shard[index]))?;
                self.tensor(&shard[index].name, shard[index].dtype)
            })?;
        }
        if shards.len() > 1 {
            let index = shards::index(self.stem, &shards);
            folder.write(&place(&format!("{}.safetensors.index.json", self.stem)), &pretty(&index))?;
        }
        Ok(())
    }

    /// A tensor that is to be written as `dtype`.
    ///
    /// # Errors
    /// Numbers that the type does not have.
    pub fn tensor(&self, name: &str, dtype: Option<Dtype>) -> Result<Tensor> {
        let is_float = matches!(dtype, Some(Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32));
        let tensor = if is_float { self.weights.exact(name) } else { self.weights.tensor(name) };
        if dtype == Some(Dtype::Float16) {
            check_half(name, &tensor)?;
        }
        Ok(tensor)
    }
}

/// Whole numbers stay what they are.
fn written(info: &TensorInfo, dtype: Dtype) -> Option<Dtype> {
    use Dtype::{Bool, Int32, Int64, Uint8, Uint32};
    info.dtype.filter(|kept| matches!(kept, Bool | Uint8 | Uint32 | Int32 | Int64)).or(Some(dtype))
}

/// A number that would become infinite is an error; one that is infinite already is not ours to mend.
fn check_half(name: &str, tensor: &Tensor) -> Result<()> {
    let largest = tensor.abs().max(&[], false).to_vec::<f32>()?.first().copied().unwrap_or(0.0);
    if !largest.is_finite() || largest <= LARGEST_HALF {
        return Ok(());
    }
    let what = format!("`{name}` has the number {largest}, and float16 ends at {LARGEST_HALF}");
    Err(Error::new(ErrorKind::Invalid, what).help("set `precision` to bfloat16 or float32"))
}
