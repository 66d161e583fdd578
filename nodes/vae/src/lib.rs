//! Nodes between latents and images.

mod decode_latent;
mod encode_image;
mod fit;
#[cfg(test)]
mod tests;
mod tile;

plugin_api::export_plugin! {
    id: "vae",
    nodes: [decode_latent::DecodeLatent, encode_image::EncodeImage],
    architectures: [],
}
