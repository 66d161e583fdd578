//! `weft convert lora`: files in other layouts come to the same weights, there and back.

use std::path::Path;

use safetensors::SafeTensors;

use super::{Case, Lora, WEIGHTS, cases, chain, doubles, dumped, goldens, graph, relative};
use crate::program::{run, run_well};

const LAYOUTS: [&str; 4] = ["diffusers", "comfyui", "kohya", "native"];

/// One file a way to name and scale, and every kind.
const FILES: [&str; 16] = [
    "layout-ai-toolkit",
    "layout-kohya-native",
    "layout-native",
    "layout-metadata",
    "layout-float8",
    "layout-joined",
    "dora-row",
    "dora-column",
    "dora-row-fused",
    "lokr-w2",
    "loha",
    "diff",
    "diff-fused",
    "full-native",
    "text-checkpoint",
    "both",
];

fn convert(from: &Path, to: &Path, layout: &str) {
    let [from, to] = [from, to].map(|path| path.display().to_string());
    run_well(&["convert", "lora", &from, &to, "--layout", layout]);
}

/// Converts to every layout, and from each of these to the next.
fn converted(case: &Case, folder: &Path) -> Vec<Lora> {
    let Lora { file, weight } = &case.loras[0];
    let mut last = goldens("plain").join("loras").join(file);
    let mut made = Vec::new();
    for layout in LAYOUTS {
        for (from, way) in [(goldens("plain").join("loras").join(file), "at-once"), (last.clone(), "further")] {
            let name = format!("{}-{layout}-{way}.safetensors", case.name);
            convert(&from, &folder.join(&name), layout);
            last = folder.join(&name);
            made.push(Lora { file: name, weight: *weight });
        }
    }
    made
}

#[test]
fn converted_files_come_to_the_same_weights() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("loras");
    std::fs::create_dir(&folder).expect("a folder");
    let cases = cases("plain").cases;
    for name in FILES {
        let case = cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
        let files = converted(case, &folder);
        let nodes: String = files
            .iter()
            .enumerate()
            .map(|(index, lora)| {
                chain(std::slice::from_ref(lora), "merged").replace("\"merged\": (", &format!("\"n{index}\": ("))
            })
            .collect();
        let outputs: Vec<String> = (0..files.len())
            .flat_map(|index| ["model", "text_encoder"].map(|part| format!("n{index}.{part}")))
            .collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let found = dumped("plain", &graph(&nodes), &outputs, Some(place.path()));
        for (full, expected) in doubles(&goldens("plain").join(&case.effective)) {
            let (part, tensor) = full.split_once('.').expect("a part");
            let part = if part == "transformer" { "model" } else { part };
            for (index, lora) in files.iter().enumerate() {
                let error = relative(&found[&format!("n{index}.{part}")][tensor].1, &expected);
                assert!(error <= WEIGHTS, "{}: {full} is {error:.1e} off", lora.file);
            }
        }
    }
}

/// What people wrote beside the numbers is theirs.
#[test]
fn metadata_is_kept() {
    let place = tempfile::tempdir().expect("a folder");
    let from = place.path().join("from.safetensors");
    let numbers = [0u8; 2 * 24 * 4];
    let view = |shape: [usize; 2]| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), &numbers).expect("numbers")
    };
    let module = "diffusion_model.layers.0.attention.to_q";
    let tensors =
        [(format!("{module}.lora_A.weight"), view([2, 24])), (format!("{module}.lora_B.weight"), view([24, 2]))];
    let metadata = [("trigger_words", "ink fox"), ("modelspec.title", "Füchse")];
    let metadata = metadata.map(|(key, text)| (key.to_owned(), text.to_owned())).into_iter().collect();
    std::fs::write(&from, safetensors::serialize(tensors, Some(metadata)).expect("a file")).expect("the file");
    for layout in LAYOUTS {
        let to = place.path().join(format!("{layout}.safetensors"));
        convert(&from, &to, layout);
        let bytes = std::fs::read(&to).expect("the file");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        let metadata = header.metadata().as_ref().expect("metadata");
        assert_eq!(metadata.get("trigger_words").map(String::as_str), Some("ink fox"), "{layout}");
        assert_eq!(metadata.get("modelspec.title").map(String::as_str), Some("Füchse"), "{layout}");
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let place = tempfile::tempdir().expect("a folder");
    let from = goldens("plain").join("loras/style.safetensors").display().to_string();
    let to = place.path().join("to.safetensors");
    std::fs::write(&to, "mine").expect("a file");
    let said = run(&["convert", "lora", &from, &to.display().to_string(), "--layout", "kohya"]);
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    assert_eq!(std::fs::read(&to).expect("a file"), b"mine");
}
