//! Conversion between layouts: the effect of a file stays, and what comes back is what went.

mod common;

use common::content::{File, Numbers};
use common::kinds::{DIM, K, Q, V, file, kinds};
use weft_formats::Dtype;
use weft_formats::lora::Layout;

fn assert_same_effect(one: &File, other: &File, what: &str) {
    let (one, other) = (one.effect(), other.effect());
    assert_eq!(one.len(), other.len(), "{what}: rows");
    for (row, numbers) in &one {
        let others = &other[row];
        assert_eq!(numbers.len(), others.len(), "{what}: {row:?}");
        for (a, b) in numbers.iter().zip(others) {
            assert!((a - b).abs() <= 1e-12 * a.abs(), "{what}: {row:?} {a} {b}");
        }
    }
}

/// Rows that the file does not have, because a part of q, k and v is not in it, are rows of zeros in a fused one.
fn without_zero_rows(file: &File) -> std::collections::BTreeMap<(String, usize), Vec<f64>> {
    file.effect().into_iter().filter(|(_, numbers)| numbers.iter().any(|number| *number != 0.0)).collect()
}

#[test]
fn the_effect_is_the_same_in_each_pair_of_layouts() {
    for (kind, file) in kinds() {
        for first in Layout::ALL {
            let what = format!("{kind} as {first}");
            let (converted, _) = file.convert(first).unwrap_or_else(|why| panic!("{what}: {why}"));
            if kind == "LoRA without k" || kind == "several kinds, some with alpha" {
                assert_eq!(without_zero_rows(&file), without_zero_rows(&converted), "{what}");
            } else {
                assert_same_effect(&file, &converted, &what);
            }
            for second in Layout::ALL {
                let (again, _) = converted.convert(second).unwrap_or_else(|why| panic!("{what}, then {second}: {why}"));
                let direct = file.convert(second).unwrap_or_else(|why| panic!("{kind} as {second}: {why}"));
                assert_same_effect(&direct.0, &again, &format!("{what}, then {second}"));
            }
        }
    }
}

/// By every way there and back.
#[test]
fn what_comes_back_is_what_went() {
    for (kind, file) in kinds() {
        for home in Layout::ALL {
            let (home_file, _) = file.convert(home).unwrap();
            for away in Layout::ALL {
                let back = home_file.convert(away).unwrap().0.convert(home).unwrap().0;
                if kind.contains("some with alpha") && [home, away].contains(&Layout::Diffusers) {
                    // PEFT has an alpha for all or for none.
                    assert_same_effect(&back, &home_file, kind);
                    continue;
                }
                assert!(
                    back == home_file,
                    "{kind}: {home}, {away}, {home}\n{:#?}\n{:#?}",
                    back.headers(),
                    home_file.headers()
                );
            }
        }
    }
}

#[test]
fn files_of_a_layout_s_own_names_stay_as_they_are() {
    for (kind, file) in kinds().into_iter().filter(|(kind, _)| !kind.contains("fused")) {
        let (same, notes) = file.convert(Layout::Comfyui).unwrap();
        assert!(same == file, "{kind}");
        assert!(notes.is_empty(), "{kind}: {notes:?}");
    }
}

fn pairs(modules: &[(&str, usize, f32)]) -> File {
    file(|file, numbers| {
        for (module, rank, alpha) in modules {
            file.pair(numbers, module, [DIM, *rank, DIM], Dtype::Float32);
            file.alpha(module, *alpha);
        }
    })
}

fn names(file: &File) -> Vec<&str> {
    file.tensors.keys().map(String::as_str).collect()
}

