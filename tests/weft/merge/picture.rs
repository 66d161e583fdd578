//! Saving a whole model as it is, and drawing with what was saved.

use std::path::{Path, PathBuf};

use image::RgbImage;

use super::{path_of, run_graph, run_into, well};
use crate::bad_input::Place;
use crate::program::text_to_image;

/// A graph that saves `model`, loaded and saved with these inputs.
pub fn saving(load: &str, save: &str) -> String {
    let name = if save.contains("\"name\"") { "" } else { r#""name": "mix","# };
    format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "model", {load} }}),
            "save": (kind: "model-merge/SaveModel", inputs: {{ "model": Link("model.model"),
                "text_encoder": Link("model.text_encoder"), "vae": Link("model.vae"), {name} {save} }}),
        }})"#
    )
}

/// Where `models/model` of the place is saved.
pub fn save(at: &Place, load: &str, save: &str) -> PathBuf {
    path_of(run_graph(at, &saving(load, save), &[]))
}

/// What the usual graph draws with the model at `path`, loaded with these inputs.
pub fn draw(at: &Place, path: &Path, load: &str) -> RgbImage {
    let graph = text_to_image().replace(r#""path": "model""#, &format!(r#""path": "{}", {load}"#, path.display()));
    let pictures = Place::new();
    well(run_into(at, &pictures.path("out"), &graph, &[]));
    image::open(pictures.path("out/fox.png")).expect("the picture").to_rgb8()
}
