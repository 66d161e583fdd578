//! Models in ComfyUI's files draw what the diffusers folder that they were made of draws.

use std::collections::BTreeMap;
use std::path::Path;

use image::RgbImage;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize_to_file};
use serde_json::{Map, Value};
use weft_formats::layout::{self, Part};
use weft_formats::{Dtype as Kind, Tensor};

use crate::bad_input::Place;
use crate::program::{golden, root, run, text_to_image};

/// A tensor: type, shape, bytes.
type Raw = (Dtype, Vec<usize>, Vec<u8>);
type Tensors = BTreeMap<String, Raw>;

/// The tensors of a part of a diffusers folder.
fn tensors(folder: &Path, part: Part) -> Tensors {
    let files = folder.join(part.folder()).read_dir().expect("a folder").flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
    let of_file = |path| {
        let bytes = std::fs::read(path).expect("a file");
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let raw = |(name, view): (String, TensorView<'_>)| {
            (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        };
        file.tensors().into_iter().map(raw).collect::<Vec<_>>()
    };
    files.flat_map(of_file).collect()
}

/// A part as ComfyUI's files have it.
pub fn comfyui(folder: &Path, part: Part, prefix: &str) -> Tensors {
    let tensors = tensors(folder, part);
    let header = |(name, (_, shape, _)): (&String, &Raw)| Tensor {
        name: name.clone(),
        dtype: Kind::Other,
        shape: shape.clone(),
    };
    let headers: Vec<Tensor> = tensors.iter().map(header).collect();
    let join = |joined: layout::Joined| {
        let bytes = joined.of.iter().flat_map(|name| tensors[name].2.clone()).collect();
        (format!("{prefix}{}", joined.name), (tensors[&joined.of[0]].0, joined.shape, bytes))
    };
    layout::write(part, &headers).into_iter().map(join).collect()
}

/// The text of the metadata `config`.
fn config(folder: &Path) -> String {
    let of_part = |part: Part| {
        let text = std::fs::read_to_string(folder.join(part.folder()).join("config.json")).expect("a configuration");
        (part.folder().to_owned(), serde_json::from_str(&text).expect("JSON"))
    };
    Value::Object(Part::ALL.into_iter().map(of_part).collect::<Map<_, _>>()).to_string()
}

fn save(path: &str, tensors: &Tensors, config: Option<String>) {
    std::fs::create_dir_all(Path::new(path).parent().expect("a folder")).expect("a folder");
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.clone(), TensorView::new(*dtype, shape.clone(), bytes).expect("a tensor"))
    });
    let metadata = config.map(|config| [("config".to_owned(), config)].into());
    serialize_to_file(views, metadata, Path::new(path)).expect("a file");
}

/// Every part of a folder in one file.
fn all_in_one(folder: &Path) -> Tensors {
    Part::ALL.into_iter().flat_map(|part| comfyui(folder, part, part.prefix())).collect()
}

/// A folder `models` with the model's tokenizer and nothing else.
fn place(model: &Path, tokenizer: &str) -> Place {
    let at = Place::new();
    for file in model.join("tokenizer").read_dir().expect("a tokenizer").flatten() {
        let name = file.file_name().into_string().expect("a name");
        at.write(&format!("models/{tokenizer}/{name}"), std::fs::read(file.path()).expect("a file"));
    }
    at
}

