use plugin_api::{Dtype, InputKind, Model, Node, NodeSpec, Record, Result, Role, Run};

use crate::save::{self, Part, Precision};

/// A model with everything that was applied to it, as files that other programs read too.
pub struct SaveModel;

impl Node for SaveModel {
    fn spec() -> NodeSpec {
        NodeSpec::new("SaveModel", "merge", "Saves a model with all LoRAs and merges in its weights.")
            .link("model", "MODEL", "The diffusion model.")
            .optional_link("text_encoder", "TEXT_ENCODER", "Saved beside it, with its tokenizer.")
            .optional_link("vae", "VAE", "Saved beside it.")
            .required_param("name", InputKind::text(""), "The new folder's name, below the output folder.")
            .param("layout", InputKind::choice(&["diffusers", "comfyui"]), LAYOUT_HELP)
            .param("precision", InputKind::choice(&["float16", "bfloat16", "float32"]), PRECISION_HELP)
            .output("path", "TEXT")
            .sink()
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let precision: String = inputs.get("precision")?;
        let dtype = match precision.as_str() {
            "float32" => Dtype::Float32,
            "bfloat16" => Dtype::Bfloat16,
            _ => Dtype::Float16,
        };
        let precision = Precision { name: precision, dtype };
        let mut parts = vec![Part::new(Role::Model, inputs.get("model")?, &precision)?];
        for (input, role) in [("text_encoder", Role::TextEncoder), ("vae", Role::Vae)] {
            let model: Option<Model> = inputs.find(input)?;
            parts.extend(model.map(|model| Part::new(role, model, &precision)).transpose()?);
        }
        let path =
            save::save(run, &inputs.get::<String>("name")?, &inputs.get::<String>("layout")?, &parts, &precision)?;
        Ok(Record::new().with("path", path))
    }
}

const LAYOUT_HELP: &str =
    "diffusers: a folder for each part. comfyui: one file with all that is linked, or with the diffusion model alone.";
const PRECISION_HELP: &str = "The type of all numbers in the files. They are computed from the loaded files in float64 or float32 \
    and rounded to it once, whatever type the model runs in.";
