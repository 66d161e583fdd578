use std::path::Path;

use plugin_api::{Folder, InputKind, Node, NodeSpec, Record, Result, Role, Run};

use crate::{component, memory, place, precision};

/// A whole model: what draws, what reads the prompt, and what turns latents into pictures.
pub struct LoadModel;

impl Node for LoadModel {
    fn spec() -> NodeSpec {
        let path = InputKind::file(Folder::AnyModel);
        NodeSpec::new("LoadModel", "loaders", "Loads a whole model: diffusion model, text encoder and VAE.")
            .required_param(
                "path",
                path,
                "A diffusers folder, a file with all parts, or a folder of such files, below models/.",
            )
            .param("precision", precision::param(), precision::HELP)
            .param("quantize", precision::quantize_param(), precision::QUANTIZE_HELP)
            .output("model", "MODEL")
            .output("text_encoder", "TEXT_ENCODER")
            .output("vae", "VAE")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        place::check_whole_model(Path::new(&inputs.get::<String>("path")?))?;
        let model = component::load(run, inputs, Role::Model)?;
        let text_encoder = component::load(run, inputs, Role::TextEncoder)?;
        let vae = component::load(run, inputs, Role::Vae)?;
        memory::note(run, &[&model, &text_encoder, &vae])?;
        Ok(Record::new().with("model", model).with("text_encoder", text_encoder).with("vae", vae))
    }
}
