//! `weft convert lora`: what comes back, what it tells, and what is refused.

use super::*;

/// `weft convert lora` of a file in `place`.
fn convert(place: &Place, from: &str, to: &str, layout: &str) -> Said {
    run_well(&["convert", "lora", &place.path(from), &place.path(to), "--layout", layout])
}

/// There and back again: the same names, shapes, types and bytes, and the same metadata.
#[test]
fn every_layout_comes_back() {
    let place = Place::new();
    let mut file = lora();
    // Types that the safetensors crate knows and tensors do not.
    let half = |(_, shape, bytes): Raw| {
        (
            Dtype::F64,
            shape,
            bytes
                .as_chunks()
                .0
                .iter()
                .flat_map(|number| f64::from(f32::from_le_bytes(*number)).to_le_bytes())
                .collect(),
        )
    };
    for name in ["lora_A", "lora_B"] {
        let name = format!("diffusion_model.layers.0.attention.to_out.0.{name}.weight");
        let raw = file.remove(&name).expect("it is there");
        file.insert(name, half(raw));
    }
    place.write("ink.safetensors", bytes(&file, &metadata()));
    for (layout, name) in [
        ("diffusers", "transformer.layers.0.attention.to_out.0.lora_A.weight"),
        ("comfyui", "diffusion_model.layers.0.attention.to_out.0.lora_A.weight"),
        ("kohya", "lora_unet_layers_0_attention_to_out_0.lora_down.weight"),
        ("native", "diffusion_model.layers.0.attention.out.lora_A.weight"),
    ] {
        let there = format!("{layout}.safetensors");
        let said = convert(&place, "ink.safetensors", &there, layout);
        assert_eq!(said.stdout.trim_end(), place.path(&there));
        let (tensors, data) = read(&place.path(&there));
        assert_eq!(tensors[name].0, Dtype::F64, "{layout}");
        assert_eq!(data["trigger_words"], metadata()["trigger_words"], "{layout}");
        let report = json(&run_well(&["loras", &place.path(&there), "--json"]));
        assert!(report["problem"].is_null() && report["counts"]["applied"] == tensors.len(), "{layout}: {report}");

        convert(&place, &there, &format!("back-{there}"), "comfyui");
        assert_eq!(read(&place.path(&format!("back-{there}"))), (file.clone(), metadata()), "{layout}");
        convert(&place, "ink.safetensors", &format!("again-{there}"), layout);
        let whole = |name: &str| std::fs::read(place.path(name)).expect("it was written");
        assert_eq!(whole(&there), whole(&format!("again-{there}")), "{layout}: the same bytes each time");
    }
}

#[test]
fn a_conversion_as_json() {
    let place = Place::new();
    let from = place.write("ink.safetensors", bytes(&lora(), &metadata()));
    let to = place.path("kohya.safetensors");
    let said = json(&run_well(&["convert", "lora", &from, &to, "--layout", "kohya", "--json"]));
    assert_eq!((&said["path"], &said["tensors"]), (&to.as_str().into(), &24.into()));
    assert_eq!(said["bytes"].as_u64(), std::fs::metadata(&to).ok().map(|metadata| metadata.len()));
    assert!(said["notes"].is_array(), "{said}");
}

/// `weft convert lora` from a good file, with further arguments.
fn converted(place: &Place, to: &str, more: &[&str]) -> Vec<String> {
    let from = place.write("ink.safetensors", bytes(&lora(), &metadata()));
    let to = place.path(to);
    [&["convert", "lora", &from, &to][..], more].concat().iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn what_is_not_converted() {
    const KOHYA: [&str; 2] = ["--layout", "kohya"];
    assert_all(&[
        Case {
            name: "it exists",
            arrange: |at| {
                at.write("out.safetensors", "mine");
                converted(at, "out.safetensors", &KOHYA)
            },
            code: 9,
            says: &["out.safetensors exists", "--force"],
        },
        Case {
            name: "over its own input",
            arrange: |at| converted(at, "ink.safetensors", &["--layout", "kohya", "--force"]),
            code: 9,
            says: &["ink.safetensors is the file that is read", "another file"],
        },
        Case {
            name: "into no folder",
            arrange: |at| converted(at, "none/out.safetensors", &KOHYA),
            code: 9,
            says: &["there is no folder", "make the folder first"],
        },
        Case {
            name: "onto a folder",
            arrange: |at| {
                at.write("out/x", "");
                converted(at, "out", &["--layout", "kohya", "--force"])
            },
            code: 9,
            says: &["out is a folder"],
        },
        Case { name: "no layout", arrange: |at| converted(at, "out.safetensors", &[]), code: 2, says: &["--layout"] },
        Case {
            name: "no such layout",
            arrange: |at| converted(at, "out.safetensors", &["--layout", "onetrainer"]),
            code: 2,
            says: &["'onetrainer'", "diffusers, comfyui, kohya, native"],
        },
        Case {
            name: "for another model",
            arrange: |at| {
                let arguments = converted(at, "out.safetensors", &KOHYA);
                at.write("ink.safetensors", bytes(&flux(), &BTreeMap::new()));
                arguments
            },
            code: 6,
            says: &["ink.safetensors cannot be converted", "a LoRA for FLUX", "weft loras"],
        },
        Case {
            name: "half a pair",
            arrange: |at| {
                let arguments = converted(at, "out.safetensors", &KOHYA);
                let mut file = lora();
                file.remove("diffusion_model.layers.0.attention.to_q.lora_A.weight");
                at.write("ink.safetensors", bytes(&file, &BTreeMap::new()));
                arguments
            },
            code: 6,
            says: &[
                "ink.safetensors cannot be converted",
                "layers.0.attention.to_q.lora_B.weight",
                "none may get lost",
            ],
        },
        Case {
            name: "no such file",
            arrange: |at| {
                let mut arguments = converted(at, "out.safetensors", &KOHYA);
                arguments[2] = at.path("nobody.safetensors");
                arguments
            },
            code: 6,
            says: &["nobody.safetensors cannot be read"],
        },
        Case {
            name: "a pointer",
            arrange: |at| {
                let arguments = converted(at, "out.safetensors", &KOHYA);
                at.write("ink.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0");
                arguments
            },
            code: 6,
            says: &["Git-LFS pointer", "git lfs pull"],
        },
    ]);
}

/// A file that may be overwritten is replaced as a whole.
#[test]
fn force_overwrites() {
    let place = Place::new();
    place.write("out.safetensors", "mine");
    let arguments = converted(&place, "out.safetensors", &["--layout", "kohya", "--force"]);
    run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(read(&place.path("out.safetensors")).0.keys().all(|name| name.starts_with("lora_unet_")));
    let files = std::fs::read_dir(place.path("")).expect("the folder").count();
    assert_eq!(files, 2, "nothing else is left there");
}
