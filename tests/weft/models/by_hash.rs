//! A graph that names a model by another machine's name for it.

use super::{json, read, sha256};
use crate::bad_input::{Place, copy};
use crate::program::{golden, run, run_well, text_to_image};

/// The usual graph with a LoRA, and a folder of both.
fn arranged() -> (Place, String) {
    let at = Place::new();
    at.own_model("plain");
    at.write(
        "models/loras/style.safetensors",
        read(&golden("lora/plain/loras/style.safetensors").display().to_string()),
    );
    let lora = r#""lora": (kind: "lora/ApplyLora", inputs: { "model": Link("model.model"), "file": "style" }),"#;
    let graph = text_to_image().replace("        \"sample\":", &format!("        {lora}\n        \"sample\":"));
    let graph =
        graph.replace(r#""model": Link("model.model"), "positive""#, r#""model": Link("lora.model"), "positive""#);
    (at, graph)
}

fn drawn(at: &Place, graph: &str, out: &str, hash: bool) -> (String, Vec<u8>) {
    let graph = at.write("graph.ron", graph);
    let (models, out) = (at.path("models"), at.path(out));
    let more: &[&str] = if hash { &["--hash"] } else { &[] };
    let arguments = ["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"];
    let said = run_well(&[&arguments[..], more].concat());
    let picture = image::open(format!("{out}/fox.png")).expect("a picture").to_rgb8().into_raw();
    (said.stderr, picture)
}

#[test]
fn a_picture_draws_itself_again_with_models_of_other_names() {
    let (at, graph) = arranged();
    let (said, expected) = drawn(&at, &graph, "first", true);
    assert!(!said.contains("note:"), "{said}");
    let told = run_well(&["info", &at.path("first/fox.png")]).stdout;
    let hash = sha256(&read(&at.path("models/loras/style.safetensors")));
    assert!(told.contains(&format!("\"loras/style\": (sha256: \"{hash}\", bytes: 14272)")), "{told}");
    assert!(told.contains("\"model\": (sha256: \"") && !told.contains(&at.path("")), "{told}");

    // The other machine: the model in a download cache, the LoRA in a folder, another file of its size beside it.
    let other = Place::new();
    copy(&golden("plain").join("model"), other.path("models/models--me--fox/snapshots/1").as_ref());
    let style = read(&at.path("models/loras/style.safetensors"));
    other.write("models/loras/ink/night.safetensors", &style);
    other.write("models/loras/a.safetensors", style.iter().rev().copied().collect::<Vec<u8>>());
    let (said, picture) = drawn(&other, &told, "second", false);
    for note in [
        "note: `model` is not there; using `models--me--fox`, which has the same SHA-256",
        "note: `style` is not there; using `ink/night.safetensors`, which has the same SHA-256",
    ] {
        assert!(said.contains(note), "{said}");
    }
    assert!(picture == expected, "the same picture");
    let told = run_well(&["info", &other.path("second/fox.png")]).stdout;
    assert!(told.contains("\"loras/ink/night.safetensors\": (sha256:") && !told.contains("\"loras/style\""), "{told}");

    // And one that has neither.
    let nothing = Place::new();
    nothing.write("models/loras/a.safetensors", "");
    let graph = nothing.write("graph.ron", &told);
    let said = run(&["check", &graph, "--models", &nothing.path("models")]);
    assert!(said.code == Some(4) && said.stderr.contains("`models--me--fox` is"), "{}", said.stderr);
}

/// Bytes of a picture depend on its graph, not on what is known of the models meanwhile.
#[test]
fn a_hash_that_is_known_changes_no_picture() {
    let (at, graph) = arranged();
    let picture = |out: &str| {
        drawn(&at, &graph, out, false);
        std::fs::read(at.path(&format!("{out}/fox.png"))).expect("a picture")
    };
    let before = picture("before");
    json(&["models", "--hash", "--json", "--models", &at.path("models")]);
    assert!(before == picture("after"));
}

#[test]
fn what_is_not_known_is_kept() {
    let (at, graph) = arranged();
    let field = "    models: { \"loras/style\": (bytes: 1, sha256: \"00\", later: true) },\n)";
    let graph = graph.replace("\n)", &format!("\n{field}"));
    // The file that is there is used, whatever the graph says of it.
    let (said, _) = drawn(&at, &graph, "out", false);
    assert!(!said.contains("note:"), "{said}");
    let told = run_well(&["info", &at.path("out/fox.png")]).stdout;
    assert!(told.contains("\"loras/style\": (bytes: 1, sha256: \"00\", later: true)"), "{told}");
}
