//! Nodes that make latents, sample them and keep them in files.

mod empty_latent;
mod flow;
#[cfg(test)]
mod goldens;
mod guidance;
mod latent;
mod lemica;
mod levels;
mod load_latent;
mod mask;
mod noise;
mod predictor;
mod preview;
mod sample;
mod samplers;
mod save_latent;
mod schedules;
mod set_noise_mask;
#[cfg(test)]
mod tests;
mod tile;
mod tiles;

plugin_api::export_plugin! {
    id: "sampler",
    nodes: [
        empty_latent::EmptyLatent,
        sample::Sample,
        set_noise_mask::SetNoiseMask,
        lemica::LeMiCa,
        lemica::measure::MeasureLeMiCa,
        save_latent::SaveLatent,
        load_latent::LoadLatent,
    ],
    architectures: [],
}
