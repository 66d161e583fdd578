//! Nodes that load models. What a model is, and by which architecture it runs, is asked of the weights, never of a
//! file's name; which architectures there are is the other plugins' business.

mod component;
mod folder;
mod load_diffusion_model;
mod load_model;
mod load_text_encoder;
mod load_vae;
mod looks_like;
mod memory;
mod place;
mod precision;
mod single;
#[cfg(test)]
mod tests;
mod tokenizer;

plugin_api::export_plugin! {
    id: "model-loader",
    nodes: [
        load_model::LoadModel,
        load_diffusion_model::LoadDiffusionModel,
        load_text_encoder::LoadTextEncoder,
        load_vae::LoadVae,
    ],
    architectures: [],
}
