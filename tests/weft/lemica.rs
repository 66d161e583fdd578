//! LeMiCa through the whole program, on the golden model and on the demo's.

use std::path::Path;

use serde_json::Value;

mod runs;

use crate::plugin;
use crate::program::{golden, root, run, run_well, tensors, text_to_image};

/// The usual graph with a LeMiCa before its sampler, of 8 steps.
fn graph(folder: &Path, inputs: &str) -> String {
    let cache = format!(
        r#""cache": (kind: "sampler/LeMiCa", inputs: {{ "model": Link("model.model"), {inputs} }}), "sample": ("#
    );
    let text = text_to_image().replace(r#""sample": ("#, &cache).replace(r#""steps": 4"#, r#""steps": 8"#);
    let text = text.replace(
        r#"inputs: { "model": Link("model.model"), "positive""#,
        r#"inputs: { "model": Link("cache.model"), "positive""#,
    );
    let path = folder.join("graph.ron");
    std::fs::write(&path, text).expect("a graph");
    path.display().to_string()
}

/// The last latent of a run, and what its nodes noted.
fn sampled(inputs: &str, more: &[&str]) -> (Vec<f32>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (graph, file) = (graph(folder.path(), inputs), folder.path().join("latent.safetensors"));
    let (models, out) = (golden("plain").display().to_string(), folder.path().display().to_string());
    let dump = format!("sample.latent={}", file.display());
    let arguments =
        ["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--json", "--quiet", "--dump", &dump];
    let said: Value = serde_json::from_str(&run_well(&[&arguments[..], more].concat()).stdout).expect("JSON");
    // What the loader says of memory is another matter.
    let notes = said["notes"].as_array().expect("notes").iter().filter(|note| note["node"] != "model");
    let notes = notes.filter_map(|note| note["text"].as_str().map(str::to_owned));
    (tensors(&file)["samples"].1.clone(), notes.collect())
}

#[test]
fn all_steps_computed_give_the_bytes_of_none_skipped() {
    let (exact, notes) = sampled(r#""mode": "off""#, &[]);
    assert!(notes.is_empty(), "{notes:?}");
    let (all, notes) = sampled(r#""mode": "budget", "budget": 8"#, &[]);
    assert_eq!(notes, ["LeMiCa computes 8 of 8 steps: 1 2 3 4 5 6 7 8"]);
    assert!(exact == all, "the same numbers");
    assert!(sampled(r#""mode": "fast""#, &[]).0 != exact, "fast skips");
}

#[test]
fn modes_compute_six_five_and_four_of_eight() {
    for (mode, steps) in [
        ("slow", "6 of 8 steps: 1 2 3 4 6 8"),
        ("medium", "5 of 8 steps: 1 2 4 6 8"),
        ("fast", "4 of 8 steps: 1 2 5 8"),
    ] {
        let (_, notes) = sampled(&format!(r#""mode": "{mode}""#), &[]);
        assert_eq!(notes, [format!("LeMiCa computes {steps}")]);
    }
    let (_, notes) = sampled(r#""mode": "medium", "compute_last": false"#, &[]);
    assert_eq!(notes, ["LeMiCa computes 5 of 8 steps: 1 2 3 5 7"]);
    // A part of the noise is a run of 4 steps, with a plan of its own.
    let (_, notes) = sampled(r#""mode": "fast""#, &["--set", "sample.denoise=0.5"]);
    assert_eq!(notes, ["LeMiCa computes 2 of 4 steps: 1 4"]);
}

/// The probe fails where a step did not reach the layers.
#[test]
fn skipped_steps_do_not_reach_the_layers() {
    let plugins = plugin::plugins();
    for (mode, reaches) in [("\"budget\", \"budget\": 8", true), ("\"medium\"", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = graph(folder.path(), &format!("\"mode\": {mode}"));
        let text = std::fs::read_to_string(&path).expect("the graph");
        let probe = r#""probe": (kind: "probe/Around", inputs: { "model": Link("model.model"), "point": "layers.0", "mode": "pass" }), "cache": ("#;
        let text = text.replace(r#""cache": ("#, probe).replace(
            r#"LeMiCa", inputs: { "model": Link("model.model")"#,
            r#"LeMiCa", inputs: { "model": Link("probe.model")"#,
        );
        std::fs::write(&path, text).expect("the graph");
        let (models, plugins) = (golden("plain").display().to_string(), plugins.path().display().to_string());
        let out = folder.path().display().to_string();
        let said = run(&["run", &path, "--models", &models, "--plugins", &plugins, "-o", &out, "--device", "cpu"]);
        assert_eq!(said.code == Some(0), reaches, "{}", said.stderr);
        assert_eq!(said.stderr.contains("pass 2 at another step"), !reaches, "{}", said.stderr);
    }
}

#[test]
fn a_calibration_is_written_taken_up_and_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let graph = graph(folder.path(), r#""mode": "slow""#);
    std::fs::write(path("prompts.txt"), "# two\na red fox\n\nsnow\n").expect("prompts");
    std::fs::create_dir_all(path("models/schedules")).expect("a folder");
    let (models, output) = (golden("plain").display().to_string(), path("models/schedules/plain.json"));
    let prompts = path("prompts.txt");
    let calibrate = |more: &[&str]| {
        let start = ["calibrate", &graph, "--prompts", &prompts, "-o", &output, "--models", &models, "--device", "cpu"];
        run(&[&start[..], more].concat())
    };
    let said = calibrate(&["--json", "--budget", "4", "6"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let file: Value = serde_json::from_slice(&std::fs::read(&output).expect("a calibration")).expect("JSON");
    assert_eq!((file["format"].as_u64(), file["pictures"].as_u64()), (Some(1), Some(2)));
    assert_eq!(file["edges"].as_array().map(Vec::len), Some(28), "every pair of steps with one between them");
    assert_eq!(file["made_with"]["model"].as_str().map(str::len), Some(64), "{}", file["made_with"]);
    assert_eq!(file["size"], serde_json::json!([64, 64]));
    for budget in [4, 6] {
        let steps = file["schedules"][budget.to_string()].as_array().expect("a schedule").clone();
        assert_eq!((steps.len(), &steps[0], &steps[budget - 1]), (budget, &0.into(), &7.into()));
    }
    assert!(!Path::new(&path("models/schedules/plain.json.partial")).exists());

    let (_, notes) = sampled(r#""mode": "fast", "schedule": "plain.json""#, &["--models", &path("models")]);
    let steps: Vec<String> = file["schedules"]["4"]
        .as_array()
        .expect("one")
        .iter()
        .map(|step| (step.as_u64().expect("a step") + 1).to_string())
        .collect();
    assert_eq!(notes, [format!("LeMiCa computes 4 of 8 steps: {}", steps.join(" "))]);

    // What an earlier run measured is not measured again: its file alone gives the same result.
    let said = calibrate(&["--seeds", "2"]);
    assert!(said.stderr.contains("picture 4 of 4"), "{}", said.stderr);
    let other = folder.path().join("other.ron");
    std::fs::write(&other, std::fs::read_to_string(&graph).expect("the graph").replace("\"steps\": 8", "\"steps\": 4"))
        .expect("a graph");
    let out = folder.path().display().to_string();
    let said = run(&[
        "run",
        &other.display().to_string(),
        "--models",
        &models,
        "--models",
        &path("models"),
        "--set",
        "cache.schedule=plain.json",
        "--set",
        "sample.shift=5.0",
        "-o",
        &out,
    ]);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert!(said.stderr.contains("other sigmas than this run of 4"), "{}", said.stderr);
}

#[test]
fn what_cannot_be_calibrated_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.txt");
    std::fs::write(&empty, "# nothing\n").expect("a file");
    let (empty, output) = (empty.display().to_string(), folder.path().join("o.json").display().to_string());
    let graph = root().join("graphs/text-to-image.ron").display().to_string();
    let said = run(&["calibrate", &graph, "--prompts", &empty, "-o", &output]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("has no prompt"), "{}", said.stderr);
    let said = run(&["calibrate", &graph, "--prompts", "/not/there.txt", "-o", &output]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("cannot be read"), "{}", said.stderr);
}

/// `weft calibrate` puts it into a graph; nobody else needs it.
#[test]
fn the_measuring_node_is_known_but_not_offered() {
    let listed = run_well(&["nodes"]).stdout;
    assert!(listed.contains("sampler/LeMiCa") && !listed.contains("MeasureLeMiCa"), "{listed}");
    assert!(run_well(&["nodes", "sampler/MeasureLeMiCa"]).stdout.contains("weft calibrate"));
}

/// The file that ships finds the steps for every budget, by its name.
#[test]
fn the_calibration_of_the_demo_model_is_found() {
    let graph = root().join("graphs/lemica.ron").display().to_string();
    let (folder, models) = (tempfile::tempdir().expect("a folder"), root().join("models").display().to_string());
    let out = folder.path().display().to_string();
    for (mode, steps) in [("slow", "6 of 8"), ("medium", "5 of 8"), ("fast", "4 of 8")] {
        let set = format!("cache.mode={mode}");
        let said = run_well(&["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--set", &set]);
        assert!(said.stderr.contains(&format!("LeMiCa computes {steps} steps: 1 ")), "{}", said.stderr);
    }
}
