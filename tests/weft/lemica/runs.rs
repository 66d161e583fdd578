//! LeMiCa in every kind of run: image to image, another size, guidance, batches, LoRAs, and one run after another.

use std::collections::BTreeMap;
use std::path::Path;

use crate::engine::{follow, start};
use crate::program::{golden, relative_l2, root, run_well, tensors};

/// What every graph here begins with.
const BEFORE: &str = r#"
    "model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),
    "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "a red fox" }),
    "other": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "snow" }),
    "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 64, "height": 64 }),
    "wide": (kind: "sampler/EmptyLatent", inputs: { "width": 96, "height": 64 }),
    "two": (kind: "sampler/EmptyLatent", inputs: { "width": 64, "height": 64, "batch": 2 }),
    "fast": (kind: "sampler/LeMiCa", inputs: { "model": Link("model.model"), "mode": "fast" }),
    "all": (kind: "sampler/LeMiCa", inputs: { "model": Link("model.model"), "mode": "budget", "budget": 8 }),"#;

fn graph(samples: &str) -> String {
    format!("Graph(format: 1, nodes: {{ {BEFORE} {samples} }})")
}

/// A sampler of 8 steps.
fn sample(name: &str, model: &str, latent: &str, inputs: &str) -> String {
    format!(
        r#""{name}": (kind: "sampler/Sample", inputs: {{ "model": Link("{model}.model"), "positive": Link("prompt.conditioning"),
            "latent": Link("{latent}.latent"), {inputs} }}),"#
    )
}

/// The latents that these samplers end with.
fn latents(models: &Path, text: &str, names: &[&str]) -> BTreeMap<String, Vec<f32>> {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("graph.ron"), text).expect("a graph");
    let (graph, out, models) = (at("graph.ron"), at("out"), models.display().to_string());
    let mut arguments = vec!["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"];
    let dumps: Vec<String> = names.iter().map(|name| format!("{name}.latent={}", at(name))).collect();
    dumps.iter().for_each(|dump| arguments.extend(["--dump", dump]));
    run_well(&arguments);
    names.iter().map(|name| ((*name).to_owned(), tensors(Path::new(&at(name)))["samples"].1.clone())).collect()
}

fn of_golden(samples: &str, names: &[&str]) -> BTreeMap<String, Vec<f32>> {
    latents(&golden("plain"), &graph(samples), names)
}

