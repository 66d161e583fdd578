//! Every key of a file has its fate, and the report tells it, whether the run goes on or not.

use std::collections::BTreeMap;

use serde_json::Value;

use super::file;
use crate::program::{Said, golden, run};

const GOOD: &str = "diffusion_model.layers.0.attention.to_q";
const TEXT: &str = "lora_te_layers_0_self_attn_q_proj";

/// A file of which one module fits, one belongs to the text encoder, and the rest to nothing, with what is to be said.
fn partly() -> (Vec<u8>, BTreeMap<String, &'static str>) {
    let keys: [(String, &[usize], &str); 9] = [
        (format!("{GOOD}.lora_A.weight"), &[2, 24], "applied"),
        (format!("{GOOD}.lora_B.weight"), &[24, 2], "applied"),
        (format!("{TEXT}.lora_down.weight"), &[2, 40], "no_text_encoder"),
        (format!("{TEXT}.lora_up.weight"), &[64, 2], "no_text_encoder"),
        ("diffusion_model.layers.7.attention.to_q.lora_A.weight".to_owned(), &[2, 24], "unknown"),
        ("diffusion_model.layers.7.attention.to_q.lora_B.weight".to_owned(), &[24, 2], "unknown"),
        ("diffusion_model.layers.1.attention.to_v.lora_A.weight".to_owned(), &[2, 32], "shape_mismatch"),
        ("diffusion_model.layers.1.attention.to_v.lora_B.weight".to_owned(), &[32, 2], "shape_mismatch"),
        ("diffusion_model.layers.1.attention.to_k.lora_A.weight".to_owned(), &[2, 24], "incomplete_pair"),
    ];
    let tensors: Vec<(&str, &[usize])> = keys.iter().map(|(name, shape, _)| (name.as_str(), *shape)).collect();
    (file(&tensors), keys.iter().map(|(name, _, state)| (name.clone(), *state)).collect())
}

/// Runs one LoRA, with the text encoder linked or not.
fn apply(bytes: &[u8], with_text_encoder: bool, allow_partial: bool) -> (Said, Value) {
    let place = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(place.path().join("loras")).expect("a folder");
    std::fs::write(place.path().join("loras/some.safetensors"), bytes).expect("the file");
    let text_encoder = if with_text_encoder { r#""text_encoder": Link("model.text_encoder"),"# } else { "" };
    let graph = super::graph(&format!(
        r#""lora": (kind: "lora/ApplyLora", inputs: {{ "model": Link("model.model"), {text_encoder}
            "file": "some.safetensors", "allow_partial": {allow_partial} }}),"#
    ));
    let at = |name: &str| place.path().join(name).display().to_string();
    std::fs::write(at("graph.ron"), graph).expect("the graph");
    let dump = format!("lora.model={}", at("dump"));
    let models = golden("plain").display().to_string();
    let said = run(&["run", &at("graph.ron"), "--models", &models, "--models", &at(""), "--json", "--dump", &dump]);
    let json = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("no JSON: {}{}", said.stdout, said.stderr));
    (said, json)
}

/// State by key, as the node's report has it.
fn states(json: &Value) -> BTreeMap<String, &str> {
    let report = &json["reports"][0];
    assert_eq!(report["node"], "lora");
    assert!(report["title"].as_str().is_some_and(|title| !title.is_empty()));
    let rows = report["rows"].as_array().expect("rows");
    let text = |row: &'_ Value, cell: &str| row[cell].as_str().map(str::to_owned).expect("a text");
    for row in rows {
        let applied = text(row, "state").starts_with("applied");
        assert_eq!(applied, text(row, "why").is_empty(), "why is told where something is not applied: {row}");
        assert!(!applied || text(row, "target").contains('.'), "where it went is told: {row}");
    }
    rows.iter().map(|row| (text(row, "key"), row["state"].as_str().expect("a state"))).collect()
}

#[test]
fn a_file_that_fits_in_part_is_an_error_that_names_every_key() {
    let (bytes, fates) = partly();
    let (said, json) = apply(&bytes, false, false);
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    assert_eq!(states(&json), fates);
    assert_eq!(json["errors"][0]["code"], 6);
    for part in ["some.safetensors", "7 of 9 keys", "node `lora`", "allow_partial"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}

#[test]
fn what_fits_is_applied_where_that_is_allowed() {
    let (bytes, fates) = partly();
    let (said, json) = apply(&bytes, false, true);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(states(&json), fates);
}

#[test]
fn a_text_encoder_takes_its_keys() {
    let (bytes, mut fates) = partly();
    fates.iter_mut().filter(|(key, _)| key.starts_with(TEXT)).for_each(|(_, state)| *state = "applied_text_encoder");
    let (said, json) = apply(&bytes, true, true);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(states(&json), fates);
}

/// The missing text encoder alone is what the help is about.
#[test]
fn a_missing_text_encoder_is_told_as_such() {
    let bytes = file(&[
        (&format!("{GOOD}.lora_A.weight"), &[2, 24]),
        (&format!("{GOOD}.lora_B.weight"), &[24, 2]),
        (&format!("{TEXT}.lora_down.weight"), &[2, 40]),
        (&format!("{TEXT}.lora_up.weight"), &[64, 2]),
    ]);
    let (said, _) = apply(&bytes, false, false);
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    assert!(said.stderr.contains("text encoder"), "{}", said.stderr);
    let (said, _) = apply(&bytes, true, false);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}
