//! Upscaling by RRDB networks: the network, a loader, and a node that runs any upscaler tile by tile.

mod conv;
mod load_upscaler;
mod network;
mod pixels;
mod plan;
mod rrdbnet;
#[cfg(test)]
mod tests;
mod upscale_image;

plugin_api::export_plugin! {
    id: "esrgan",
    nodes: [load_upscaler::LoadUpscaler, upscale_image::UpscaleImage],
    architectures: [rrdbnet::RrdbNet],
}
