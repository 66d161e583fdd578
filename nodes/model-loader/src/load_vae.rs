use plugin_api::{Folder, InputKind, Node, NodeSpec, Record, Result, Role, Run};

use crate::{component, memory, precision};

/// The part of a model that turns latents into pictures and back.
pub struct LoadVae;

impl Node for LoadVae {
    fn spec() -> NodeSpec {
        let path = InputKind::file(Folder::AnyModel);
        NodeSpec::new("LoadVae", "loaders", "Loads a VAE alone.")
            .required_param("path", path, "A file, its own folder, or a diffusers folder, of which it is taken.")
            .param("precision", precision::param(), precision::HELP)
            .param("quantize", precision::quantize_param(), precision::QUANTIZE_HELP)
            .output("vae", "VAE")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let vae = component::load(run, inputs, Role::Vae)?;
        memory::note(run, &[&vae])?;
        Ok(Record::new().with("vae", vae))
    }
}
