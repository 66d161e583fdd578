//! `weft loras` and `weft convert lora`: what is there, what a file changes, and the same in another layout.

mod convert;

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde_json::Value;

use crate::bad_input::{Case, Place, assert_all};
use crate::program::{Said, golden, run, run_well, text_to_image};

/// A tensor: type, shape, bytes.
type Raw = (Dtype, Vec<usize>, Vec<u8>);
type File = BTreeMap<String, Raw>;

/// Sides of the model in `tests/golden/plain`, which has two layers.
const SIDE: usize = 24;
const RANK: usize = 2;

/// A matrix of numbers that differ.
fn matrix(shape: [usize; 2], seed: usize) -> Raw {
    let number = |index: usize| ((index * 7 + seed * 13) % 31) as f32 / 16.0 - 1.0;
    let bytes = (0..shape[0] * shape[1]).flat_map(|index| number(index).to_le_bytes()).collect();
    (Dtype::F32, shape.to_vec(), bytes)
}

/// A LoRA of q, k, v and out in both layers, as ai-toolkit writes it.
fn lora() -> File {
    let mut file = File::new();
    for (index, module) in ["to_q", "to_k", "to_v", "to_out.0"].into_iter().enumerate() {
        for layer in 0..2 {
            let name = format!("diffusion_model.layers.{layer}.attention.{module}");
            file.insert(format!("{name}.lora_A.weight"), matrix([RANK, SIDE], index + layer));
            file.insert(format!("{name}.lora_B.weight"), matrix([SIDE, RANK], index + layer + 5));
            file.insert(format!("{name}.alpha"), (Dtype::F32, Vec::new(), 1f32.to_le_bytes().to_vec()));
        }
    }
    file
}

fn metadata() -> BTreeMap<String, String> {
    let entries =
        [("trigger_words", "ink drawing, mono\u{1b}[2Jchrome"), ("recommended_weight", "0.8"), ("é\n", "\"\\")];
    entries.map(|(key, text)| (key.to_owned(), text.to_owned())).into()
}

fn bytes(file: &File, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let views = file.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).expect("a tensor"))
    });
    let metadata: HashMap<String, String> = metadata.clone().into_iter().collect();
    serialize(views, Some(metadata)).expect("a file")
}

/// Every tensor of a file, and its metadata.
fn read(path: &str) -> (File, BTreeMap<String, String>) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
    let file = SafeTensors::deserialize(&bytes).expect("a file");
    let raw = |view: TensorView<'_>| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    let tensors = file.iter().map(|(name, view)| (name.to_owned(), raw(view))).collect();
    (tensors, header.metadata().clone().unwrap_or_default().into_iter().collect())
}

/// A models folder with one good LoRA in a folder, one that fits in part, one for another model, and a broken one.
fn library() -> Place {
    let place = Place::new();
    place.write("loras/styles/ink.safetensors", bytes(&lora(), &metadata()));
    let mut partly = lora();
    partly.insert("diffusion_model.layers.0.attention.to_x.lora_A.weight".to_owned(), matrix([RANK, SIDE], 1));
    place.write("loras/partly.safetensors", bytes(&partly, &BTreeMap::new()));
    place.write("loras/flux.safetensors", bytes(&flux(), &BTreeMap::new()));
    place.write("loras/page.safetensors", "<!DOCTYPE html><html>not found</html>");
    place.write("loras/notes.txt", "no LoRA");
    place
}

