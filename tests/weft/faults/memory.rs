//! A limit on memory that is met for real: a message, a code, and nothing half written.

use std::process::Command;

use crate::bad_input::{Place, end};
use crate::program::{home, root, weft};

/// What the demo model decodes at once, 1024 × 1024 pixels, with so many KiB of address space for each process.
fn within(at: &Place, kibibytes: u64) -> crate::program::Said {
    let graph = r#"Graph(format: 1, nodes: {
        "model": (kind: "model-loader/LoadModel", inputs: { "path": "demo" }),
        "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 1024, "height": 1024 }),
        "decode": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("latent.latent"), "tile": "off" }),
        "save": (kind: "image-io/SaveImage", inputs: { "image": Link("decode.image"), "name": "fox" }) })"#;
    let (graph, models) = (at.write("graph.ron", graph), root().join("models").display().to_string());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"")).arg(weft()).env("HOME", home());
    shell.args(["run", &graph, "--models", &models, "-o", &at.path("out"), "--device", "cpu"]);
    end(&mut shell).expect("an end")
}

/// Under a limit of the shell that is between what is foreseen and what is needed, the allocation itself fails.
#[test]
fn an_allocation_that_fails_is_told() {
    let mut refused = 0;
    for megabytes in [400, 600, 800] {
        let at = Place::new();
        let said = within(&at, megabytes << 10);
        if said.code == Some(0) {
            assert_eq!(at.written(), ["fox.png"]);
            continue;
        }
        refused += 1;
        assert!(matches!(said.code, Some(7 | 8)), "{megabytes} MB: {:?}: {}", said.code, said.stderr);
        for part in ["error: ", "help: "] {
            assert!(said.stderr.contains(part), "{megabytes} MB: no word of `{part}`: {}", said.stderr);
        }
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        assert_eq!(at.written(), Vec::<String>::new());
    }
    assert!(refused > 0, "no limit was met");
}
