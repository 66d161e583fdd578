use plugin_api::{Node, NodeSpec, Record, Result, Run};

use crate::apply;
use crate::row::{self, Models, Options, Row};

/// Any number of LoRAs, one after the other.
pub struct LoraStack;

impl Node for LoraStack {
    fn spec() -> NodeSpec {
        let spec = NodeSpec::new("LoraStack", "lora", "Applies several LoRAs, one after the other.")
            .link("model", "MODEL", row::MODEL_HELP)
            .optional_link("text_encoder", "TEXT_ENCODER", row::TEXT_ENCODER_HELP)
            .param("rows", row::columns(), "The LoRAs, in their order.");
        Options::describe(spec)
            .output("model", "MODEL")
            .output("text_encoder", "TEXT_ENCODER")
            .output("tags", "TEXT")
            .output("trigger_words", "TEXT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let rows = Row::active(&inputs.get::<Vec<_>>("rows")?)?;
        let tags: Vec<String> = rows.iter().map(Row::tag).collect();
        let (models, trigger_words) = apply::all(run, Models::of(inputs)?, &rows, Options::of(inputs)?)?;
        Ok(models.outputs().with("tags", tags.join(" ")).with("trigger_words", trigger_words))
    }
}
