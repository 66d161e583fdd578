use plugin_api::{Folder, InputKind, Node, NodeSpec, Record, Result, Role, Run};

use crate::{component, memory, precision};

/// The part of a model that reads the prompt.
pub struct LoadTextEncoder;

impl Node for LoadTextEncoder {
    fn spec() -> NodeSpec {
        let path = InputKind::file(Folder::AnyModel);
        NodeSpec::new("LoadTextEncoder", "loaders", "Loads a text encoder and its tokenizer alone.")
            .required_param("path", path, "A file, its own folder, or a diffusers folder, of which it is taken.")
            .param("precision", precision::param(), precision::HELP)
            .param("quantize", precision::quantize_param(), precision::QUANTIZE_HELP)
            .output("text_encoder", "TEXT_ENCODER")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let text_encoder = component::load(run, inputs, Role::TextEncoder)?;
        memory::note(run, &[&text_encoder])?;
        Ok(Record::new().with("text_encoder", text_encoder))
    }
}
