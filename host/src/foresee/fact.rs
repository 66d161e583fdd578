//! What is known of a value before it is there.

use std::path::Path;
use std::rc::Rc;

use serde_json::{Map, Value};
use weft_formats::layout::Part;
use weft_formats::memory::{self, FLOAT32, HALF};
use weft_formats::upscaler::{self, Rrdb};

use crate::library::lora::tensors;
use crate::library::model::ModelFacts;
use crate::weights;

/// A value's shape, or the model that it will be.
#[derive(Debug, Clone)]
pub enum Fact {
    Part(Rc<Model>),
    Upscaler(Rc<Upscaler>),
    /// Pictures, or the latents of such: number, height and width in pixels.
    Pictures(Size),
    /// Tokens of a prompt.
    Conditioning(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub count: u64,
    /// Height and width in pixels.
    pub pixels: [u64; 2],
}

/// A part of a model as its loader will have it.
#[derive(Debug)]
pub struct Model {
    /// By which equal weights are known.
    pub key: String,
    role: Part,
    counted: [memory::Weights; 2],
    config: Map<String, Value>,
    /// Bytes of a number.
    pub width: u64,
    bits: Option<u64>,
    gpu: bool,
}

#[derive(Debug)]
pub struct Upscaler {
    pub key: String,
    pub rrdb: Rrdb,
    pub bytes: u64,
}

/// What the header of a file or folder says.
#[derive(Debug, Clone)]
pub enum File {
    Model(Rc<ModelFacts>),
    Upscaler(Rc<Upscaler>),
    /// Tensors of neither, such as a LoRA's: their bytes in float32.
    Other(u64),
}

/// Reads what a walk has to know of a file. None for one that says nothing: its loader will say why.
pub fn read(path: &Path) -> Option<File> {
    let facts = ModelFacts::read(path).ok()?;
    if facts.parts.iter().any(|part| part.role.is_some()) {
        return Some(File::Model(Rc::new(facts)));
    }
    let bytes = facts.memory.float32;
    let Ok(rrdb) = upscaler::read(&tensors(&weights::open(path).ok()?)) else { return Some(File::Other(bytes)) };
    let key = path.display().to_string();
    Some(File::Upscaler(Rc::new(Upscaler { key, rrdb, bytes })))
}

/// The kind of value that holds a part.
pub fn part(kind: &str) -> Option<Part> {
    match kind {
        "MODEL" => Some(Part::Diffusion),
        "TEXT_ENCODER" => Some(Part::TextEncoder),
        "VAE" => Some(Part::Vae),
        _ => None,
    }
}

/// How a loader was told to load.
#[derive(Debug, Clone, Copy)]
pub struct Precision<'a> {
    pub name: &'a str,
    pub quantize: &'a str,
    pub gpu: bool,
}

impl Precision<'_> {
    /// Bytes of a number, as `model-loader` chooses them. A CPU widens all but matrices in bfloat16.
    fn width(self, part: Part) -> u64 {
        match self.name {
            "bfloat16" if !self.gpu && part == Part::Vae => FLOAT32,
            "float16" if !self.gpu => FLOAT32,
            "bfloat16" | "float16" => HALF,
            "float32" => FLOAT32,
            _ if part == Part::Vae || !self.gpu => FLOAT32,
            _ => HALF,
        }
    }
}

impl Model {
    /// The part of `path` that a loader takes.
    pub fn of(path: &Path, facts: &ModelFacts, role: Part, precision: Precision<'_>) -> Option<Self> {
        let part = facts.parts.iter().find(|part| part.role == Some(role))?;
        let bits = precision.quantize.parse().ok().filter(|_| role != Part::Vae);
        let key = format!("{} {role:?} {} {bits:?}", path.display(), precision.width(role));
        let (config, counted, width) = (part.config.clone(), part.memory.counted, precision.width(role));
        Some(Self { key, role, counted, config, width, bits, gpu: precision.gpu })
    }

    /// Bytes of its weights; of a VAE without its encoder.
    pub fn weights(&self) -> u64 {
        self.bytes(self.counted[0])
    }

    /// Bytes of a VAE's encoder.
    pub fn encoder(&self) -> u64 {
        self.bytes(self.counted[1])
    }

    fn bytes(&self, weights: memory::Weights) -> u64 {
        if self.gpu { weights.bytes(self.width, self.bits) } else { weights.bytes_on_cpu(self.width, self.bits) }
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.config.get(name)?.as_u64()
    }

    pub fn numbers(&self, name: &str) -> Option<Vec<u64>> {
        self.config.get(name)?.as_array()?.iter().map(Value::as_u64).collect()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.config.get(name)?.as_bool()
    }
}

impl Fact {
    /// Whether a value of this kind can be it.
    pub fn is(&self, kind: &str) -> bool {
        match self {
            Self::Part(model) => part(kind).is_some_and(|part| model.role == part),
            Self::Upscaler(_) => kind == "UPSCALE_MODEL",
            Self::Pictures(_) => matches!(kind, "IMAGE" | "LATENT"),
            Self::Conditioning(_) => kind == "CONDITIONING",
        }
    }
}