#[test]
fn each_layout_has_its_names() {
    let file = pairs(&[("layers.0.attention.to_out.0", 2, 1.0), ("all_x_embedder.2-1", 2, 2.0)]);
    let converted = |layout| file.convert(layout).unwrap().0;
    let kohya = ["lora_unet_all_x_embedder_2-1", "lora_unet_layers_0_attention_to_out_0"];
    let ends = [".alpha", ".lora_down.weight", ".lora_up.weight"];
    let expected: Vec<_> = kohya.iter().flat_map(|module| ends.map(|end| format!("{module}{end}"))).collect();
    assert_eq!(names(&converted(Layout::Kohya)), expected);
    let native = ["diffusion_model.layers.0.attention.out", "diffusion_model.x_embedder"];
    let ends = [".alpha", ".lora_A.weight", ".lora_B.weight"];
    let expected: Vec<_> = native.iter().flat_map(|module| ends.map(|end| format!("{module}{end}"))).collect();
    assert_eq!(names(&converted(Layout::Native)), expected);
    let diffusers = ["transformer.all_x_embedder.2-1", "transformer.layers.0.attention.to_out.0"];
    let expected: Vec<_> = diffusers
        .iter()
        .flat_map(|module| [".lora_A.weight", ".lora_B.weight"].map(|end| format!("{module}{end}")))
        .collect();
    assert_eq!(names(&converted(Layout::Diffusers)), expected);
}

#[test]
fn alpha_moves_between_tensors_and_metadata() {
    let file = pairs(&[
        ("layers.0.attention.to_out.0", 2, 1.0),
        ("layers.1.feed_forward.w1", 4, 8.0),
        ("layers.1.feed_forward.w2", 2, 1.0),
    ]);
    let (diffusers, _) = file.convert(Layout::Diffusers).unwrap();
    let config: serde_json::Value = serde_json::from_str(&diffusers.metadata["lora_adapter_metadata"]).unwrap();
    assert_eq!(config["transformer.r"], 2);
    assert_eq!(config["transformer.lora_alpha"], 1);
    assert_eq!(config["transformer.rank_pattern"], serde_json::json!({"layers.1.feed_forward.w1": 4}));
    assert_eq!(config["transformer.alpha_pattern"], serde_json::json!({"layers.1.feed_forward.w1": 8}));
    assert_eq!(config["transformer.target_modules"].as_array().map(Vec::len), Some(3));
    assert_eq!(config["transformer.use_dora"], false);
    assert_eq!(diffusers.metadata["ss_output_name"], "weft");
    let (back, notes) = diffusers.convert(Layout::Comfyui).unwrap();
    assert!(back == file);
    assert!(notes[0].contains("lora_adapter_metadata"), "{notes:?}");
    // Without alphas nothing has to be said.
    let file = common_pair();
    assert!(!file.convert(Layout::Diffusers).unwrap().0.metadata.contains_key("lora_adapter_metadata"));
}

fn common_pair() -> File {
    file(|file, numbers| file.pair(numbers, Q, [DIM, 2, DIM], Dtype::Float32))
}

#[test]
fn rank_stabilised_adapters_keep_their_scale() {
    let mut file = pairs(&[("layers.0.attention.to_out.0", 2, 1.0)]).convert(Layout::Diffusers).unwrap().0;
    let config = r#"{"transformer.r": 2, "transformer.lora_alpha": 3, "transformer.use_rslora": true, "transformer.lora_dropout": 0.1}"#;
    file.metadata.insert("lora_adapter_metadata".to_owned(), config.to_owned());
    for layout in Layout::ALL {
        assert_same_effect(&file, &file.convert(layout).unwrap().0, layout.name());
    }
    let again = file.convert(Layout::Diffusers).unwrap().0.metadata["lora_adapter_metadata"].clone();
    assert!(again.contains("\"transformer.lora_dropout\": 0.1"), "{again}");
}

