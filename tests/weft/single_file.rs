//! Models in ComfyUI's files draw what the diffusers folder that they were made of draws.

use std::collections::BTreeMap;
use std::path::Path;

use image::RgbImage;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize_to_file};
use serde_json::{Map, Value};
use weft_formats::layout::{self, Part};
use weft_formats::{Dtype as Kind, Tensor, float};

use crate::bad_input::Place;
use crate::program::{golden, root, run, text_to_image};

/// A tensor: type, shape, bytes.
pub type Raw = (Dtype, Vec<usize>, Vec<u8>);
pub type Tensors = BTreeMap<String, Raw>;

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
pub fn config(folder: &Path) -> String {
    let of_part = |part: Part| {
        let text = std::fs::read_to_string(folder.join(part.folder()).join("config.json")).expect("a configuration");
        (part.folder().to_owned(), serde_json::from_str(&text).expect("JSON"))
    };
    Value::Object(Part::ALL.into_iter().map(of_part).collect::<Map<_, _>>()).to_string()
}

pub fn save(path: &str, tensors: &Tensors, config: Option<String>) {
    std::fs::create_dir_all(Path::new(path).parent().expect("a folder")).expect("a folder");
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.clone(), TensorView::new(*dtype, shape.clone(), bytes).expect("a tensor"))
    });
    let metadata = config.map(|config| [("config".to_owned(), config)].into());
    serialize_to_file(views, metadata, Path::new(path)).expect("a file");
}

/// Every part of a folder in one file.
pub fn all_in_one(folder: &Path) -> Tensors {
    Part::ALL.into_iter().flat_map(|part| comfyui(folder, part, part.prefix())).collect()
}

