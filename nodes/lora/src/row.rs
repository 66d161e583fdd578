//! What the nodes are asked for: files with their weights, and how to apply them.

use std::path::Path;

use plugin_api::{InputKind, InputSpec, Model, NodeSpec, Record, Result, Value};

/// A file and how strongly it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Absolute.
    pub file: String,
    /// Factor of the change; negative ones turn it round.
    pub weight: f64,
}

impl Row {
    /// The rows that are on, have a file and change something.
    pub fn active(rows: &[Value]) -> Result<Vec<Self>> {
        let read = |value: &Value| -> Result<Option<Self>> {
            let row = Record::new().with("row", value.clone()).get::<Record>("row")?;
            let file: Option<String> = row.find("file")?;
            Self::if_active(row.get("enabled")?, file, row.get("weight")?)
        };
        rows.iter().filter_map(|row| read(row).transpose()).collect()
    }

    pub fn if_active(enabled: bool, file: Option<String>, weight: f64) -> Result<Option<Self>> {
        Ok(file.filter(|_| enabled && weight != 0.0).map(|file| Self { file, weight }))
    }

    /// The file's name without its folder and ending.
    pub fn name(&self) -> String {
        Path::new(&self.file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// For those who save what it was applied to.
    pub fn told(&self) -> Record {
        Record::new().with("apply", "lora").with("file", self.file.as_str()).with("weight", self.weight)
    }

    /// As it is typed into prompts.
    pub fn tag(&self) -> String {
        format!("<lora:{}:{}>", self.name(), self.weight)
    }
}

/// What is changed. Without a text encoder, changes of one count as not applied.
#[derive(Debug, Clone)]
pub struct Models {
    pub model: Model,
    pub text_encoder: Option<Model>,
}

impl Models {
    pub fn of(inputs: &Record) -> Result<Self> {
        Ok(Self { model: inputs.get("model")?, text_encoder: inputs.find("text_encoder")? })
    }

    pub fn outputs(self) -> Record {
        let text_encoder = self.text_encoder.map_or_else(Value::null, Value::from);
        Record::new().with("model", self.model).with("text_encoder", text_encoder)
    }
}

/// How changes are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Auto,
    /// Beside the weights wherever that is possible.
    Live,
    /// In a copy of the weights.
    Merged,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub mode: Mode,
    /// Leave out what does not fit.
    pub allow_partial: bool,
}

impl Options {
    pub fn of(inputs: &Record) -> Result<Self> {
        let mode = match inputs.get::<String>("mode")?.as_str() {
            "live" => Mode::Live,
            "merged" => Mode::Merged,
            _ => Mode::Auto,
        };
        Ok(Self { mode, allow_partial: inputs.get("allow_partial")? })
    }

    /// The inputs that [`Options::of`] reads.
    pub fn describe(spec: NodeSpec) -> NodeSpec {
        let mode = InputKind::choice(&["auto", "live", "merged"]);
        spec.param("allow_partial", InputKind::bool(false), PARTIAL_HELP).param("mode", mode, MODE_HELP)
    }
}

const PARTIAL_HELP: &str =
    "Apply what fits, where some of a file does not. Off, that is an error which names what does not.";
const MODE_HELP: &str = "live: beside the weights, which stay as they are; a new strength costs nothing, a step a little more. \
    merged: in a copy of the weights; steps are as fast as without. auto: live, but merged where live would cost a layer more than \
    a sixteenth of its work, and for kinds that are no product of two small matrices.";

pub const MODEL_HELP: &str = "From a loader or another LoRA.";
pub const TEXT_ENCODER_HELP: &str = "Needed for LoRAs that change the text encoder as well.";

pub fn file() -> InputKind {
    InputKind::file(plugin_api::Folder::models("loras")).extensions(&["safetensors"])
}

pub fn weight() -> InputKind {
    InputKind::float(1.0, (-100.0, 100.0), 0.05).soft(-2, 2)
}

/// The columns of a stack.
pub fn columns() -> InputKind {
    InputKind::rows(vec![
        InputSpec::new("enabled", InputKind::bool(true), "Whether the row counts."),
        InputSpec::new("file", file(), "A file below models/loras."),
        InputSpec::new("weight", weight(), "How strongly; 0 is not at all, below 0 the opposite."),
    ])
}