#[test]
fn different_scales_of_q_k_and_v_are_multiplied_in() {
    let file = pairs(&[(Q, 2, 2.0), (K, 2, 2.0), (V, 2, 0.7)]);
    let (native, notes) = file.convert(Layout::Native).unwrap();
    assert!(notes[0].contains("rounded to float32"), "{notes:?}");
    let (before, after) = (file.effect(), native.effect());
    for ((row, numbers), others) in before.iter().zip(after.values()) {
        for (a, b) in numbers.iter().zip(others) {
            let limit = if row.0.contains("to_v") { 1e-7 * (1.0 + a.abs()) } else { 0.0 };
            assert!((a - b).abs() <= limit, "{row:?} {a} {b}");
        }
    }
    // Zero is a scale too.
    let file = pairs(&[(Q, 2, 0.0), (K, 2, 2.0), (V, 2, 2.0)]);
    assert_same_effect(&file, &file.convert(Layout::Native).unwrap().0, "zero");
    let file = pairs(&[(Q, 2, 0.0), (K, 2, 0.0), (V, 2, 0.0)]);
    assert_same_effect(&file, &file.convert(Layout::Native).unwrap().0, "all zero");
}

#[test]
fn different_scales_of_loha_are_multiplied_in_once() {
    let file = file(|file, numbers| {
        for (module, alpha) in [(Q, 2.0), (K, 2.0), (V, 8.0)] {
            for w in ["w1", "w2"] {
                file.add(numbers, format!("{module}.hada_{w}_a"), Dtype::Float32, &[DIM, 2]);
                file.add(numbers, format!("{module}.hada_{w}_b"), Dtype::Float32, &[2, DIM]);
            }
            file.alpha(module, alpha);
        }
    });
    assert_same_effect(&file, &file.convert(Layout::Native).unwrap().0, "LoHa");
}

#[test]
fn zeros_of_either_sign_show_an_earlier_fusion() {
    let file = pairs(&[(Q, 2, 1.0), (K, 2, 1.0), (V, 2, 1.0)]);
    let mut native = file.convert(Layout::Native).unwrap().0;
    let up = &mut native.tensors.get_mut("diffusion_model.layers.0.attention.qkv.lora_B.weight").unwrap().2;
    for number in up.chunks_mut(4).filter(|number| number.iter().all(|byte| *byte == 0)) {
        number.copy_from_slice(&(-0f32).to_le_bytes());
    }
    assert!(native.convert(Layout::Comfyui).unwrap().0 == file);
}

#[test]
fn types_that_differ_are_widened() {
    let file = file(|file, numbers| {
        for (module, dtype) in [(Q, Dtype::Bfloat16), (K, Dtype::Float16), (V, Dtype::Float32)] {
            file.pair(numbers, module, [DIM, 2, DIM], dtype);
        }
    });
    assert_same_effect(&file, &file.convert(Layout::Native).unwrap().0, "widened");
}

#[test]
fn numbers_of_eight_bits_are_widened_too() {
    let mut file = file(|file, numbers| {
        for module in [Q, K, V] {
            file.pair(numbers, module, [1, 1, 6], Dtype::Float32);
        }
    });
    let one = |dtype, bytes: &[u8]| (dtype, vec![1, 6], bytes.to_vec());
    let name = |part: &str| format!("diffusion_model.{part}.lora_A.weight");
    // 1, -1.75, the smallest, the highest, 0 and -0.
    file.tensors.insert(name(Q), one(Dtype::Float8E4M3, &[0x38, 0xbe, 0x01, 0x7e, 0x00, 0x80]));
    file.tensors.insert(name(K), one(Dtype::Float8E5M2, &[0x3c, 0xbf, 0x01, 0x7b, 0x00, 0x80]));
    let (native, _) = file.convert(Layout::Native).unwrap();
    let (dtype, _, bytes) = &native.tensors["diffusion_model.layers.0.attention.qkv.lora_A.weight"];
    let numbers: Vec<f32> = bytes.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(*dtype, Dtype::Float32);
    assert_eq!(numbers[..6], [1.0, -1.75, 2f32.powi(-9), 448.0, 0.0, 0.0]);
    assert_eq!(numbers[6..12], [1.0, -1.75, 2f32.powi(-16), 57344.0, 0.0, 0.0]);
}

