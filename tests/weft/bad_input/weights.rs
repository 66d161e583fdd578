//! Files of weights that are something else, damaged, or of another model.

use serde_json::{Value, json};

use super::{Case, Place, Running, assert_all};

const TRANSFORMER: &str = "models/model/transformer/diffusion_pytorch_model.safetensors";

/// A model whose transformer's file holds these bytes.
fn holding(at: &Place, bytes: &[u8]) -> Vec<String> {
    let arguments = at.own_model("plain");
    at.write(TRANSFORMER, bytes);
    arguments
}

/// A safetensors file: length, header, numbers.
fn file(header: &[u8], numbers: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, &vec![0; numbers]].concat()
}

/// A model whose transformer's file has this header and as many bytes of numbers.
fn headed(at: &Place, header: &Value, numbers: usize) -> Vec<String> {
    holding(at, &file(header.to_string().as_bytes(), numbers))
}

/// Two float32 of this name.
fn pair(name: &str) -> Value {
    json!({ name: { "dtype": "F32", "shape": [2], "data_offsets": [0, 8] } })
}

/// A model whose transformer's file has a changed header over its own numbers.
fn changed(at: &Place, change: fn(&mut Value)) -> Vec<String> {
    let arguments = at.own_model("plain");
    let bytes = std::fs::read(at.path(TRANSFORMER)).expect("a golden model");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    change(&mut header);
    let header = header.to_string();
    at.write(TRANSFORMER, [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat());
    arguments
}

/// A model whose transformer's file has other bytes.
fn rewritten(at: &Place, change: fn(Vec<u8>) -> Vec<u8>) -> Vec<String> {
    let arguments = at.own_model("plain");
    let bytes = std::fs::read(at.path(TRANSFORMER)).expect("a golden model");
    at.write(TRANSFORMER, change(bytes));
    arguments
}

#[test]
fn files_that_are_something_else() {
    assert_all(&[
        Case {
            name: "empty",
            arrange: |at| holding(at, b""),
            code: 6,
            says: &["diffusion_pytorch_model.safetensors is empty", "node `model`", "download"],
        },
        Case { name: "three bytes", arrange: |at| holding(at, b"abc"), code: 6, says: &["too short", "node `model`"] },
        Case {
            name: "a Git-LFS pointer",
            arrange: |at| holding(at, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
            code: 6,
            says: &["Git-LFS pointer", "node `model`", "git lfs pull"],
        },
        Case {
            name: "a web page",
            arrange: |at| holding(at, b"\n<!DOCTYPE html><html></html>"),
            code: 6,
            says: &["is a web page", "node `model`", "download the file itself"],
        },
        Case {
            name: "a server's refusal as XML",
            arrange: |at| holding(at, b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
            code: 6,
            says: &["is a text, not a model", "node `model`"],
        },
        Case {
            name: "a server's refusal as JSON",
            arrange: |at| holding(at, b"{\"error\":\"Repository not found\"}"),
            code: 6,
            says: &["is a text, not a model", "open it"],
        },
        Case {
            name: "a server's refusal in words",
            arrange: |at| holding(at, b"Entry not found"),
            code: 6,
            says: &["is a text, not a model"],
        },
        Case {
            name: "a GGUF file",
            arrange: |at| holding(at, b"GGUF\x03\0\0\0\0\0\0\0"),
            code: 6,
            says: &["is a GGUF file", "diffusers folder"],
        },
        Case {
            name: "a LoRA",
            arrange: |at| headed(at, &pair("diffusion_model.layers.0.attention.to_q.lora_A.weight"), 8),
            code: 6,
            says: &["holds a LoRA", "transformer", "node `model`", "give a Z-Image model"],
        },
        Case {
            name: "a model of another family",
            arrange: |at| headed(at, &pair("double_blocks.0.img_attn.qkv.weight"), 8),
            code: 6,
            says: &["holds a FLUX model", "node `model`"],
        },
        Case {
            name: "a VAE",
            arrange: |at| headed(at, &pair("decoder.up_blocks.0.resnets.0.conv1.weight"), 8),
            code: 6,
            says: &["holds a VAE", "diffusion model"],
        },
        Case {
            name: "a language model",
            arrange: |at| headed(at, &pair("model.layers.0.self_attn.q_proj.weight"), 8),
            code: 6,
            says: &["holds a language model"],
        },
        Case {
            name: "weights of nothing known",
            arrange: |at| headed(at, &pair("w"), 8),
            code: 6,
            says: &["unknown family", "node `model`"],
        },
        Case { name: "no tensors", arrange: |at| headed(at, &json!({}), 0), code: 6, says: &["unknown family"] },
        Case {
            name: "a LoRA given as a whole model",
            arrange: lora_as_model,
            code: 6,
            says: &["style.safetensors is a LoRA", "node `model`", "diffusers folder"],
        },
    ]);
}

fn lora_as_model(at: &Place) -> Vec<String> {
    at.write("models/style.safetensors", file(pair("layers.0.lora_down.weight").to_string().as_bytes(), 8));
    [at.own_model("plain"), vec!["--set".to_owned(), "model.path=style.safetensors".to_owned()]].concat()
}

#[test]
fn headers_that_lie() {
    assert_all(&[
        Case {
            name: "a header of 4 EiB",
            arrange: |at| holding(at, &[&(1u64 << 62).to_le_bytes()[..], b"{}"].concat()),
            code: 6,
            says: &["no valid safetensors file", "at most 104857600", "node `model`"],
        },
        Case {
            name: "a header beyond the file",
            arrange: |at| holding(at, &[&5000u64.to_le_bytes()[..], b"{}"].concat()),
            code: 6,
            says: &["cut off within its header", "download"],
        },
        Case {
            name: "a header that is not JSON",
            arrange: |at| holding(at, &file(b"not JSON at all", 0)),
            code: 6,
            says: &["no valid safetensors file", "not JSON"],
        },
        Case {
            name: "a header that is a list",
            arrange: |at| holding(at, &file(b"[1, 2]", 0)),
            code: 6,
            says: &["no valid safetensors file", "it is a list", "tensors"],
        },
        Case {
            name: "a header that is not UTF-8",
            arrange: |at| holding(at, &file(b"\xff\xfe{}", 0)),
            code: 6,
            says: &["no valid safetensors file"],
        },
        Case {
            name: "a header of a hundred thousand brackets",
            arrange: |at| holding(at, &file(&[b'['; 100_000], 0)),
            code: 6,
            says: &["no valid safetensors file"],
        },
        Case {
            name: "truncated",
            arrange: |at| rewritten(at, |bytes| bytes[..bytes.len() - 100].to_vec()),
            code: 6,
            says: &["incomplete download", "node `model`", "again"],
        },
        Case {
            name: "bytes behind the end",
            arrange: |at| rewritten(at, |bytes| [bytes, b"x".to_vec()].concat()),
            code: 6,
            says: &["followed by other bytes"],
        },
        Case {
            name: "a hole",
            arrange: |at| {
                headed(
                    at,
                    &json!({ "a": { "dtype": "F32", "shape": [2], "data_offsets": [0, 8] }, "b": { "dtype": "F32", "shape": [2], "data_offsets": [12, 20] } }),
                    20,
                )
            },
            code: 6,
            says: &["offset", "`b`", "node `model`"],
        },
        Case {
            name: "an overlap",
            arrange: |at| {
                headed(
                    at,
                    &json!({ "a": { "dtype": "F32", "shape": [2], "data_offsets": [0, 8] }, "b": { "dtype": "F32", "shape": [2], "data_offsets": [4, 12] } }),
                    12,
                )
            },
            code: 6,
            says: &["offset", "`b`"],
        },
        Case {
            name: "offsets that do not fit the shape",
            arrange: |at| headed(at, &json!({ "a": { "dtype": "F32", "shape": [2], "data_offsets": [0, 4] } }), 4),
            code: 6,
            says: &["no valid safetensors file", "offset"],
        },
        Case {
            name: "offsets that go backwards",
            arrange: |at| headed(at, &json!({ "a": { "dtype": "F32", "shape": [2], "data_offsets": [8, 0] } }), 8),
            code: 6,
            says: &["offset", "`a`"],
        },
        Case {
            name: "a side below 0",
            arrange: |at| headed(at, &json!({ "a": { "dtype": "F32", "shape": [-2], "data_offsets": [0, 8] } }), 8),
            code: 6,
            says: &["no valid safetensors file", "`-2`"],
        },
        Case {
            name: "a shape whose size wraps around",
            arrange: |at| {
                headed(
                    at,
                    &json!({ "a": { "dtype": "F32", "shape": [1u64 << 40, 1u64 << 40], "data_offsets": [0, 8] } }),
                    8,
                )
            },
            code: 6,
            says: &["no valid safetensors file", "overflow"],
        },
        Case {
            name: "an empty shape with a huge side",
            arrange: |at| {
                headed(at, &json!({ "a": { "dtype": "F32", "shape": [1u64 << 33, 0], "data_offsets": [0, 0] } }), 0)
            },
            code: 6,
            says: &["shape of `a` is too large"],
        },
        Case {
            name: "an unknown type of numbers",
            arrange: |at| headed(at, &json!({ "a": { "dtype": "Q9", "shape": [2], "data_offsets": [0, 8] } }), 8),
            code: 6,
            says: &["no valid safetensors file", "`Q9`"],
        },
        Case {
            name: "a type that Weft does not read",
            arrange: |at| {
                headed(at, &json!({ "layers.0.a": { "dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8] } }), 8)
            },
            code: 6,
            says: &["float8", "`layers.0.a`", "bfloat16, float16 or float32"],
        },
        Case {
            name: "a tensor twice",
            arrange: |at| {
                holding(at, &file(br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8))
            },
            code: 6,
            says: &["names `a` twice"],
        },
    ]);
}

/// The name of a tensor that every transformer has.
const QUERIES: &str = "layers.0.attention.to_q.weight";

#[test]
fn tensors_that_do_not_fit() {
    assert_all(&[
        Case {
            name: "a tensor is missing",
            arrange: |at| changed(at, rename),
            code: 6,
            says: &["lack the tensor `layers.0.attention.to_q.weight`", "node `sample`", "help: "],
        },
        Case {
            name: "a wrong shape",
            arrange: |at| changed(at, |header| header[QUERIES]["shape"] = json!([1, 24, 24])),
            code: 6,
            says: &["`layers.0.attention.to_q.weight` has the shape [1, 24, 24] instead of [24, 24]", "node `sample`"],
        },
        Case {
            name: "whole numbers for weights",
            arrange: |at| changed(at, |header| header[QUERIES]["dtype"] = json!("I32")),
            code: 6,
            says: &["`layers.0.attention.to_q.weight` holds no floating-point numbers", "node `sample`"],
        },
        Case {
            name: "weights that are not numbers",
            arrange: |at| rewritten(at, not_numbers),
            code: 8,
            says: &["not finite", "4 steps", "node `sample`", "precision"],
        },
    ]);
}

fn rename(header: &mut Value) {
    let tensors = header.as_object_mut().expect("a map");
    let queries = tensors.remove(QUERIES).expect("the model has it");
    tensors.insert("layers.0.attention.to_qq.weight".to_owned(), queries);
}

fn not_numbers(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    bytes[8 + length..].fill(0xff);
    bytes
}

const SHARDS: &str = "models/model/transformer/diffusion_pytorch_model";

fn sharded(at: &Place, spoil: impl FnOnce(&Place)) -> Vec<String> {
    let arguments = at.own_model("sharded");
    spoil(at);
    arguments
}

fn index(at: &Place, text: &str) {
    at.write(&format!("{SHARDS}.safetensors.index.json"), text);
}

fn remove(at: &Place, name: &str) {
    let path = at.path(name);
    let removed =
        if std::path::Path::new(&path).is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    removed.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn files_and_folders_that_are_missing() {
    assert_all(&[
        Case { name: "all shards are there", arrange: |at| at.own_model("sharded"), code: 0, says: &["fox.png"] },
        Case {
            name: "a shard is missing",
            arrange: |at| sharded(at, |at| remove(at, &format!("{SHARDS}-00002-of-00003.safetensors"))),
            code: 6,
            says: &["00002-of-00003.safetensors is missing", "node `model`", "download the missing part"],
        },
        Case {
            name: "an index that is not JSON",
            arrange: |at| sharded(at, |at| index(at, "{\"weight_map\": ")),
            code: 6,
            says: &["index.json", "no valid index", "ends in the middle"],
        },
        Case {
            name: "an index that leaves its folder",
            arrange: |at| sharded(at, |at| index(at, r#"{"weight_map": {"a": "../vae/x.safetensors"}}"#)),
            code: 6,
            says: &["names `../vae/x.safetensors`", "not in its folder"],
        },
        Case {
            name: "an index of other tensors",
            arrange: |at| {
                sharded(at, |at| {
                    index(at, r#"{"weight_map": {"a": "diffusion_pytorch_model-00001-of-00003.safetensors"}}"#)
                })
            },
            code: 6,
            says: &["the tensor `a` is not in the file"],
        },
        Case {
            name: "no weights",
            arrange: |at| sharded(at, |at| remove(at, "models/model/vae/diffusion_pytorch_model.safetensors")),
            code: 6,
            says: &["vae has no .safetensors file", "node `model`"],
        },
        Case {
            name: "two files of weights",
            arrange: |at| sharded(at, |at| drop(at.write("models/model/vae/other.safetensors", ""))),
            code: 6,
            says: &["several weights", "`other.safetensors`", "leave only the one"],
        },
        Case {
            name: "no VAE",
            arrange: |at| sharded(at, |at| remove(at, "models/model/vae")),
            code: 6,
            says: &["models/model lacks vae/", "node `model`", "whole repository"],
        },
        Case {
            name: "a folder that is no model",
            arrange: |at| {
                sharded(at, |at| {
                    remove(at, "models/model/transformer");
                    remove(at, "models/model/model_index.json");
                })
            },
            code: 6,
            says: &["no model folder", "model_index.json", "help: "],
        },
    ]);
}

#[test]
fn a_file_that_is_cut_off_while_it_is_used() {
    let at = Place::new();
    let mut arguments = at.own_model("plain");
    arguments.extend(["--set", "sample.steps=40"].map(str::to_owned));
    // The VAE's header is read at the beginning, its numbers behind the last step.
    let mut run = Running::start(&arguments);
    run.wait_for("sample: 1/");
    at.write("models/model/vae/diffusion_pytorch_model.safetensors", "");
    let said = run.end();
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    for part in ["vae/diffusion_pytorch_model.safetensors", "changed or went away", "node `decode`", "help: "] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
    assert_eq!(at.written(), Vec::<String>::new());
}
