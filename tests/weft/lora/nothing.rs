//! What is off leaves no trace: the same bytes as without any LoRA.

use std::path::Path;

use super::goldens;
use crate::program::{golden, run_well, text_to_image};

/// The picture of the usual graph with `lora` between model and sampler, or without.
fn picture(lora: Option<&str>) -> Vec<u8> {
    let out = tempfile::tempdir().expect("a folder");
    let mut text = text_to_image().replace(r#""name": "fox""#, r#""name": "fox", "metadata": "none""#);
    if let Some(lora) = lora {
        for output in ["model", "text_encoder"] {
            text = text.replace(&format!("Link(\"model.{output}\")"), &format!("Link(\"lora.{output}\")"));
        }
        text = text.replace("nodes: {", &format!("nodes: {{ \"lora\": {lora},"));
    }
    let graph = out.path().join("graph.ron");
    std::fs::write(&graph, text).expect("the graph");
    let at = |path: &Path| path.display().to_string();
    let (graph, models, loras) = (at(&graph), at(&golden("plain")), at(&goldens("plain")));
    let folder = at(out.path());
    run_well(&["run", &graph, "--models", &models, "--models", &loras, "-o", &folder, "--device", "cpu", "--quiet"]);
    std::fs::read(out.path().join("fox.png")).expect("a picture")
}

fn apply(inputs: &str) -> String {
    format!(
        r#"(kind: "lora/ApplyLora", inputs: {{ "model": Link("model.model"), "text_encoder": Link("model.text_encoder"),
            "file": "style.safetensors", {inputs} }})"#
    )
}

fn stack(rows: &str) -> String {
    format!(
        r#"(kind: "lora/LoraStack", inputs: {{ "model": Link("model.model"), "text_encoder": Link("model.text_encoder"),
            "rows": [{rows}] }})"#
    )
}

#[test]
fn what_is_off_gives_the_bytes_of_no_lora() {
    let plain = picture(None);
    for mode in ["auto", "live", "merged"] {
        assert!(picture(Some(&apply(&format!(r#""weight": 0.0, "mode": "{mode}""#)))) == plain, "weight 0, {mode}");
    }
    assert!(picture(Some(&apply(r#""enabled": false"#))) == plain, "not enabled");
    let off = r#"{ "enabled": false, "file": "style.safetensors", "weight": 1.0 }"#;
    let zero = r#"{ "enabled": true, "file": "text-te.safetensors", "weight": 0.0 }"#;
    let gone = r#"{ "enabled": false, "file": "not/there.safetensors", "weight": 1.0 }"#;
    assert!(picture(Some(&stack(""))) == plain, "no rows");
    assert!(picture(Some(&stack(gone))) == plain, "a row that is off needs no file");
    assert!(picture(Some(&stack(&format!("{off}, {zero}")))) == plain, "rows that are off");
}

#[test]
fn what_is_on_shows() {
    let plain = picture(None);
    let one = picture(Some(&apply(r#""weight": 0.5"#)));
    assert!(one != plain, "the LoRA does nothing");
    assert!(picture(Some(&apply(r#""weight": -0.5"#))) != one, "the weight's sign does nothing");
    let row = r#"{ "enabled": true, "file": "style", "weight": 0.5 }"#;
    let off = r#"{ "enabled": false, "file": "text-te.safetensors", "weight": 1.0 }"#;
    assert!(picture(Some(&stack(&format!("{off}, {row}")))) == one, "a row is as good as a node");
}