#[test]
fn a_fusion_of_ours_is_undone_to_the_single_ranks() {
    let file = pairs(&[(Q, 2, 1.0), (K, 3, 1.5), (V, 5, 2.5)]);
    let (native, _) = file.convert(Layout::Native).unwrap();
    assert_eq!(native.tensors["diffusion_model.layers.0.attention.qkv.lora_B.weight"].1, [36, 10]);
    assert_eq!(native.tensors["diffusion_model.layers.0.attention.qkv.alpha"].2, 5f32.to_le_bytes());
    assert!(native.convert(Layout::Comfyui).unwrap().0 == file);
}

#[test]
fn what_cannot_be_said_is_noted() {
    let notes = |name: &str, layout| {
        let (_, file) = kinds().into_iter().find(|(kind, _)| *kind == name).unwrap();
        file.convert(layout).unwrap().1.join("; ")
    };
    for (kind, layout, words) in [
        ("DoRA by columns", Layout::Native, "`layers.0`: q, k and v stay apart, since DoRA by columns"),
        ("DoRA of q alone", Layout::Native, "magnitudes of all three"),
        ("fused DoRA by columns", Layout::Kohya, "q, k and v stay fused"),
        ("LoKr", Layout::Native, "no fused matrix"),
        ("fused LoKr that does not divide", Layout::Comfyui, "do not divide into three"),
        ("several kinds, some with alpha", Layout::Native, "several kinds"),
        ("LoHa", Layout::Diffusers, "diffusers reads no LoHa"),
        ("LoKr", Layout::Diffusers, "no LoKr with an alpha"),
        ("differences", Layout::Diffusers, "no full differences"),
        ("DoRA by columns", Layout::Diffusers, "no DoRA by columns"),
        ("a text encoder", Layout::Diffusers, "text encoder"),
    ] {
        let notes = notes(kind, layout);
        assert!(notes.contains(words), "{kind} as {layout}: {notes}");
    }
    for kind in ["LoRA", "DoRA", "whole LoKr"] {
        assert_eq!(notes(kind, Layout::Diffusers), "", "{kind}");
    }
}

#[test]
fn what_is_not_whole_is_refused_with_its_keys() {
    let mut file = common_pair();
    file.add(&mut Numbers(1), "diffusion_model.layers.0.attention.to_x.lora_A.weight", Dtype::Float32, &[2, 2]);
    file.add(&mut Numbers(1), "diffusion_model.layers.1.attention.to_q.lora_A.weight", Dtype::Float32, &[2, 2]);
    let why = file.convert(Layout::Kohya).unwrap_err();
    assert!(why.starts_with("2 of 4 keys cannot be converted") && why.contains("to_x.lora_A.weight: "), "{why}");
    assert!(why.contains("layers.1.attention.to_q.lora_A.weight: its up half"), "{why}");

    let mut file = common_pair();
    file.tensors.get_mut("diffusion_model.layers.0.attention.to_q.lora_A.weight").unwrap().2.pop();
    assert!(file.convert(Layout::Kohya).unwrap_err().contains("has 95 bytes, which is not [2, 12] of type F32"));
    assert!(File::default().convert(Layout::Kohya).is_err());
    let mut file = common_pair();
    file.alpha("diffusion_model.layers.0.attention.to_q", f32::NAN);
    assert!(file.convert(Layout::Diffusers).unwrap_err().contains("alpha` is no finite number"));
}

#[test]
fn whole_numbers_are_alphas_too() {
    let mut file = common_pair();
    let name = "diffusion_model.layers.0.attention.to_q.alpha".to_owned();
    file.tensors.insert(name.clone(), (Dtype::Other, vec![], 16i64.to_le_bytes().to_vec()));
    let (converted, _) = file.convert(Layout::Comfyui).unwrap();
    assert_eq!(converted.tensors[&name], (Dtype::Float32, vec![], 16f32.to_le_bytes().to_vec()));
}

#[test]
fn layouts_have_names() {
    for layout in Layout::ALL {
        assert_eq!(layout.name().parse(), Ok(layout));
    }
    assert!("peft".parse::<Layout>().unwrap_err().contains("\"peft\""));
}
