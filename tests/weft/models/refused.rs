//! Models and lists of folders that cannot be used.

use crate::bad_input::{Case, Place, assert_all};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn listed(at: &Place, yaml: &str) -> Vec<String> {
    let list = at.write("list.yaml", yaml);
    words(&["models", "--extra-model-paths", &list])
}

#[test]
fn models_that_cannot_be_read() {
    assert_all(&[
        Case {
            name: "no such model",
            arrange: |at| {
                at.write("models/vae/flux.safetensors", "");
                words(&["models", "flix", "--models", &at.path("models")])
            },
            code: 6,
            says: &["there is no model flix", "there is `vae/flux.safetensors`", "`weft models` lists"],
        },
        Case {
            name: "two of that name",
            arrange: |at| {
                at.write("models/vae/a.safetensors", "");
                at.write("models/loras/a.safetensors", "");
                words(&["models", "a", "--models", &at.path("models")])
            },
            code: 6,
            says: &["may be `loras/a.safetensors`, `vae/a.safetensors`", "give the folder"],
        },
        Case {
            name: "an empty file",
            arrange: |at| words(&["models", &at.write("a.safetensors", "")]),
            code: 6,
            says: &["a.safetensors is empty", "download"],
        },
        Case {
            name: "half a file",
            arrange: |at| words(&["models", &at.write("a.safetensors", b"\xff\0\0\0\0\0\0\0{")]),
            code: 6,
            says: &["cut off within its header"],
        },
        Case {
            name: "a folder without weights",
            arrange: |at| {
                at.write("folder/README.md", "text");
                words(&["models", &at.path("folder")])
            },
            code: 6,
            says: &["holds no file of weights"],
        },
        Case {
            name: "a model whose index lost a part",
            arrange: |at| {
                at.write("m/a.safetensors.index.json", r#"{"weight_map": {"w": "gone.safetensors"}}"#);
                words(&["models", &at.path("m")])
            },
            code: 6,
            says: &["gone.safetensors is missing"],
        },
        Case {
            name: "a schedule that is none",
            arrange: |at| words(&["models", &at.write("schedules/a.json", "{}")]),
            code: 6,
            says: &["a.json is no calibration", "weft calibrate"],
        },
        Case {
            name: "both flags",
            arrange: |_| words(&["models", "--hash", "--no-hash"]),
            code: 2,
            says: &["--no-hash"],
        },
    ]);
}

#[test]
fn lists_of_folders_that_cannot_be_read() {
    assert_all(&[
        Case {
            name: "no such list",
            arrange: |at| words(&["models", "--extra-model-paths", &at.path("none.yaml")]),
            code: 2,
            says: &["no file", "none.yaml", "where: --extra-model-paths"],
        },
        Case {
            name: "broken YAML",
            arrange: |at| listed(at, "a:\n  loras: [x\n  vae: y\n"),
            code: 6,
            says: &["list.yaml is no list of model folders", "list.yaml:", "correct this line"],
        },
        Case {
            name: "a list in place of a text",
            arrange: |at| listed(at, "a:\n  base_path: /x\n  loras: [x, y]\n"),
            code: 6,
            says: &["list.yaml:3", "loras is to be a text"],
        },
        Case {
            name: "no sections",
            arrange: |at| listed(at, "models\n"),
            code: 6,
            says: &["list.yaml:1", "names with values"],
        },
        Case {
            name: "a name twice",
            arrange: |at| listed(at, "a:\n  vae: x\n  vae: y\n"),
            code: 6,
            says: &["list.yaml:3", "duplicated key"],
        },
        Case {
            name: "no text",
            arrange: |at| {
                let list = at.write("list.yaml", b"\xff\xfe\0");
                words(&["models", "--extra-model-paths", &list])
            },
            code: 6,
            says: &["list.yaml cannot be read", "it is not text"],
        },
        Case {
            name: "a broken list beside models, for every command",
            arrange: |at| {
                let run = at.own_model("plain");
                at.write("extra_model_paths.yaml", "a:\n- b: c\n d\n");
                run
            },
            code: 6,
            says: &["extra_model_paths.yaml is no list"],
        },
    ]);
}