/// What is not skipped is not touched, whatever else the run does.
#[test]
fn all_steps_give_the_same_bytes_in_every_kind_of_run() {
    for (latent, inputs) in [
        ("latent", r#""denoise": 0.5"#),
        ("latent", r#""guidance": 2.0, "negative": Link("other.conditioning")"#),
        ("two", r#""seed": 5"#),
        ("wide", r#""sampler": "heun""#),
        ("wide", r#""sampler": "dpmpp_2m_sde""#),
    ] {
        let samples = [("plain", "model"), ("cached", "all"), ("skips", "fast")];
        let samples: String = samples.iter().map(|(name, model)| sample(name, model, latent, inputs)).collect();
        let found = of_golden(&samples, &["plain", "cached", "skips"]);
        assert!(found["plain"] == found["cached"], "{latent} {inputs}");
        assert!(found["plain"] != found["skips"], "{latent} {inputs}");
        let error = relative_l2(&found["skips"], &found["plain"]);
        assert!(error < 0.5, "{latent} {inputs}: {error}");
    }
}

/// One model with one LeMiCa, as in an upscale: first the picture, then a part of the steps at another size, then another picture.
#[test]
fn a_run_does_not_meet_the_one_before() {
    let first = sample("first", "fast", "latent", r#""seed": 3"#);
    let refine = sample("refine", "fast", "wide", r#""seed": 4, "denoise": 0.5"#);
    let again = sample("again", "fast", "latent", r#""seed": 5"#);
    let together = of_golden(&format!("{first}{refine}{again}"), &["first", "refine", "again"]);
    for (name, alone) in [("first", first), ("refine", refine), ("again", again)] {
        assert!(of_golden(&alone, &[name])[name] == together[name], "{name}");
    }
}

/// Next to no guidance is none. It would be something, if the prompt's passes took what the other one's had added.
#[test]
fn both_prompts_keep_their_own() {
    let guided = |name: &str, guidance: &str| {
        sample(name, "fast", "latent", &format!(r#""guidance": {guidance}, "negative": Link("other.conditioning")"#))
    };
    let samples = sample("alone", "fast", "latent", "") + &guided("nearly", "0.000001") + &guided("much", "3.0");
    let found = of_golden(&samples, &["alone", "nearly", "much"]);
    assert!(relative_l2(&found["nearly"], &found["alone"]) < 1e-4);
    assert!(relative_l2(&found["much"], &found["alone"]) > 1e-3);
}

#[test]
fn pictures_of_a_batch_are_those_of_their_seeds() {
    let samples = sample("both", "fast", "two", r#""seed": 7"#)
        + &sample("one", "fast", "latent", r#""seed": 7"#)
        + &sample("two-alone", "fast", "latent", r#""seed": 8"#);
    let found = of_golden(&samples, &["both", "one", "two-alone"]);
    let (first, second) = found["both"].split_at(found["both"].len() / 2);
    assert!(relative_l2(first, &found["one"]) < 1e-4);
    assert!(relative_l2(second, &found["two-alone"]) < 1e-4);
}

/// Before or behind a LoRA, live or merged: the hook sees the layers as they are then.
#[test]
fn loras_and_lemica_come_in_either_order() {
    let lora = |name: &str, model: &str, mode: &str| {
        format!(
            r#""{name}": (kind: "lora/ApplyLora", inputs: {{ "model": Link("{model}.model"), "file": "styles/night.safetensors", "mode": "{mode}" }}),"#
        )
    };
    let mut text = BEFORE.replace(r#""path": "model""#, r#""path": "demo""#);
    for mode in ["live", "merged"] {
        text += &lora(&format!("{mode}-lora"), "model", mode);
        text += &format!(
            r#""{mode}-behind": (kind: "sampler/LeMiCa", inputs: {{ "model": Link("{mode}-lora.model"), "mode": "fast" }}),"#
        );
        text += &lora(&format!("{mode}-before"), "fast", mode);
        text += &sample(&format!("{mode} a"), &format!("{mode}-behind"), "latent", "");
        text += &sample(&format!("{mode} b"), &format!("{mode}-before"), "latent", "");
    }
    text += &sample("none", "fast", "latent", "");
    let names = ["live a", "live b", "merged a", "merged b", "none"];
    let found = latents(&root().join("models"), &format!("Graph(format: 1, nodes: {{ {text} }})"), &names);
    for mode in ["live", "merged"] {
        assert!(found[&format!("{mode} a")] == found[&format!("{mode} b")], "{mode}");
        assert!(relative_l2(&found[&format!("{mode} a")], &found["none"]) > 1e-2, "{mode}");
    }
}

/// Two runs of one engine, as in the editor, and one of another that begins with the second.
#[test]
fn the_second_run_of_an_engine_is_like_the_first() {
    let picture = |engine: &mut _, seed: u32| {
        let out = tempfile::tempdir().expect("a folder");
        let save = r#""save": (kind: "sampler/SaveLatent", inputs: { "latent": Link("s.latent"), "name": "latent" }),"#;
        let text = graph(&(sample("s", "fast", "latent", &format!(r#""seed": {seed}"#)) + save));
        let graph = weft::graph::Graph::parse(&text, "the test's graph").expect("a graph");
        let job = crate::engine::job(engine, &graph, out.path());
        engine.run(job);
        follow(engine).expect("the engine lives");
        tensors(&out.path().join("latent.safetensors"))["samples"].1.clone()
    };
    let (mut one, mut other) = (start(), start());
    let (first, second) = (picture(&mut one, 1), picture(&mut one, 2));
    assert!(first != second);
    assert!(picture(&mut other, 2) == second);
}
