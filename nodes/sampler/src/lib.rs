//! Nodes that make latents, sample them and keep them in files.

mod empty_latent;
mod latent;
mod lemica;
mod load_latent;
mod noise;
mod predictor;
mod preview;
mod sample;
mod sampler;
mod save_latent;
mod schedule;
#[cfg(test)]
mod tests;

plugin_api::export_plugin! {
    id: "sampler",
    nodes: [empty_latent::EmptyLatent, sample::Sample, save_latent::SaveLatent, load_latent::LoadLatent, lemica::LeMiCa],
    architectures: [],
}
