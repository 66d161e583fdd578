//! What is foreseen of a run's memory, beside MLX's own count of the bytes that its tensors had.

use serde_json::Value;

use super::bad_input::{Place, end};
use crate::program::{command, root, run_well};

/// How far off a run's peak may be foreseen.
const ALLOWED: f64 = 0.15;

/// What `--json` says of a run of an example with the models that ship.
fn said(example: &str, values: &[&str]) -> Value {
    let (at, graph, models) = (Place::new(), root().join("graphs").join(example), root().join("models"));
    let [graph, models] = [graph, models].map(|path| path.display().to_string());
    let out = at.path("out");
    let mut arguments = vec!["run", &graph, "--models", &models, "--device", "cpu", "--json", "--quiet", "-o", &out];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    serde_json::from_str(&run_well(&arguments).stdout).expect("JSON")
}

fn bytes(value: &Value) -> f64 {
    value.as_u64().expect("a number of bytes") as f64
}

/// The most bytes that tensors had while a node ran.
fn taken(said: &Value, node: &str) -> f64 {
    let nodes = said["nodes"].as_array().expect("nodes");
    bytes(&nodes.iter().find(|found| found["node"] == node).expect("the node")["peak_tensor_bytes"])
}

fn foreseen(said: &Value) -> f64 {
    let phases = said["memory"]["phases"].as_array().expect("phases").iter();
    phases.map(|phase| bytes(&phase["tensor_bytes"])).fold(0.0, f64::max)
}

#[test]
fn a_run_takes_what_was_foreseen() {
    let sides = ["latent.width=256", "latent.height=384"];
    for (example, values, node) in [
        ("text-to-image.ron", &sides[..], "decode"),
        ("text-to-image.ron", &["latent.width=512", "latent.height=512", "sample.steps=1"], "decode"),
        ("esrgan.ron", &[], "upscale"),
    ] {
        let said = said(example, values);
        let memory = &said["memory"];
        assert_eq!((&memory["node"], &memory["is_all"]), (&node.into(), &true.into()), "{example}: {memory}");
        let (foreseen, taken) = (foreseen(&said), bytes(&said["peak_tensor_bytes"]));
        assert!((foreseen / taken - 1.0).abs() < ALLOWED, "{example}: {foreseen} bytes foreseen, {taken} taken");
        assert!(bytes(&memory["bytes"]) > foreseen && bytes(&memory["available_bytes"]) > foreseen, "{memory}");
    }
}

/// With denoise 0 nothing is sampled: what is there then is what the prompt has left.
#[test]
fn the_text_encoder_goes_when_the_prompt_is_encoded() {
    let said = said("text-to-image.ron", &["sample.denoise=0"]);
    let (encoding, after) = (taken(&said, "prompt"), taken(&said, "sample"));
    assert!(encoding > 1e6 && after < encoding / 20.0, "{encoding} bytes while it encodes, {after} after it");
}

/// The transformer is of no use to the VAE: a single run gives its weights back first.
#[test]
fn the_network_goes_when_everything_is_sampled() {
    let said = said("text-to-image.ron", &["sample.steps=1"]);
    let (sampling, saving) = (taken(&said, "sample"), taken(&said, "save"));
    assert!(saving < sampling / 4.0, "{sampling} bytes while it samples, {saving} at the end");
}

#[test]
fn a_run_tells_what_it_will_need_before_it_begins() {
    let (at, graph, models) = (Place::new(), root().join("graphs/text-to-image.ron"), root().join("models"));
    let [graph, models] = [graph, models].map(|path| path.display().to_string());
    let arguments = ["run", &graph, "--models", &models, "--device", "cpu", "-o", &at.path("out")];
    let said = end(command(&arguments).env("WEFT_MEMORY", "0.02")).expect("an end");
    assert_eq!(said.code, Some(7), "{}", said.stderr);
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert!(lines[0].contains("needs about 0.") && lines[0].ends_with("0.02 GB can be had"), "{}", said.stderr);
    for part in ["the run would need about", "node `prompt` (text-encode/EncodeText)", "help: "] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}
