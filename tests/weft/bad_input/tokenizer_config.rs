//! Tokenizers and configurations that are damaged or of another model.

use serde_json::{Value, json};

use super::{Case, Place, assert_all};

/// A model with one file of it spoiled.
fn spoiled(at: &Place, file: &str, bytes: impl AsRef<[u8]>) -> Vec<String> {
    let arguments = at.own_model("plain");
    at.write(&format!("models/model/{file}"), bytes);
    arguments
}

/// A model of which one file is cut off in the middle.
fn cut(at: &Place, file: &str) -> Vec<String> {
    let arguments = at.own_model("plain");
    at.edit(&format!("models/model/{file}"), |text| text[..text.len() / 2].to_owned());
    arguments
}

/// A model with one value of a configuration changed.
fn set(at: &Place, part: &str, key: &str, value: Value) -> Vec<String> {
    let arguments = at.own_model("plain");
    at.edit(&format!("models/model/{part}/config.json"), |text| {
        let mut config: Value = serde_json::from_str(&text).expect("JSON");
        config[key] = value;
        config.to_string()
    });
    arguments
}

#[test]
fn configurations() {
    assert_all(&[
        Case {
            name: "empty",
            arrange: |at| spoiled(at, "vae/config.json", ""),
            code: 6,
            says: &["vae/config.json is broken", "ends in the middle", "node `model`", "again"],
        },
        Case {
            name: "truncated, of the transformer",
            arrange: |at| cut(at, "transformer/config.json"),
            code: 6,
            says: &["transformer/config.json is broken", "ends in the middle"],
        },
        Case {
            name: "truncated, of the text encoder",
            arrange: |at| cut(at, "text_encoder/config.json"),
            code: 6,
            says: &["text_encoder/config.json is broken"],
        },
        Case {
            name: "a web page",
            arrange: |at| spoiled(at, "vae/config.json", "<html></html>"),
            code: 6,
            says: &["vae/config.json is broken", "not JSON"],
        },
        Case {
            name: "a list",
            arrange: |at| spoiled(at, "vae/config.json", "[]"),
            code: 6,
            says: &["vae/config.json is broken", "it is a list"],
        },
        Case {
            name: "not text",
            arrange: |at| spoiled(at, "vae/config.json", [0xff, 0xfe]),
            code: 6,
            says: &["vae/config.json cannot be read", "not text"],
        },
        Case {
            name: "a hundred thousand brackets",
            arrange: |at| spoiled(at, "vae/config.json", "{\"a\":".repeat(100_000)),
            code: 6,
            says: &["vae/config.json is broken"],
        },
        Case {
            name: "missing",
            arrange: missing_config,
            code: 6,
            says: &["vae is no VAE folder", "no config.json", "node `model`"],
        },
        Case {
            name: "wider than the weights",
            arrange: |at| set(at, "transformer", "cap_feat_dim", json!(48)),
            code: 6,
            says: &["do not fit its configuration", "[24, 40] instead of [24, 48]", "node `sample`", "same model"],
        },
        Case {
            name: "more layers than the weights",
            arrange: |at| set(at, "transformer", "n_layers", json!(3)),
            code: 6,
            says: &["lack 15 tensors", "`layers.2.", "and 11 more"],
        },
        Case {
            name: "sizes that contradict each other",
            arrange: |at| set(at, "transformer", "dim", json!(48)),
            code: 6,
            says: &["`axes_dims` adds up to 12", "24", "config.json"],
        },
        Case {
            name: "no heads",
            arrange: |at| set(at, "transformer", "n_heads", json!(0)),
            code: 6,
            says: &["`n_heads` is 0", "node `sample`", "config.json"],
        },
        Case {
            name: "fewer layers than none",
            arrange: |at| set(at, "transformer", "n_layers", json!(-1)),
            code: 6,
            says: &["`n_layers` is -1"],
        },
        Case {
            name: "a width in words",
            arrange: |at| set(at, "transformer", "dim", json!("wide")),
            code: 6,
            says: &["not readable", "\"wide\"", "a whole number"],
        },
        Case {
            name: "a width beyond every number",
            arrange: |at| set(at, "transformer", "dim", json!(1e99)),
            code: 6,
            says: &["not readable", "a whole number"],
        },
        Case {
            name: "a text encoder of another width",
            arrange: |at| set(at, "text_encoder", "hidden_size", json!(48)),
            code: 6,
            says: &["Qwen3 text encoder", "do not fit its configuration", "node `prompt`"],
        },
        Case {
            name: "another vocabulary",
            arrange: |at| set(at, "text_encoder", "vocab_size", json!(999)),
            code: 6,
            says: &["`embed_tokens.weight`", "[352, 40] instead of [999, 40]"],
        },
        Case {
            name: "layers that are not given",
            arrange: |at| set(at, "text_encoder", "num_hidden_layers", json!(null)),
            code: 6,
            says: &["not readable", "null", "node `prompt`"],
        },
        Case {
            name: "heads that do not divide",
            arrange: |at| set(at, "text_encoder", "num_key_value_heads", json!(3)),
            code: 6,
            says: &["`num_attention_heads` is no multiple"],
        },
        Case {
            name: "a VAE without levels",
            arrange: |at| set(at, "vae", "block_out_channels", json!([])),
            code: 6,
            says: &["`block_out_channels` is 0", "node `decode`"],
        },
        Case {
            name: "groups that do not divide",
            arrange: |at| set(at, "vae", "norm_num_groups", json!(3)),
            code: 6,
            says: &["3 groups do not divide", "node `decode`"],
        },
        Case {
            name: "a VAE of another family",
            arrange: |at| set(at, "vae", "latent_channels", json!(4)),
            code: 4,
            says: &["16 channels, but this VAE has 4", "node `decode`", "VAE that belongs to the model"],
        },
        Case {
            name: "a scale of 0",
            arrange: |at| set(at, "vae", "scaling_factor", json!(0)),
            code: 6,
            says: &["`scaling_factor` is 0"],
        },
    ]);
}

