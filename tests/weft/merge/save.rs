//! Saved models: their bytes, what stands beside them, and that they are models again.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;

use super::{FILE, TRANSFORMER, dumped, graph, halves, library, path_of, rounded, run_graph, run_into, stored, well};
use crate::bad_input::Place;
use crate::program::{golden, relative_l2, tensors};

const MODEL: &str = r#""model": (kind: "model-loader/LoadModel", inputs: { "path": "model", "precision": "float16" }),
    "b": (kind: "model-loader/LoadDiffusionModel", inputs: { "path": "b", "precision": "float16" }),"#;
const LORA: &str = r#""lora": (kind: "lora/ApplyLora", inputs: { "model": Link("model.model"), "text_encoder": Link("model.text_encoder"), "file": "style", "weight": 0.5 }),"#;
const MERGE: &str = r#""merge": (kind: "model-merge/WeightedSum", inputs: { "a": Link("model.model"), "b": Link("b.model"), "alpha": 0.3 }),"#;

fn save(model: &str, more: &str) -> String {
    format!(
        r#""save": (kind: "model-merge/SaveModel", inputs: {{ "model": Link("{model}.model"), "text_encoder": Link("model.text_encoder"),
            "vae": Link("model.vae"), "name": "mix", {more} }}),"#
    )
}

/// A graph with the model, another one and these nodes.
fn with_models(nodes: &str) -> String {
    format!("Graph(format: 1, nodes: {{ {MODEL} {nodes} }})")
}

fn saved(place: &Place, nodes: &str) -> PathBuf {
    path_of(run_graph(place, &with_models(nodes), &[]))
}

