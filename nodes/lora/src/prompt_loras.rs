use plugin_api::{Folder, InputKind, Node, NodeSpec, Record, Result, Run};

use crate::apply;
use crate::row::{self, Models, Options, Row};

/// The LoRAs that a prompt names in tags, as other programs write them.
pub struct PromptLoras;

impl Node for PromptLoras {
    fn spec() -> NodeSpec {
        let prompt = InputKind::prompt(Folder::models("loras")).extensions(&["safetensors"]);
        let help = "Applies the LoRAs that a prompt names as <lora:name:weight>, and takes these tags out of it.";
        let spec = NodeSpec::new("PromptLoras", "lora", help)
            .link("model", "MODEL", row::MODEL_HELP)
            .optional_link("text_encoder", "TEXT_ENCODER", row::TEXT_ENCODER_HELP)
            .required_param(
                "prompt",
                prompt,
                "What the picture shows; <lora:name> or <lora:name:weight> anywhere in it.",
            );
        Options::describe(spec)
            .output("model", "MODEL")
            .output("text_encoder", "TEXT_ENCODER")
            .output("text", "TEXT")
            .output("trigger_words", "TEXT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let prompt: Record = inputs.get("prompt")?;
        let rows = Row::active(&prompt.get::<Vec<_>>("rows")?)?;
        let (models, trigger_words) = apply::all(run, Models::of(inputs)?, &rows, Options::of(inputs)?)?;
        Ok(models.outputs().with("text", prompt.get::<String>("text")?).with("trigger_words", trigger_words))
    }
}
