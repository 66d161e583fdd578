//! `weft models`, folders of ComfyUI, and models that are found by their hash.

mod by_hash;
mod folders;
mod refused;

use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use weft_formats::layout::Part;

use crate::bad_input::{Place, copy};
use crate::program::{golden, root, run_well};
use crate::single_file::{all_in_one, comfyui, config, save};

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&run_well(arguments).stdout).expect("JSON")
}

/// A folder `models` with one of everything.
fn one_of_everything() -> Place {
    let (at, model) = (Place::new(), golden("plain").join("model"));
    copy(&model, Path::new(&at.path("models/whole")));
    copy(&model, Path::new(&at.path("models/models--some--model/snapshots/abc")));
    at.write("models/models--some--model/refs/main", "abc");
    save(&at.path("models/checkpoints/all.safetensors"), &all_in_one(&model), Some(config(&model)));
    for (part, file) in [
        (Part::Diffusion, "diffusion_models/sub/dit"),
        (Part::TextEncoder, "clip/text"),
        (Part::Vae, "vae/ae"),
        (Part::Diffusion, "mine/weights"),
        (Part::TextEncoder, "mine/text_encoder"),
        (Part::Vae, "mine/vae"),
    ] {
        save(&at.path(&format!("models/{file}.safetensors")), &comfyui(&model, part, ""), None);
    }
    let file = |from: &Path, to: &str| drop(at.write(to, read(&from.display().to_string())));
    file(&golden("lora/plain/loras/style.safetensors"), "models/loras/styles/style.safetensors");
    file(&root().join("models/upscale_models/demo_x4.safetensors"), "models/upscale_models/x4.safetensors");
    file(&root().join("models/schedules/demo-8.json"), "models/schedules/demo-8.json");
    file(&golden("packed").join("blocks.gguf"), "models/other/blocks.gguf");
    at.write("models/diffusion_models/page.safetensors", "<!DOCTYPE html><html></html>");
    at.write("models/vae/README.md", "about it");
    at
}

/// The rows of the models below `at`, by name; the demo model lies in another root.
fn rows(at: &Place, more: &[&str]) -> std::collections::BTreeMap<String, Value> {
    let said = json(&[&["models", "--json", "--models", &at.path("models")], more].concat());
    let rows = said["models"].as_array().expect("a list").iter();
    let here = rows.filter(|row| row["path"].as_str().is_some_and(|path| path.starts_with(&at.path(""))));
    here.map(|row| (row["name"].as_str().expect("a name").to_owned(), row.clone())).collect()
}

#[test]
fn the_list_says_what_everything_is() {
    let at = one_of_everything();
    let rows = rows(&at, &[]);
    let said: Vec<[&str; 4]> = rows
        .iter()
        .map(|(name, row)| {
            let text = |key: &str| row[key].as_str().unwrap_or("none");
            [name, text("kind"), text("layout"), text("dtype")]
        })
        .collect();
    let lora = "diffusers names, `diffusion_model.` in front, lora_A/lora_B, alpha in the file";
    let lora = rows["loras/styles/style.safetensors"]["layout"].as_str().unwrap_or(lora);
    let upscaler = rows["upscale_models/x4.safetensors"]["layout"].as_str().expect("a layout");
    assert!(upscaler.starts_with("RRDB, 4×"), "{upscaler}");
    let expected = [
        ["checkpoints/all.safetensors", "whole model", "all in one file", "f32"],
        ["clip/text.safetensors", "text encoder", "one file", "f32"],
        ["diffusion_models/page.safetensors", "none", "none", "none"],
        ["diffusion_models/sub/dit.safetensors", "diffusion model", "one file", "f32"],
        ["loras/styles/style.safetensors", "LoRA", lora, "bf16"],
        ["mine", "whole model", "folder of split files", "f32"],
        ["models--some--model", "whole model", "Hugging Face cache", "f32"],
        [
            "other/blocks.gguf",
            "unknown",
            "one file, GGUF",
            rows["other/blocks.gguf"]["dtype"].as_str().expect("a type"),
        ],
        ["schedules/demo-8.json", "schedule", "calibration of 8 steps", ""],
        ["upscale_models/x4.safetensors", "upscaler", upscaler, "f16"],
        ["vae/ae.safetensors", "VAE", "one file", "f32"],
        ["whole", "whole model", "diffusers folder", "f32"],
    ];
    assert_eq!(said, expected);
    assert!(rows["diffusion_models/page.safetensors"]["error"]["what"].as_str().unwrap().contains("is a web page"));
    let file = "diffusion_models/sub/dit.safetensors";
    let bytes = read(&at.path(&format!("models/{file}")));
    assert_eq!(rows[file]["sha256"], sha256(&bytes));
    assert_eq!(rows[file]["bytes"], bytes.len());
    assert_eq!(rows["whole"]["sha256"], rows["models--some--model"]["sha256"]);
}