/// A folder `models` with the model's tokenizer and nothing else.
pub fn place(model: &Path, tokenizer: &str) -> Place {
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
pub fn apart(diffusion: &str, text_encoder: &str, vae: &str) -> String {
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

/// The nearest number of float8, and what it is.
fn float8(number: f32) -> (u8, f32) {
    let value = |byte: u8| float::read(Kind::Float8E4M3, &[byte]) as f32;
    let near = |byte: &u8| (value(*byte) - number).abs();
    let byte = (0..=u8::MAX).filter(|byte| !value(*byte).is_nan()).min_by(|a, b| near(a).total_cmp(&near(b)));
    let byte = byte.expect("a number");
    (byte, value(byte))
}

/// Matrices in float8 by `scale`, the same widened again, and everything else as it is.
fn in_float8(tensors: Tensors, scale: f32) -> (Tensors, Tensors) {
    let (mut packed, mut widened) = (tensors.clone(), tensors.clone());
    for (name, (dtype, shape, bytes)) in tensors {
        if shape.len() != 2 || !name.contains("layers.") || !name.ends_with(".weight") {
            continue;
        }
        assert_eq!(dtype, Dtype::F32);
        let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let (small, wide): (Vec<u8>, Vec<f32>) = numbers.map(|number| float8(number / scale)).unzip();
        let wide = wide.into_iter().flat_map(|number| (number * scale).to_le_bytes()).collect();
        packed.insert(name.clone(), (Dtype::F8_E4M3, shape.clone(), small));
        let base = name.strip_suffix("weight").expect("a weight");
        if scale != 1.0 {
            packed.insert(format!("{base}scale_weight"), (Dtype::F32, Vec::new(), scale.to_le_bytes().to_vec()));
        }
        widened.insert(name, (Dtype::F32, shape, wide));
    }
    (packed, widened)
}

#[test]
fn float8_draws_what_its_numbers_draw() {
    let model = golden("plain").join("model");
    for scale in [1.0, 0.0123] {
        let (packed, widened) = in_float8(all_in_one(&model), scale);
        let picture = |tensors: &Tensors| {
            let at = place(&model, "tokenizers/some");
            save(&at.path("models/all.safetensors"), tensors, Some(config(&model)));
            drawn(&at.path("models"), &with_path("all.safetensors"))
        };
        assert!(picture(&packed) == picture(&widened), "scale {scale}");
    }
}

#[test]
fn a_folder_for_mlx_with_names_of_its_own() {
    let model = root().join("models/demo");
    let at = place(&model, "app/tokenizer");
    let without_index = |name: &str| {
        let list =
            [("to_out.0.", "to_out."), ("adaLN_modulation.0.", "adaLN_modulation."), ("modulation.1.", "modulation.")];
        list.iter().fold(name.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs))
    };
    let diffusion: Tensors =
        tensors(&model, Part::Diffusion).into_iter().map(|(name, raw)| (without_index(&name), raw)).collect();
    save(&at.path("models/app/weights.safetensors"), &diffusion, None);
    save(&at.path("models/app/text_encoder.safetensors"), &tensors(&model, Part::TextEncoder), None);
    let vae = tensors(&model, Part::Vae).into_iter().map(|(name, raw)| (name, channels_last(raw))).collect();
    save(&at.path("models/app/vae.safetensors"), &vae, Some(config(&model)));
    at.write("models/app/config.json", r#"{"model_type": "z-image"}"#);
    assert!(drawn(&at.path("models"), &with_path("app")) == expected(&model));
    // One without the tokens that pad image and caption.
    let diffusion = diffusion_without(&diffusion, "pad_token");
    save(&at.path("models/app/weights.safetensors"), &diffusion, None);
    let graph = at.write("graph.ron", with_path("app"));
    let said = run(&["run", &graph, "--models", &at.path("models"), "-o", &at.path("out")]);
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    for part in ["lack 2 tensors", "`x_pad_token`", "`cap_pad_token`"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}

/// A convolution's `[out, in, h, w]` as MLX has it: `[out, h, w, in]`.
fn channels_last((dtype, shape, bytes): Raw) -> Raw {
    let [outputs, inputs, height, width] = shape[..] else { return (dtype, shape, bytes) };
    let (size, window) = (bytes.len() / shape.iter().product::<usize>(), height * width);
    let number = |output: usize, at: usize, input: usize| {
        let start = ((output * inputs + input) * window + at) * size;
        &bytes[start..start + size]
    };
    let places = (0..outputs).flat_map(|output| (0..window).map(move |at| (output, at)));
    let turned = places.flat_map(|(output, at)| (0..inputs).flat_map(move |input| number(output, at, input)));
    (dtype, vec![outputs, height, width, inputs], turned.copied().collect())
}

fn diffusion_without(tensors: &Tensors, part: &str) -> Tensors {
    tensors.iter().filter(|(name, _)| !name.contains(part)).map(|(name, raw)| (name.clone(), raw.clone())).collect()
}

/// A GGUF file with float32 tensors.
fn gguf(tensors: &Tensors) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let (mut list, mut data) = (Vec::new(), Vec::new());
    for (name, (dtype, shape, bytes)) in tensors {
        assert_eq!(*dtype, Dtype::F32);
        let sides = shape.iter().rev().flat_map(|side| (*side as u64).to_le_bytes()).collect();
        let kind = 0u32.to_le_bytes().to_vec();
        let place = (data.len() as u64).to_le_bytes().to_vec();
        list.extend([text(name), (shape.len() as u32).to_le_bytes().to_vec(), sides, kind, place].concat());
        data.extend_from_slice(bytes);
        data.resize(data.len().next_multiple_of(32), 0);
    }
    let counts = [(tensors.len() as u64).to_le_bytes(), 1u64.to_le_bytes()].concat();
    let about = [text("general.name"), 8u32.to_le_bytes().to_vec(), text("a model")].concat();
    let mut file = [b"GGUF\x03\0\0\0".to_vec(), counts, about, list].concat();
    file.resize(file.len().next_multiple_of(32), 0);
    [file, data].concat()
}

/// As llama.cpp names them.
fn llama_cpp(name: &str) -> String {
    let words = [
        ("model.embed_tokens", "token_embd"),
        ("model.layers", "blk"),
        ("model.norm", "output_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    words.iter().fold(name.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs))
}

#[test]
fn gguf_files_draw_what_the_folder_draws() {
    let model = root().join("models/demo");
    let at = place(&model, "tokenizers/some");
    let diffusion: Tensors = comfyui(&model, Part::Diffusion, "")
        .into_iter()
        // As converters leave them: one axis.
        .map(|(name, (dtype, shape, bytes))| {
            let shape = if name.ends_with("pad_token") { vec![shape[1]] } else { shape };
            (name, (dtype, shape, bytes))
        })
        .collect();
    let text: Tensors =
        comfyui(&model, Part::TextEncoder, "").into_iter().map(|(name, raw)| (llama_cpp(&name), raw)).collect();
    at.write("models/diffusion_models/dit.gguf", gguf(&diffusion));
    at.write("models/text_encoders/text.gguf", gguf(&text));
    save(&at.path("models/vae/vae.safetensors"), &comfyui(&model, Part::Vae, ""), Some(config(&model)));
    assert!(drawn(&at.path("models"), &apart("dit.gguf", "text.gguf", "vae.safetensors")) == expected(&model));
}
