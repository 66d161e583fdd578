use plugin_api::{Folder, InputKind, Node, NodeSpec, Record, Result, Role, Run};

use crate::{component, memory, precision};

/// The part of a model that draws.
pub struct LoadDiffusionModel;

impl Node for LoadDiffusionModel {
    fn spec() -> NodeSpec {
        let path = InputKind::file(Folder::AnyModel);
        NodeSpec::new("LoadDiffusionModel", "loaders", "Loads a diffusion model alone.")
            .required_param("path", path, "A file, its own folder, or a diffusers folder, of which it is taken.")
            .param("precision", precision::param(), precision::HELP)
            .param("quantize", precision::quantize_param(), precision::QUANTIZE_HELP)
            .output("model", "MODEL")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let model = component::load(run, inputs, Role::Model)?;
        memory::note(run, &[&model])?;
        Ok(Record::new().with("model", model))
    }
}
