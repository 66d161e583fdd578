use plugin_api::{Error, InputKind, Model, Node, NodeSpec, Record, Result, Role, Run};

use crate::save::{self, Form, Part, Precision};

/// A model with everything that was applied to it, as files that other programs read too.
pub struct SaveModel;

impl Node for SaveModel {
    fn spec() -> NodeSpec {
        NodeSpec::new("SaveModel", "merge", "Saves a model with all LoRAs and merges in its weights.")
            .link("model", "MODEL", "The diffusion model.")
            .optional_link("text_encoder", "TEXT_ENCODER", "Saved beside it, with its tokenizer.")
            .optional_link("vae", "VAE", "Saved beside it.")
            .required_param("name", InputKind::text(""), "The new folder's name, below the output folder.")
            .param("layout", InputKind::choice(&["diffusers", "comfyui", "mlx"]), LAYOUT_HELP)
            .param("precision", InputKind::choice(&Precision::NAMES), PRECISION_HELP)
            .param("file_size", InputKind::float(10.0, (0.0001, 1000.0), 1.0), FILE_SIZE_HELP)
            .output("path", "TEXT")
            .sink()
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let form = form(inputs)?;
        let mut parts = vec![Part::new(Role::Model, inputs.get("model")?, &form.precision)?];
        for (input, role) in [("text_encoder", Role::TextEncoder), ("vae", Role::Vae)] {
            let model: Option<Model> = inputs.find(input)?;
            parts.extend(model.map(|model| Part::new(role, model, &form.precision)).transpose()?);
        }
        let path = save::save(run, &inputs.get::<String>("name")?, &form, &parts)?;
        Ok(Record::new().with("path", path))
    }
}

fn form(inputs: &Record) -> Result<Form> {
    let (layout, precision): (String, String) = (inputs.get("layout")?, inputs.get("precision")?);
    let precision = Precision::named(&precision);
    if let Some(bits) = precision.bits.filter(|_| layout != "mlx") {
        let what = format!("`precision` is {bits} bits, which the layout `{layout}` does not have");
        return Err(Error::invalid(what).help("set `layout` to mlx, or `precision` to float16, bfloat16 or float32"));
    }
    let shard_bytes = inputs.get::<f64>("file_size")? * GIGABYTE;
    Ok(Form { layout, precision, shard_bytes: shard_bytes as u64 })
}

const GIGABYTE: f64 = 1e9;

const LAYOUT_HELP: &str = "diffusers: a folder for each part. comfyui: one file with all that is linked, or with the diffusion model alone. \
    mlx: a folder as mflux writes it.";
const PRECISION_HELP: &str = "The type of all numbers in the files. They are computed from the loaded files in float64 or float32 \
    and rounded to it once, whatever type the model runs in. 8, 6, 4: for mlx, matrices are packed to so many bits as a loader's \
    `quantize` packs them, and all else, scales too, has the type that the model runs in.";
const FILE_SIZE_HELP: &str = "Gigabytes: the weights of a part that are larger are cut into several files with an index. \
    One for ComfyUI is never cut.";