/// The type, shape and bytes of every tensor.
pub fn raw(path: &Path) -> Vec<(String, String, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut all: Vec<_> = file
        .iter()
        .map(|(name, view)| (name.to_owned(), format!("{:?} {:?}", view.dtype(), view.shape()), view.data().to_vec()))
        .collect();
    all.sort();
    all
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn an_unchanged_model_comes_back_byte_for_byte() {
    let place = library();
    let path = saved(&place, &save("model", ""));
    assert_eq!(path, Path::new(&place.path("out/mix")));
    let (new, old) = (path.as_path(), golden("half").join("model"));
    for file in ["transformer", "vae"]
        .map(|part| format!("{part}/{FILE}"))
        .into_iter()
        .chain(["text_encoder/model.safetensors".to_owned()])
    {
        assert!(raw(&new.join(&file)) == raw(&old.join(&file)), "{file}");
    }
    for file in [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "transformer/config.json",
        "vae/config.json",
        "text_encoder/config.json",
    ] {
        let mut old = json(&old.join(file));
        if let Some(dtype) = old.get_mut("dtype") {
            *dtype = "float16".into();
        }
        assert_eq!(json(&new.join(file)), old, "{file}");
    }
    for file in ["tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"] {
        let read = |folder: &Path| std::fs::read(folder.join("tokenizer").join(file)).expect("a file");
        assert!(read(new) == read(&old), "{file}");
    }
    let again = saved(&place, &save("model", r#""precision": "bfloat16","#));
    assert_eq!(again, Path::new(&place.path("out/mix-2")), "nothing is overwritten");
}

#[test]
fn a_merge_is_rounded_once() {
    let place = library();
    let path = saved(&place, &[MERGE, &save("merge", "")].concat());
    let (a, b) = (stored(&place, TRANSFORMER), stored(&place, "b"));
    let found = halves(&path.join("transformer").join(FILE));
    assert_eq!(found.len(), a.len());
    for (name, numbers) in &found {
        let expected = a[name].iter().zip(&b[name]).map(|(a, b)| rounded((1.0 - 0.3) * a + 0.3 * b));
        assert!(numbers.iter().copied().eq(expected), "{name}");
    }
}

#[test]
fn what_a_model_was_made_of_is_told() {
    let place = library();
    let nodes = [LORA, &MERGE.replace("model.model", "lora.model"), &save("merge", "")].concat();
    let path = saved(&place, &nodes);
    let info = json(&path.join("merge_info.json"));
    let history = info["parts"]["transformer"]["history"].as_array().expect("a history");
    assert_eq!(history.len(), 3, "{info:#}");
    let file = |entry: &Value| entry["file"].as_str().expect("a file").to_owned();
    assert!(file(&history[0]).ends_with("model/transformer/diffusion_pytorch_model.safetensors"));
    assert_eq!(history[0]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!((&history[1]["apply"], &history[1]["weight"]), (&"lora".into(), &0.5.into()));
    assert_eq!((&history[2]["merge"], &history[2]["with"][0]["share"]), (&"WeightedSum".into(), &0.3.into()));
    assert_eq!(file(&history[2]["with"][0]["history"][0]), format!("models/b/{FILE}"));
    let b = std::fs::read(place.path(&format!("models/b/{FILE}"))).expect("weights");
    assert_eq!(history[2]["with"][0]["history"][0]["bytes"], b.len());
    assert!(!info.to_string().contains(&place.path("")), "a path of this machine: {info:#}");
    let bytes = std::fs::read(path.join("transformer").join(FILE)).expect("weights");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
    let metadata = header.metadata().clone().expect("metadata");
    assert_eq!(metadata["format"], "pt");
    assert_eq!(serde_json::from_str::<Value>(&metadata["merge_info"]).expect("JSON"), info);
}

/// diffusers → comfyui → diffusers.
#[test]
fn comfyui_s_file_leads_back_byte_for_byte() {
    let place = library();
    let path = saved(&place, &save("model", r#""layout": "comfyui","#));
    let file = path.join("mix.safetensors");
    let names: Vec<String> = raw(&file).into_iter().map(|(name, _, _)| name).collect();
    for name in [
        "model.diffusion_model.layers.0.attention.qkv.weight",
        "model.diffusion_model.x_embedder.weight",
        "text_encoders.qwen3_4b.transformer.model.embed_tokens.weight",
        "vae.decoder.mid.attn_1.q.weight",
    ] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    let attention = raw(&file).into_iter().find(|(name, _, _)| name == "vae.decoder.mid.attn_1.q.weight");
    assert!(attention.is_some_and(|(_, shape, _)| shape.ends_with("1, 1]")), "a convolution of 1 × 1");
    let back = save("model", "").replace("\"mix\"", "\"back\"");
    let models = place.path("models");
    std::fs::rename(&path, Path::new(&models).join("single")).expect("the folder");
    let graph = with_models(&back).replace(r#""path": "model","#, r#""path": "single/mix.safetensors","#);
    let back = path_of(run_graph(&place, &graph, &[]));
    for file in [format!("transformer/{FILE}"), format!("vae/{FILE}"), "text_encoder/model.safetensors".to_owned()] {
        let old = raw(&golden("half").join("model").join(&file));
        let new = raw(&back.join(&file));
        let bare = |tensors: Vec<(String, String, Vec<u8>)>| -> Vec<(String, String, Vec<u8>)> {
            tensors
                .into_iter()
                .map(|(name, shape, bytes)| (name.trim_start_matches("model.").to_owned(), shape, bytes))
                .collect()
        };
        assert!(bare(new) == bare(old), "{file}");
    }
}

/// The diffusion model alone has no prefix, and may stand in a row.
#[test]
fn comfyui_s_diffusion_model_alone() {
    let place = library();
    let alone = r#""save": (kind: "model-merge/SaveModel", inputs: { "model": Link("b.model"), "name": "folder/b", "layout": "comfyui" }),"#;
    let path = saved(&place, alone);
    let file = path.join("b.safetensors");
    assert!(raw(&file).iter().any(|(name, _, _)| name == "layers.0.attention.qkv.weight"));
    std::fs::copy(&file, place.path("models/single.safetensors")).expect("a file");
    let node = r#""m": (kind: "model-merge/WeightedSum", inputs: { "a": Link("a.model"), "b": Link("c.model"), "alpha": 0.0,
        "rows": [{ "path": "single.safetensors", "weight": 1.0 }] }),"#;
    let (found, b) = (dumped(&place, &graph(node), "m.model"), stored(&place, "b"));
    assert!(found == b);
}

/// The picture of a model with a LoRA is that of the same in its weights.
#[test]
fn a_saved_model_draws_the_same_picture() {
    let place = library();
    let nodes =
        [LORA, &save("lora", r#""precision": "float32","#).replace("model.text_encoder", "lora.text_encoder")].concat();
    saved(&place, &nodes.replace(r#""precision": "float16""#, r#""precision": "float32""#));
    let latent = |model: &str, more: &str, from: &str| {
        let graph = format!(
            r#"Graph(format: 1, nodes: {{
                    "model": (kind: "model-loader/LoadModel", inputs: {{ "path": "{model}", "precision": "float32" }}), {more}
                    "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("{from}.text_encoder"), "text": "a red fox" }}),
                    "latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": 64, "height": 64 }}),
                    "sample": (kind: "sampler/Sample", inputs: {{ "model": Link("{from}.model"), "positive": Link("prompt.conditioning"),
                        "latent": Link("latent.latent"), "steps": 4, "seed": 3 }}),
                }})"#
        );
        let (out, file) = (place.path("out"), place.path("latent"));
        well(run_graph(&place, &graph, &["--models", &out, "--dump", &format!("sample.latent={file}")]));
        tensors(Path::new(&file))["samples"].1.clone()
    };
    let (with_lora, plain, saved) =
        (latent("model", LORA, "lora"), latent("model", "", "model"), latent("mix", "", "model"));
    assert!(relative_l2(&saved, &with_lora) < 1e-5, "{}", relative_l2(&saved, &with_lora));
    assert!(relative_l2(&plain, &with_lora) > 1e-3, "the LoRA changes nothing");
}

#[test]
fn what_cannot_be_saved() {
    let place = library();
    for (more, code, says) in [
        (r#""name": "","#, 4, "`name`"),
        (r#""name": "../mix","#, 9, "cannot be the name of an output"),
        (r#""name": "a\\b","#, 9, "cannot be the name of an output"),
    ] {
        let nodes = save("model", "").replace(r#""name": "mix","#, more);
        let said = run_graph(&place, &with_models(&nodes), &[]);
        assert_eq!(said.code, Some(code), "{more}: {}", said.stderr);
        assert!(said.stderr.contains(says), "{more}: {}", said.stderr);
    }
    assert_eq!(place.written(), Vec::<String>::new());
}

/// Numbers that float16 does not have would become infinite.
#[test]
fn numbers_beyond_the_precision_are_named() {
    let place = library();
    let difference = r#""far": (kind: "model-merge/AddDifference", inputs: { "a": Link("big.model"), "b": Link("big.model"), "c": Link("model.model"), "alpha": 2.0 }),
        "big": (kind: "model-loader/LoadDiffusionModel", inputs: { "path": "big", "precision": "float32" }),"#;
    let file = std::fs::read(golden("half").join(TRANSFORMER).join(FILE)).expect("weights");
    let file = SafeTensors::deserialize(&file).expect("a file");
    // 65504, the largest number of float16.
    let big: Vec<_> = file
        .iter()
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec(), [0xff, 0x7b].repeat(view.data().len() / 2)))
        .collect();
    let views = big.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F16, shape.clone(), bytes);
        (name.as_str(), view.expect("a tensor"))
    });
    place.write(&format!("models/big/{FILE}"), safetensors::serialize(views, None).expect("a file"));
    std::fs::copy(golden("half").join(TRANSFORMER).join("config.json"), place.path("models/big/config.json"))
        .expect("a configuration");
    let said = run_graph(&place, &with_models(&[difference, &save("far", "")].concat()), &[]);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert!(said.stderr.contains("float16 ends at 65504") && said.stderr.contains("bfloat16"), "{}", said.stderr);
    assert_eq!(place.written(), Vec::<String>::new(), "nothing half written stays");
}

#[test]
fn what_a_killed_run_left_goes_with_the_next() {
    let place = library();
    let left = place.path("out/.weft-tmp-999999999-0");
    std::fs::create_dir_all(Path::new(&left).join("transformer")).expect("a folder");
    std::fs::write(Path::new(&left).join("transformer/half"), "half a file").expect("a file");
    saved(&place, &save("model", ""));
    assert!(!Path::new(&left).exists());
    assert!(place.written().iter().all(|name| !name.contains(".weft-tmp-")), "{:?}", place.written());
}

/// A model is never written over, not even by itself.
#[test]
fn a_model_saved_beside_its_source_gets_another_name() {
    let place = library();
    let before = raw(&Path::new(&place.path("models")).join(TRANSFORMER).join(FILE));
    let graph = with_models(&save("model", "").replace(r#""mix""#, r#""model""#));
    let path = path_of(run_into(&place, &place.path("models"), &graph, &[]));
    assert_eq!(path, Path::new(&place.path("models/model-2")));
    assert!(raw(&Path::new(&place.path("models")).join(TRANSFORMER).join(FILE)) == before);
}
