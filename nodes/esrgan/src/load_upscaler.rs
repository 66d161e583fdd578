use plugin_api::{Error, Folder, InputKind, Model, Node, NodeSpec, Record, Result, Role, Run, Weights};

use crate::rrdbnet;

/// A file as an upscaler.
pub struct LoadUpscaler;

impl Node for LoadUpscaler {
    fn spec() -> NodeSpec {
        let file = InputKind::file(Folder::models("upscale_models")).extensions(&["safetensors", "pth"]);
        NodeSpec::new("LoadUpscaler", "loaders", "Loads a network that makes pictures larger: ESRGAN, Real-ESRGAN.")
            .required_param("file", file, "A file below models/upscale_models.")
            .output("upscale_model", "UPSCALE_MODEL")
    }

    /// Only names and shapes are read here. The network is built when it is first used, and stays as long as this output.
    fn run(_: &Run, inputs: &Record) -> Result<Record> {
        let path: String = inputs.get("file")?;
        let weights = Weights::open(&path)?;
        let architecture = Model::detect(Role::UpscaleModel, &weights).ok_or_else(|| refused(&path, &weights))?;
        Ok(Record::new().with("upscale_model", Model::new(&architecture, "", &weights)?))
    }
}

fn refused(path: &str, weights: &Weights) -> Error {
    let what = rrdbnet::read(weights).err().map_or_else(|| "unknown".to_owned(), |refusal| refusal.to_string());
    Error::file(format!("{path} is {what}; Weft reads RRDB networks (ESRGAN, Real-ESRGAN, BSRGAN)"))
        .help("use an upscaler of that architecture, or a plugin that brings the other one")
}
