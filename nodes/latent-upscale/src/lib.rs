//! A node that makes latents larger.

mod upscale_latent;

plugin_api::export_plugin! {
    id: "latent-upscale",
    nodes: [upscale_latent::UpscaleLatent],
    architectures: [],
}