fn flux() -> File {
    let name = "lora_unet_double_blocks_0_img_attn_qkv";
    let down = (format!("{name}.lora_down.weight"), matrix([RANK, SIDE], 1));
    [down, (format!("{name}.lora_up.weight"), matrix([SIDE, RANK], 2))].into()
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

#[test]
fn all_loras_are_listed() {
    let place = library();
    let said = run_well(&["loras", "--models", &place.path("")]);
    let line = |name: &str| said.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    for (name, says) in [
        ("styles/ink.safetensors", &["LoRA, rank 2", " kB", "ink drawing, mono"][..]),
        ("partly.safetensors", &["LoRA, rank 2", "1 of 25 keys are not applied"]),
        ("flux.safetensors", &["2 of 2 keys are not applied"]),
        ("page.safetensors", &["cannot be used", "is a web page"]),
    ] {
        says.iter().for_each(|part| assert!(line(name).contains(part), "{part} in {}", said.stdout));
    }
    assert!(!said.stdout.contains("notes") && !said.stdout.contains('\u{1b}'), "{}", said.stdout);

    let said = json(&run_well(&["loras", "--models", &place.path(""), "--json"]));
    let find = |name: &str| said["loras"].as_array()?.iter().find(|lora| lora["name"] == name);
    let ink = find("styles/ink.safetensors").expect("it is listed");
    assert_eq!(ink["path"], place.path("loras/styles/ink.safetensors"));
    assert_eq!((&ink["kinds"][0], &ink["ranks"][0], &ink["weight"]), (&"LoRA".into(), &2.into(), &0.8.into()));
    assert_eq!((&ink["trigger_words"][0], &ink["alphas"][0]), (&"ink drawing".into(), &1.0.into()));
    assert!(ink["problem"].is_null() && ink["bytes"].as_u64() > Some(0) && ink["layers"] == 2);
    assert_eq!(find("page.safetensors").expect("it is listed")["error"]["code"], 6);
}

#[test]
fn no_lora_is_no_error() {
    let place = Place::new();
    place.write("models/readme.txt", "");
    let mut command = crate::program::command(&["loras", "--models", &place.path("models"), "--json"]);
    let said: Said = command.output().expect("the program starts").into();
    assert!(said.code == Some(0) && json(&said)["loras"].is_array(), "{said:?}");
}

#[test]
fn one_lora_tells_everything() {
    let place = library();
    let models = place.path("");
    let show = |more: &[&str]| run_well(&[&["loras"][..], more, &["--models", &models]].concat()).stdout;
    let by_name = show(&["ink"]);
    for part in ["rank           2", "alpha          1", "diffusers names", "ink drawing, mono", "0.8 is recommended"] {
        assert!(by_name.contains(part), "{part} in {by_name}");
    }
    for part in ["2 layers: attention.to_k ×2", "24 keys: 24 applied\n", "       6  layers.N.attention.to_out.0.weight"]
    {
        assert!(by_name.contains(part), "{part} in {by_name}");
    }
    let path = place.path("loras/styles/ink.safetensors");
    assert_eq!(show(&[&path]), by_name);
    assert_eq!(show(&["styles/ink"]), by_name);
    let long = show(&["ink", "--keys"]);
    let line = "diffusion_model.layers.1.attention.to_q.lora_A.weight → layers.1.attention.to_q.weight";
    assert!(long.contains(line), "{long}");
    let partly = show(&["partly"]);
    let lost = "  unknown: diffusion_model.layers.0.attention.to_x.lora_A.weight: ";
    assert!(partly.contains("25 keys: 24 applied, 1 unknown") && partly.contains(lost), "{partly}");
}

#[test]
fn one_lora_as_json_and_against_a_model() {
    let place = library();
    let models = place.path("");
    let show = |more: &[&str]| run(&[&["loras"][..], more, &["--json", "--models", &models]].concat());
    let said = json(&show(&["partly"]));
    assert_eq!((&said["counts"]["applied"], &said["counts"]["unknown"]), (&24.into(), &1.into()));
    let keys = said["keys"].as_array().expect("keys");
    let lost: Vec<&Value> = keys.iter().filter(|key| key["state"] == "unknown").collect();
    assert_eq!((keys.len(), lost.len()), (25, 1));
    assert!(lost[0]["why"].as_str().is_some_and(|why| !why.is_empty()), "{lost:?}");
    assert_eq!(json(&show(&["ink"]))["metadata"]["recommended_weight"], "0.8");

    let model = golden("plain/model").display().to_string();
    let said = json(&show(&["ink", "--model", &model]));
    assert_eq!(said["counts"]["applied"], 24);
    let mut wide = lora();
    for layer in 0..2 {
        let name = format!("diffusion_model.layers.{layer}.attention.to_q.lora_A.weight");
        wide.insert(name, matrix([RANK, SIDE + 1], 1));
    }
    place.write("loras/wide.safetensors", bytes(&wide, &BTreeMap::new()));
    assert_eq!(json(&show(&["wide"]))["counts"]["applied"], 24);
    let said = json(&show(&["wide", "--model", &model]));
    assert_eq!((&said["counts"]["applied"], &said["counts"]["shape_mismatch"]), (&18.into(), &6.into()));

    let said = show(&["flux"]);
    let reports = json(&said);
    assert_eq!((said.code, &reports["errors"][0]["code"]), (Some(6), &6.into()));
    assert_eq!(reports["reports"][0]["counts"]["unknown"], 2);
}

#[test]
fn what_cannot_be_shown() {
    assert_all(&[
        Case {
            name: "no such name",
            arrange: |at| shown(at, &["inkk"]),
            code: 6,
            says: &["there is no LoRA inkk", "; there is `styles/ink.safetensors`", "`weft loras`"],
        },
        Case {
            name: "two of one name",
            arrange: |at| {
                at.write("loras/characters/ink.safetensors", "");
                shown(at, &["ink"])
            },
            code: 6,
            says: &["`characters/ink.safetensors`, `styles/ink.safetensors`", "give the folder"],
        },
        Case {
            name: "a web page",
            arrange: |at| {
                at.write("loras/page.safetensors", "<!doctype html>");
                shown(at, &["page"])
            },
            code: 6,
            says: &["page.safetensors is a web page", "download the file itself"],
        },
        Case {
            name: "cut off",
            arrange: |at| {
                let whole = bytes(&lora(), &metadata());
                at.write("loras/cut.safetensors", &whole[..whole.len() - 9]);
                shown(at, &["cut"])
            },
            code: 6,
            says: &["cut.safetensors is no valid safetensors file", "an incomplete download"],
        },
        Case {
            name: "for another model",
            arrange: |at| {
                at.write("loras/flux.safetensors", bytes(&flux(), &BTreeMap::new()));
                shown(at, &["flux"])
            },
            code: 6,
            says: &["flux.safetensors changes a Z-Image", "a LoRA for FLUX", "made for Z-Image"],
        },
        Case {
            name: "a whole model",
            arrange: |at| {
                let model = golden("plain/model/transformer/diffusion_pytorch_model.safetensors");
                shown(at, &[&model.display().to_string()])
            },
            code: 6,
            says: &["a whole model, not a LoRA"],
        },
        Case {
            name: "no tensors",
            arrange: |at| {
                at.write("loras/empty.safetensors", bytes(&File::new(), &metadata()));
                shown(at, &["empty"])
            },
            code: 6,
            says: &["The file has no tensors"],
        },
        Case {
            name: "a folder",
            arrange: |at| {
                let folder = at.path("loras/styles");
                shown(at, &[&folder])
            },
            code: 6,
            says: &["styles is a folder, not a LoRA", ".safetensors"],
        },
        Case {
            name: "no such model",
            arrange: |at| shown(at, &["ink", "--model", "nobody"]),
            code: 6,
            says: &["there is no model nobody", "where: --model"],
        },
        Case {
            name: "no such folder",
            arrange: |_| ["loras", "--models", "/nowhere/models"].map(str::to_owned).to_vec(),
            code: 2,
            says: &["there is no folder /nowhere/models", "--models"],
        },
        Case {
            name: "keys of no file",
            arrange: |_| ["loras", "--keys"].map(str::to_owned).to_vec(),
            code: 2,
            says: &["<FILE>"],
        },
    ]);
}

/// `weft loras` on a folder with one good LoRA.
fn shown(place: &Place, more: &[&str]) -> Vec<String> {
    place.write("loras/styles/ink.safetensors", bytes(&lora(), &metadata()));
    let models = place.path("");
    [&["loras"][..], more, &["--models", &models]].concat().iter().map(|&word| word.to_owned()).collect()
}

/// The usual graph with a prompt that names LoRAs, in `place`.
fn prompting(place: &Place, prompt: &str) -> String {
    let node = format!(
        r#""tagged": (kind: "lora/PromptLoras", inputs: {{ "model": Link("model.model"), "prompt": {prompt} }}),"#
    );
    let graph = text_to_image()
        .replace("nodes: {", &format!("nodes: {{\n{node}"))
        .replace(r#""model": Link("model.model"), "positive""#, r#""model": Link("tagged.model"), "positive""#)
        .replace(r#""a red fox in the snow""#, r#"Link("tagged.text")"#);
    place.write("graph.ron", graph)
}

/// A picture by a prompt that names a LoRA by its path on this machine, which the picture does not tell.
#[test]
fn a_prompt_names_loras() {
    let place = library();
    let ink = place.path("loras/styles/ink.safetensors");
    let graph = prompting(&place, &format!("{:?}", format!("a red fox, <lora:{ink}:0.5>, <lora:ink:-1>")));
    let (models, out) = (place.path(""), place.path("out"));
    let plain = golden("plain").display().to_string();
    let picture = run_well(&["run", &graph, "-o", &out, "--device", "cpu", "--models", &models, "--models", &plain]);
    let said = run_well(&["info", picture.stdout.trim_end()]).stdout;
    assert!(said.contains("a red fox, <lora:styles/ink.safetensors:0.5>, <lora:ink:-1>"), "{said}");
    assert!(!said.contains(&models), "{said}");
}

#[test]
fn a_prompt_names_what_is_not_there() {
    fn checked(place: &Place, prompt: &str) -> Vec<String> {
        place.write("loras/styles/ink.safetensors", bytes(&lora(), &metadata()));
        let graph = prompting(place, prompt);
        let plain = golden("plain").display().to_string();
        ["check", &graph, "--models", &place.path(""), "--models", &plain].map(str::to_owned).to_vec()
    }
    assert_all(&[
        Case {
            name: "no such LoRA",
            arrange: |at| checked(at, r#""a fox <lora:inkk>""#),
            code: 4,
            says: &["`inkk` is in none of", "there is `styles/ink.safetensors`", "node `tagged`", "input `prompt`"],
        },
        Case {
            name: "no number",
            arrange: |at| checked(at, r#""a fox <lora:ink:strong>""#),
            code: 4,
            says: &["`<lora:ink:strong>` has a weight that is no number", "<lora:NAME:WEIGHT>"],
        },
        Case {
            name: "too strong",
            arrange: |at| checked(at, r#""a fox <lora:ink:101>""#),
            code: 4,
            says: &["`<lora:ink:101>` is not within ±100"],
        },
        Case {
            name: "a linked prompt",
            arrange: |at| checked(at, r#"Link("save.path")"#),
            code: 4,
            says: &["`save.path` is linked to an input without a link", "a linked text is known too late"],
        },
    ]);
}
