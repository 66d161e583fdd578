//! One part of a model: its folder, its configuration and its weights.

use plugin_api::{Dtype, Error, ErrorKind, Model, NewFolder, Record, Result, Role, Tensor, TensorInfo, Weights};
use serde_json::{Map, Value};
use weft_formats::layout;

use super::progress::Progress;
use super::{packed, pretty, shards};

/// The largest number of float16.
const LARGEST_HALF: f32 = 65504.0;

/// What the numbers are written as.
#[derive(Debug, Clone)]
pub struct Precision {
    /// As the node names it.
    pub name: String,
    /// The type of all numbers that are not packed; none for the one that each part runs in.
    pub dtype: Option<Dtype>,
    /// To how many bits matrices are packed.
    pub bits: Option<u32>,
}

impl Precision {
    pub const NAMES: [&str; 6] = ["float16", "bfloat16", "float32", "8", "6", "4"];

    /// By its name on the node.
    pub fn named(name: &str) -> Self {
        let dtype = match name {
            "float16" => Some(Dtype::Float16),
            "bfloat16" => Some(Dtype::Bfloat16),
            "float32" => Some(Dtype::Float32),
            _ => None,
        };
        Self { name: name.to_owned(), dtype, bits: name.parse().ok() }
    }
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
    /// As they will be written, in diffusers' layout and not packed.
    pub tensors: Vec<TensorInfo>,
    /// To how many bits its matrices are packed. A VAE's stay whole, as they do where a loader packs.
    pub bits: Option<u32>,
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
        let weights = model.weights();
        let as_written = |info: TensorInfo| TensorInfo { dtype: written(&info, precision.dtype), ..info };
        let tensors: Vec<TensorInfo> = weights.list().into_iter().map(as_written).collect();
        let dtype = tensors.iter().find_map(|info| torch_name(info.dtype?)).unwrap_or("float32");
        for key in ["torch_dtype", "dtype"] {
            config.entry(key).and_modify(|said| *said = dtype.into());
        }
        if let Some(class) = class {
            config.entry("_class_name").or_insert(class.into());
        }
        let bits = precision.bits.filter(|_| role != Role::Vae);
        Ok(Self { role, folder, stem, config, weights, tensors, bits })
    }

    /// What formats call it.
    pub fn kind(&self) -> layout::Part {
        match self.role {
            Role::TextEncoder => layout::Part::TextEncoder,
            Role::Vae => layout::Part::Vae,
            _ => layout::Part::Diffusion,
        }
    }

    /// What its files hold: how many tensors, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        let planned: Vec<_> = self.tensors.iter().flat_map(|info| packed::planned(info, self.bits)).collect();
        (planned.len(), planned.iter().map(shards::bytes).sum())
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
    pub fn write(
        &self,
        folder: &NewFolder,
        shard_bytes: u64,
        metadata: &Record,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let place = |file: &str| format!("{}/{file}", self.folder);
        folder.write(&place("config.json"), &pretty(&Value::Object(self.config())))?;
        let shards = shards::cut(self.tensors.clone(), shard_bytes);
        let files = shards::file_names(self.stem, shards.len());
        for (file, shard) in files.iter().zip(&shards) {
            folder.write_tensors(&place(file), metadata, shard, |index| {
                progress.add(shards::bytes(&shard[index]))?;
                self.tensor(&shard[index].name, shard[index].dtype)
            })?;
        }
        if shards.len() > 1 {
            let index = shards::index(&files, &shards);
            folder.write(&place(&format!("{}.safetensors.index.json", self.stem)), &pretty(&index))?;
        }
        Ok(())
    }

    /// A tensor that is to be written as `dtype`.
    ///
    /// # Errors
    /// Numbers that the type does not have.
    pub fn tensor(&self, name: &str, dtype: Option<Dtype>) -> Result<Tensor> {
        let is_float = dtype.and_then(torch_name).is_some();
        let tensor = if is_float { self.weights.exact(name) } else { self.weights.tensor(name) };
        if dtype == Some(Dtype::Float16) {
            check_half(name, &tensor)?;
        }
        Ok(tensor)
    }
}

/// Whole numbers stay what they are.
fn written(info: &TensorInfo, dtype: Option<Dtype>) -> Option<Dtype> {
    let kept = info.dtype.filter(|kept| torch_name(*kept).is_none());
    kept.or(dtype).or(info.dtype)
}

/// As torch names a type of floating-point numbers.
const fn torch_name(dtype: Dtype) -> Option<&'static str> {
    match dtype {
        Dtype::Float16 => Some("float16"),
        Dtype::Bfloat16 => Some("bfloat16"),
        Dtype::Float32 => Some("float32"),
        _ => None,
    }
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
