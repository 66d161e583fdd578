//! What weights are, by their names, and what a wrong file is instead.

use std::path::Path;

use plugin_api::{Error, Model, Result, Role, TensorInfo, Weights};

use crate::component::title;
use crate::folder::SUPPORTED;
use crate::single::File;

/// Names of tensors, anywhere in them, and what they give away. The first that is found counts.
const SIGNS: &[(&str, &str)] = &[
    ("lora_", "a LoRA"),
    (".lora.", "a LoRA"),
    ("lokr_", "a LoRA (LoKr)"),
    ("hada_", "a LoRA (LoHa)"),
    ("siglip_embedder.", "a Z-Image Edit or Omni model, which was never released and is not supported"),
    ("model.diffusion_model.cap_embedder.", "a Z-Image checkpoint in ComfyUI's layout"),
    ("cap_embedder.", "a Z-Image diffusion model"),
    ("double_blocks.", "a FLUX model"),
    ("single_transformer_blocks.", "a FLUX model"),
    ("joint_blocks.", "a Stable Diffusion 3 model"),
    ("add_q_proj.", "a model with joint attention (Stable Diffusion 3 or Qwen-Image)"),
    ("model.diffusion_model.", "a Stable Diffusion checkpoint"),
    ("input_blocks.", "a Stable Diffusion model"),
    ("down_blocks.0.attentions.", "a Stable Diffusion model"),
    ("decoder.up_blocks.", "a VAE"),
    ("decoder.up.", "a VAE in ComfyUI's layout"),
    ("text_model.encoder.", "a CLIP text encoder"),
    ("encoder.block.", "a T5 text encoder"),
    ("layers.0.self_attn.", "a language model"),
];

const ROLES: [Role; 4] = [Role::Model, Role::TextEncoder, Role::Vae, Role::UpscaleModel];

/// The architecture that knows these weights.
pub fn architecture(role: Role, weights: &Weights, folder: &Path) -> Result<String> {
    let tensors = weights.list();
    refuse_packed(&tensors, folder)?;
    let edit_model = tensors.iter().any(|tensor| tensor.name.starts_with("siglip_embedder."));
    let known = Model::detect(role, weights).filter(|_| !edit_model);
    known.ok_or_else(|| unknown(role, &what(weights, &tensors), folder))
}

/// What to say of a file that holds no part of this role.
pub fn without(file: &File, role: Role) -> Error {
    let what = what(&file.weights, &file.weights.list());
    Error::file(format!("{} is {what}, but a {} that Weft knows is needed", file.path.display(), title(role)))
        .help(SUPPORTED)
}

fn unknown(role: Role, what: &str, folder: &Path) -> Error {
    Error::file(format!("{} holds {what}, but a {} that Weft knows is needed", folder.display(), title(role)))
        .help("give a Z-Image model; `weft nodes` lists what the plugins bring")
}

fn what(weights: &Weights, tensors: &[TensorInfo]) -> String {
    let sign = SIGNS.iter().find(|(sign, _)| tensors.iter().any(|tensor| tensor.name.contains(sign)));
    if let Some((_, what)) = sign {
        return (*what).to_owned();
    }
    let known = ROLES.into_iter().find(|role| Model::detect(*role, weights).is_some());
    known.map_or("weights of an unknown family".to_owned(), |role| format!("a {}", title(role)))
}

/// Weights that are more than plain numbers would load as nonsense.
fn refuse_packed(tensors: &[TensorInfo], folder: &Path) -> Result<()> {
    let packed = tensors.iter().find(|tensor| tensor.dtype.is_none() || tensor.name.ends_with(".scales"));
    let Some(tensor) = packed else { return Ok(()) };
    let what = if tensor.dtype.is_none() { "float8 or another packed type" } else { "quantized" };
    Err(Error::file(format!("{} is {what} (`{}`), which is not supported yet", folder.display(), tensor.name))
        .help("use the bfloat16, float16 or float32 files of the model"))
}
