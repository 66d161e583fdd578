//! ComfyUI's folders, and its list of further ones.

use weft_formats::layout::Part;

use super::json;
use crate::bad_input::Place;
use crate::program::{golden, run, text_to_image};
use crate::single_file::{apart, comfyui, config, place, save};

/// The parts of a small model in an installation of ComfyUI whose models lie on several disks.
fn installation() -> Place {
    let model = golden("plain").join("model");
    let at = place(&model, "tokenizers/some");
    for (part, file) in
        [(Part::Diffusion, "disk/unet/dit"), (Part::TextEncoder, "models/clip/text"), (Part::Vae, "disk/more/vae/ae")]
    {
        save(&at.path(&format!("{file}.safetensors")), &comfyui(&model, part, ""), Some(config(&model)));
    }
    at
}

const LIST: &str = "disk:\n  base_path: disk\n  is_default: true\n  unet: unet\n  vae: |\n    nowhere\n    more/vae\n";

fn drawn(at: &Place, more: &[&str]) -> crate::program::Said {
    let graph = at.write("graph.ron", apart("dit.safetensors", "text.safetensors", "ae.safetensors"));
    let arguments = ["run", &graph, "--models", &at.path("models"), "-o", &at.path("out"), "--device", "cpu"];
    run(&[&arguments[..], more].concat())
}

#[test]
fn a_list_beside_models_is_read() {
    let at = installation();
    let said = drawn(&at, &[]);
    assert!(said.code == Some(4) && said.stderr.contains("`dit.safetensors` is in none of"), "{}", said.stderr);
    at.write("extra_model_paths.yaml", LIST);
    let said = drawn(&at, &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let list = json(&["models", "--json", "--models", &at.path("models")]);
    let names: Vec<&str> = list["models"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    for name in ["clip/text.safetensors", "unet/dit.safetensors", "vae/ae.safetensors"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[test]
fn a_list_can_be_named_anywhere() {
    let at = installation();
    let list = at.write("lists/mine.yaml", LIST.replace("base_path: disk", "base_path: ../disk"));
    for flag in ["--extra-model-paths", "--extra-model-paths-config"] {
        let said = drawn(&at, &[flag, &list]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
}

#[test]
fn the_usual_graph_still_names_its_model() {
    let at = Place::new();
    at.own_model("plain");
    at.write("extra_model_paths.yaml", "# nothing yet\n");
    let graph = at.write("graph.ron", text_to_image());
    assert_eq!(run(&["check", &graph, "--models", &at.path("models")]).code, Some(0));
}