/// What a graph draws with the models of `models`.
fn drawn(models: &str, graph: &str) -> RgbImage {
    let at = Place::new();
    let graph = at.write("graph.ron", graph);
    let said = run(&["run", &graph, "--models", models, "-o", &at.path("out"), "--device", "cpu"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    image::open(at.path("out/fox.png")).expect("the picture").to_rgb8()
}

fn with_path(path: &str) -> String {
    text_to_image().replace("\"path\": \"model\"", &format!("\"path\": \"{path}\""))
}

/// The usual graph with a loader for each part.
fn apart(diffusion: &str, text_encoder: &str, vae: &str) -> String {
    let load = |id: &str, kind: &str, path: &str| {
        format!(r#""{id}": (kind: "model-loader/{kind}", inputs: {{ "path": "{path}" }}),"#)
    };
    let loaders = [
        load("model", "LoadDiffusionModel", diffusion),
        load("text", "LoadTextEncoder", text_encoder),
        load("vae", "LoadVae", vae),
    ];
    let model = r#""model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),"#;
    let graph = text_to_image().replace(model, &loaders.concat());
    graph
        .replace("Link(\"model.text_encoder\")", "Link(\"text.text_encoder\")")
        .replace("Link(\"model.vae\")", "Link(\"vae.vae\")")
}

fn expected(model: &Path) -> RgbImage {
    let folder = model.parent().expect("a folder").display().to_string();
    drawn(&folder, &with_path(model.file_name().and_then(|name| name.to_str()).expect("a name")))
}

/// One model in every way that files of it are put together.
fn check(model: &Path) {
    let expected = expected(model);
    let at = place(model, "tokenizers/some");
    save(&at.path("models/checkpoints/all.safetensors"), &all_in_one(model), Some(config(model)));
    assert!(drawn(&at.path("models"), &with_path("all.safetensors")) == expected, "one file");

    let at = place(model, "tokenizers/some");
    for (part, file) in PARTS {
        save(&at.path(&format!("models/{file}")), &comfyui(model, part, ""), Some(config(model)));
    }
    let [diffusion, text, vae] = PARTS.map(|(_, file)| file.split_once('/').expect("a folder").1);
    assert!(drawn(&at.path("models"), &apart(diffusion, text, vae)) == expected, "three files");

    let at = place(model, "split/tokenizer");
    for (part, file) in PARTS {
        save(&at.path(&format!("models/split/{file}")), &comfyui(model, part, ""), Some(config(model)));
    }
    assert!(drawn(&at.path("models"), &with_path("split")) == expected, "a folder of three files");
}

const PARTS: [(Part, &str); 3] = [
    (Part::Diffusion, "diffusion_models/some_dit.safetensors"),
    (Part::TextEncoder, "text_encoders/some_text.safetensors"),
    (Part::Vae, "vae/some_vae.safetensors"),
];

#[test]
fn the_demo_model() {
    check(&root().join("models/demo"));
}

#[test]
fn small_models_in_other_sizes_and_types() {
    for model in ["plain", "sharded", "half", "wide"] {
        check(&golden(model).join("model"));
    }
}

#[test]
fn sizes_are_told_from_shapes_alone() {
    // What shapes cannot say of the demo model is what its VAE says of itself.
    let model = root().join("models/demo");
    let at = place(&model, "tokenizers/some");
    for (part, file) in PARTS {
        let config = (part == Part::Vae).then(|| config(&model));
        save(&at.path(&format!("models/{file}")), &comfyui(&model, part, ""), config);
    }
    let [diffusion, text, vae] = PARTS.map(|(_, file)| file.split_once('/').expect("a folder").1);
    assert!(drawn(&at.path("models"), &apart(diffusion, text, vae)) == expected(&model));
}

#[test]
fn a_text_encoder_without_a_tokenizer_says_where_to_put_it() {
    let model = golden("plain").join("model");
    let at = Place::new();
    save(&at.path("models/all.safetensors"), &all_in_one(&model), Some(config(&model)));
    // One of another model does not fit.
    at.write("models/other/tokenizer/vocab.json", r#"{"a": 0, "b": 1}"#);
    at.write("models/other/tokenizer/merges.txt", "");
    let graph = at.write("graph.ron", with_path("all.safetensors"));
    let said = run(&["run", &graph, "--models", &at.path("models"), "-o", &at.path("out")]);
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    for part in ["no tokenizer fits the text encoder", "352 rows", "models/tokenizers/qwen3", "vocab.json"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}

#[test]
fn a_lora_fits_a_file_as_it_fits_the_folder() {
    let model = golden("plain").join("model");
    let at = place(&model, "tokenizers/some");
    save(&at.path("models/all.safetensors"), &all_in_one(&model), Some(config(&model)));
    let lora = golden("lora/plain/loras/style.safetensors");
    at.write("models/loras/style.safetensors", std::fs::read(lora).expect("a LoRA"));
    let folder = Place::new();
    folder.own_model("plain");
    folder.write(
        "models/loras/style.safetensors",
        std::fs::read(at.path("models/loras/style.safetensors")).expect("a LoRA"),
    );
    let with_lora = |path: &str| {
        let node = r#""lora": (kind: "lora/ApplyLora", inputs: { "model": Link("model.model"), "file": "style" }),"#;
        with_path(path)
            .replacen("\"prompt\": (", &format!("{node}\n        \"prompt\": ("), 1)
            .replace("\"model\": Link(\"model.model\"), \"positive\"", "\"model\": Link(\"lora.model\"), \"positive\"")
    };
    let expected = drawn(&folder.path("models"), &with_lora("model"));
    assert!(drawn(&at.path("models"), &with_lora("all.safetensors")) == expected);
    assert!(drawn(&at.path("models"), &with_path("all.safetensors")) != expected, "the LoRA changes nothing");
}
