use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run};

use crate::apply;
use crate::row::{self, Models, Options, Row};

/// One LoRA on a model, and on its text encoder where the file changes that too.
pub struct ApplyLora;

impl Node for ApplyLora {
    fn spec() -> NodeSpec {
        let spec = NodeSpec::new(
            "ApplyLora",
            "lora",
            "Applies a LoRA: a small file that teaches a model a style or a subject.",
        )
        .link("model", "MODEL", row::MODEL_HELP)
        .optional_link("text_encoder", "TEXT_ENCODER", row::TEXT_ENCODER_HELP)
        .required_param("file", row::file(), "A file below models/loras.")
        .param("weight", row::weight(), "How strongly; 0 is not at all, below 0 the opposite.")
        .param("enabled", InputKind::bool(true), "Off, everything passes through unchanged.");
        Options::describe(spec)
            .output("model", "MODEL")
            .output("text_encoder", "TEXT_ENCODER")
            .output("trigger_words", "TEXT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let row = Row::if_active(inputs.get("enabled")?, inputs.find("file")?, inputs.get("weight")?)?;
        let (models, trigger_words) = apply::all(run, Models::of(inputs)?, row.as_slice(), Options::of(inputs)?)?;
        Ok(models.outputs().with("trigger_words", trigger_words))
    }
}
