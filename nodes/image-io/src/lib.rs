//! Nodes that read, write and show images.

mod decode;
mod encode;
mod exif;
mod load_image;
mod metadata;
mod parameters;
mod picture;
mod preview_image;
mod save_image;
#[cfg(test)]
mod tests;

plugin_api::export_plugin! {
    id: "image-io",
    nodes: [load_image::LoadImage, save_image::SaveImage, preview_image::PreviewImage],
    architectures: [],
}