#[test]
fn the_table_is_for_people() {
    let at = one_of_everything();
    let said = run_well(&["models", "--models", &at.path("models")]).stdout;
    let line =
        |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {said}"));
    assert!(line("name").contains("SHA-256"), "{said}");
    let bytes = read(&at.path("models/vae/ae.safetensors"));
    for part in ["VAE", "one file", "f32", " kB", &sha256(&bytes)[..12]] {
        assert!(line("vae/ae.safetensors").contains(part), "no word of {part}: {said}");
    }
    assert!(line("diffusion_models/page").contains("unreadable") && said.contains("it is a web page"), "{said}");
}

#[test]
fn a_broken_file_of_a_folder_is_named_below_it() {
    let at = Place::new();
    copy(&golden("plain/model"), Path::new(&at.path("models/model")));
    at.write("models/model/transformer/diffusion_pytorch_model.safetensors", b"cut");
    let said = run_well(&["models", "--models", &at.path("models")]).stdout;
    assert!(said.contains("  transformer/diffusion_pytorch_model.safetensors "), "{said}");
}

/// The hash of a folder is that of the list that `sha256sum` prints of its weights and configurations.
#[test]
fn a_folder_has_the_hash_of_its_list() {
    let at = one_of_everything();
    let folder = golden("plain").join("model");
    let mut names = Vec::new();
    let mut waiting = vec![folder.clone()];
    while let Some(at) = waiting.pop() {
        for path in at.read_dir().expect("a folder").flatten().map(|entry| entry.path()) {
            let name = path.strip_prefix(&folder).expect("below").display().to_string();
            let counts = [".safetensors", ".json", "merges.txt"].iter().any(|ending| name.ends_with(ending));
            if path.is_dir() {
                waiting.push(path)
            } else if counts {
                names.push(name)
            }
        }
    }
    names.sort();
    let line = |name: &String| format!("{}  {name}\n", sha256(&std::fs::read(folder.join(name)).expect("a file")));
    let list: String = names.iter().map(line).collect();
    assert_eq!(rows(&at, &[])["whole"]["sha256"], sha256(list.as_bytes()));
}

#[test]
fn hashes_are_computed_when_they_are_wanted() {
    let at = Place::new();
    // Another file in each run of the tests: what was hashed before is known.
    let unique = at.path("");
    at.write("models/a.safetensors", format!("no model {unique}"));
    assert_eq!(rows(&at, &["--no-hash"])["a.safetensors"]["sha256"], Value::Null);
    let hash = sha256(&read(&at.path("models/a.safetensors")));
    assert_eq!(rows(&at, &[])["a.safetensors"]["sha256"], hash);
    assert_eq!(rows(&at, &["--no-hash"])["a.safetensors"]["sha256"], hash, "it is kept");
    at.write("models/a.safetensors", "another file");
    assert_eq!(rows(&at, &["--no-hash"])["a.safetensors"]["sha256"], Value::Null, "but not for another file");
}

#[test]
fn one_model_in_detail() {
    let at = one_of_everything();
    let models = at.path("models");
    let show = |name: &str| json(&["models", name, "--json", "--models", &models]);
    let whole = show("whole");
    let parts: Vec<&str> =
        whole["parts"].as_array().unwrap().iter().map(|part| part["part"].as_str().unwrap()).collect();
    assert_eq!(parts, ["diffusion model", "text encoder", "VAE"]);
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value}"));
    let memory = &whole["memory"];
    assert_eq!(number(&memory["float32"]), number(&whole["parameters"]) * 4);
    assert_eq!(memory["own"], memory["float32"]);
    let vae = &whole["parts"][2];
    let rest = number(&whole["parameters"]) - number(&vae["parameters"]);
    assert_eq!(number(&memory["bfloat16"]), rest * 2 + number(&vae["parameters"]) * 4, "a VAE stays float32");
    assert!(number(&memory["bits"]["4"]) <= number(&memory["bits"]["8"]));
    assert!(number(&whole["free_memory"]) > 0);
    assert_eq!(whole["parts"][0]["config"]["_class_name"], "ZImageTransformer2DModel");
    for name in ["all", "checkpoints/all.safetensors", &at.path("models/checkpoints/all.safetensors")] {
        assert_eq!(show(name)["parameters"], whole["parameters"], "{name}");
    }
    std::fs::remove_dir_all(at.path("models/whole/vae")).expect("a folder");
    let said = run_well(&["models", "whole", "--models", &models]).stdout;
    for part in [
        "lacks          vae/",
        "diffusers folder",
        "diffusion model (transformer)",
        "with 4 bits",
        "n_layers 2",
        "free",
    ] {
        assert!(said.contains(part), "no word of {part}: {said}");
    }
    // Files for MLX leave them out.
    let mut tensors = comfyui(&golden("plain").join("model"), Part::Diffusion, "");
    tensors.retain(|name, _| !name.ends_with("pad_token"));
    save(&at.path("models/diffusion_models/no_pad.safetensors"), &tensors, None);
    assert_eq!(show("no_pad")["missing"], serde_json::json!(["x_pad_token", "cap_pad_token"]));
}