fn missing_config(at: &Place) -> Vec<String> {
    let arguments = at.own_model("plain");
    std::fs::remove_file(at.path("models/model/vae/config.json")).expect("it was there");
    arguments
}

const WHOLE: &str = "tokenizer/tokenizer.json";

#[test]
fn tokenizers() {
    assert_all(&[
        Case {
            name: "empty",
            arrange: |at| spoiled(at, WHOLE, ""),
            code: 6,
            says: &["the tokenizer in", "ends in the middle", "node `prompt`", "again"],
        },
        Case {
            name: "truncated",
            arrange: |at| cut(at, WHOLE),
            code: 6,
            says: &["the tokenizer in", "not readable", "ends in the middle"],
        },
        Case {
            name: "a web page",
            arrange: |at| spoiled(at, WHOLE, "<html></html>"),
            code: 6,
            says: &["the tokenizer in", "not JSON"],
        },
        Case {
            name: "without a model",
            arrange: |at| spoiled(at, WHOLE, "{}"),
            code: 6,
            says: &["the tokenizer in", "not readable"],
        },
        Case {
            name: "too large",
            arrange: |at| spoiled(at, WHOLE, vec![b' '; 65 << 20]),
            code: 6,
            says: &["tokenizer.json", "no tokenizer needs more"],
        },
        Case {
            name: "of another model",
            arrange: other_model,
            code: 6,
            says: &["has no token `<|im_start|>`", "another model", "node `prompt`"],
        },
        Case {
            name: "a vocabulary beyond the text encoder's",
            arrange: beyond,
            code: 6,
            says: &[
                "the tokenizer gives the token 5",
                "knows 352 tokens",
                "tokenizer that belongs to the text encoder",
            ],
        },
        Case {
            name: "no files",
            arrange: no_tokenizer,
            code: 6,
            says: &["has no tokenizer", "tokenizer.json or vocab.json", "node `model`"],
        },
        Case { name: "no folder", arrange: no_folder, code: 6, says: &["lacks tokenizer/", "node `model`"] },
        Case {
            name: "an older vocabulary, truncated",
            arrange: |at| older(at, "vocab.json", "{\"a\":"),
            code: 6,
            says: &["vocab.json", "ends in the middle", "node `prompt`"],
        },
        Case {
            name: "older merges that are no pairs",
            arrange: |at| older(at, "merges.txt", "ab\n"),
            code: 6,
            says: &["merges.txt", "line 1 is no pair"],
        },
        Case {
            name: "an older configuration, empty",
            arrange: |at| older(at, "tokenizer_config.json", ""),
            code: 6,
            says: &["tokenizer_config.json", "ends in the middle"],
        },
        Case {
            name: "older merges that are missing",
            arrange: no_merges,
            code: 6,
            says: &["merges.txt", "not readable", "o such file"],
        },
    ]);
}

fn change(at: &Place, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let arguments = at.own_model("plain");
    at.edit(&format!("models/model/{WHOLE}"), |text| {
        let mut tokenizer: Value = serde_json::from_str(&text).expect("JSON");
        change(&mut tokenizer);
        tokenizer.to_string()
    });
    arguments
}

fn other_model(at: &Place) -> Vec<String> {
    change(at, |tokenizer| {
        tokenizer["added_tokens"] = json!([]);
        tokenizer["model"]["vocab"].as_object_mut().expect("a map").remove("<|im_start|>");
    })
}

/// Every token of the vocabulary is moved behind the last row that the text encoder has.
fn beyond(at: &Place) -> Vec<String> {
    let moved = |id: &mut Value| *id = json!(id.as_u64().expect("a number") + 5000);
    change(at, |tokenizer| {
        tokenizer["model"]["vocab"].as_object_mut().expect("a map").values_mut().for_each(moved);
        tokenizer["added_tokens"].as_array_mut().expect("a list").iter_mut().for_each(|token| moved(&mut token["id"]));
    })
}

fn no_tokenizer(at: &Place) -> Vec<String> {
    let arguments = no_folder(at);
    std::fs::create_dir(at.path("models/model/tokenizer")).expect("a folder");
    arguments
}

fn no_folder(at: &Place) -> Vec<String> {
    let arguments = at.own_model("plain");
    std::fs::remove_dir_all(at.path("models/model/tokenizer")).expect("it was there");
    arguments
}

/// A model whose tokenizer has the older files alone, with one of them spoiled.
fn older(at: &Place, file: &str, text: &str) -> Vec<String> {
    let arguments = spoiled(at, &format!("tokenizer/{file}"), text);
    std::fs::remove_file(at.path(&format!("models/model/{WHOLE}"))).expect("it was there");
    arguments
}

fn no_merges(at: &Place) -> Vec<String> {
    let arguments = older(at, "merges.txt", "");
    std::fs::remove_file(at.path("models/model/tokenizer/merges.txt")).expect("it was there");
    arguments
}
