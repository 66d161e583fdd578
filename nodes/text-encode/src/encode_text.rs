use plugin_api::{InputKind, Model, Node, NodeSpec, Record, Result, Run};

/// A prompt as the text encoder understands it. What it means in numbers is the architecture's business.
pub struct EncodeText;

impl Node for EncodeText {
    fn spec() -> NodeSpec {
        let text = InputKind::text("").multiline();
        NodeSpec::new("EncodeText", "text", "Turns a prompt into conditioning for a sampler.")
            .link("text_encoder", "TEXT_ENCODER", "From LoadModel or LoadTextEncoder.")
            .required_param("text", text, "What the picture shows. May be empty, for a negative prompt.")
            .output("conditioning", "CONDITIONING")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let encoder: Model = inputs.get("text_encoder")?;
        let text: String = inputs.get("text")?;
        if text.to_lowercase().contains("<lora:") {
            run.note("tags such as <lora:name:1> are read as words here; the node lora/PromptLoras applies them");
        }
        let session = encoder.open(run, &Record::new())?;
        let conditioning = session.call("encode", &Record::new().with("text", text))?;
        Ok(Record::new().with("conditioning", conditioning))
    }
}
