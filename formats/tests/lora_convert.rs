//! Conversion between layouts: the effect of a file stays, and what comes back is what went.

mod common;

use common::content::{File, Numbers};
use weft_formats::Dtype;
use weft_formats::lora::Layout;

const DIM: usize = 12;
const Q: &str = "layers.0.attention.to_q";
const K: &str = "layers.0.attention.to_k";
const V: &str = "layers.0.attention.to_v";
const QKV: &str = "layers.0.attention.qkv";

/// A file in ai-toolkit's layout.
fn file(fill: impl Fn(&mut File, &mut Numbers)) -> File {
    let mut file = File::default();
    fill(&mut file, &mut Numbers(3));
    let tensors = std::mem::take(&mut file.tensors);
    file.tensors = tensors.into_iter().map(|(name, tensor)| (format!("diffusion_model.{name}"), tensor)).collect();
    file.metadata.insert("ss_output_name".to_owned(), "weft".to_owned());
    file
}

/// Files of each kind, with split and with fused names.
fn kinds() -> Vec<(&'static str, File)> {
    let square = |rank| [DIM, rank, DIM];
    vec![
        (
            "LoRA",
            file(|file, numbers| {
                for (module, shape) in [
                    (Q, square(4)),
                    (K, square(4)),
                    (V, square(4)),
                    ("layers.0.attention.to_out.0", square(2)),
                    ("noise_refiner.1.feed_forward.w1", [32, 4, DIM]),
                ] {
                    file.pair(numbers, module, shape, Dtype::Float32);
                }
            }),
        ),
        (
            "LoRA with alpha and several ranks and types",
            file(|file, numbers| {
                for (module, rank, dtype) in [
                    (Q, 4, Dtype::Bfloat16),
                    (K, 4, Dtype::Bfloat16),
                    (V, 4, Dtype::Bfloat16),
                    ("layers.1.attention.to_q", 2, Dtype::Float16),
                    ("layers.1.attention.to_k", 6, Dtype::Float16),
                    ("layers.1.attention.to_v", 3, Dtype::Float16),
                ] {
                    file.pair(numbers, module, square(rank), dtype);
                    file.alpha(module, rank as f32 / 2.0);
                }
            }),
        ),
        (
            "LoRA with awkward alphas",
            file(|file, numbers| {
                for (module, rank) in [(Q, 7), (K, 7), (V, 7)] {
                    file.pair(numbers, module, square(rank), Dtype::Float64);
                    file.alpha(module, 1.1);
                }
            }),
        ),
        (
            "LoRA without k",
            file(|file, numbers| {
                for module in [Q, V] {
                    file.pair(numbers, module, square(3), Dtype::Float32);
                    file.alpha(module, 3.0);
                }
            }),
        ),
        (
            "LoRA with zeros",
            file(|file, numbers| {
                for (module, rank) in [
                    (Q, 2),
                    (K, 2),
                    (V, 2),
                    ("layers.1.attention.to_q", 2),
                    ("layers.1.attention.to_k", 2),
                    ("layers.1.attention.to_v", 2),
                ] {
                    file.pair(numbers, module, square(rank), Dtype::Float32);
                }
                // A part that did not learn, and a block of which nothing did.
                for module in [K, "layers.1.attention.to_q", "layers.1.attention.to_k", "layers.1.attention.to_v"] {
                    file.tensors.get_mut(&format!("{module}.lora_B.weight")).unwrap().2.fill(0);
                }
            }),
        ),
        (
            "LoRA with a core",
            file(|file, numbers| {
                for module in [Q, K, V] {
                    file.pair(numbers, module, square(2), Dtype::Float32);
                    file.add(numbers, format!("{module}.lora_mid.weight"), Dtype::Float32, &[2, 2, 1, 1]);
                }
            }),
        ),
        (
            "fused LoRA",
            file(|file, numbers| {
                file.pair(numbers, QKV, [3 * DIM, 5, DIM], Dtype::Bfloat16);
                file.alpha(QKV, 2.5);
                file.pair(numbers, "layers.0.attention.out", square(6), Dtype::Bfloat16);
                file.alpha("layers.0.attention.out", 6.0);
            }),
        ),
        (
            "DoRA",
            file(|file, numbers| {
                for module in [Q, K, V] {
                    file.pair(numbers, module, square(4), Dtype::Float32);
                    file.alpha(module, 8.0);
                    file.add(numbers, format!("{module}.dora_scale"), Dtype::Float32, &[DIM, 1]);
                }
            }),
        ),
        (
            "fused DoRA",
            file(|file, numbers| {
                file.pair(numbers, QKV, [3 * DIM, 6, DIM], Dtype::Float32);
                file.add(numbers, format!("{QKV}.dora_scale"), Dtype::Float32, &[3 * DIM, 1]);
            }),
        ),
        (
            "fused DoRA of which q alone learnt",
            file(|file, numbers| {
                file.pair(numbers, QKV, [3 * DIM, 4, DIM], Dtype::Float32);
                file.tensors.get_mut(&format!("{QKV}.lora_B.weight")).unwrap().2[DIM * 16..].fill(0);
                file.add(numbers, format!("{QKV}.dora_scale"), Dtype::Float32, &[3 * DIM, 1]);
            }),
        ),
        (
            "DoRA of q alone",
            file(|file, numbers| {
                file.pair(numbers, Q, square(4), Dtype::Float32);
                file.add(numbers, format!("{Q}.dora_scale"), Dtype::Float32, &[DIM, 1]);
            }),
        ),
        (
            "DoRA by columns",
            file(|file, numbers| {
                for module in [Q, K, V, "layers.0.feed_forward.w1"] {
                    file.pair(numbers, module, square(4), Dtype::Float32);
                    file.add(numbers, format!("{module}.dora_scale"), Dtype::Float32, &[1, DIM]);
                }
            }),
        ),
        (
            "fused DoRA by columns",
            file(|file, numbers| {
                file.pair(numbers, QKV, [3 * DIM, 6, DIM], Dtype::Float32);
                file.add(numbers, format!("{QKV}.dora_scale"), Dtype::Float32, &[1, DIM]);
            }),
        ),
        (
            "LoKr",
            file(|file, numbers| {
                for module in [Q, K, V, "layers.0.feed_forward.w2"] {
                    file.add(numbers, format!("{module}.lokr_w1"), Dtype::Float32, &[2, 3]);
                    file.add(numbers, format!("{module}.lokr_w2_a"), Dtype::Float32, &[6, 2]);
                    file.add(numbers, format!("{module}.lokr_w2_b"), Dtype::Float32, &[2, 4]);
                    file.alpha(module, 4.0);
                }
            }),
        ),
        (
            "whole LoKr",
            file(|file, numbers| {
                file.add(numbers, format!("{Q}.lokr_w1"), Dtype::Float32, &[2, 3]);
                file.add(numbers, format!("{Q}.lokr_w2"), Dtype::Float32, &[6, 4]);
            }),
        ),
        (
            "fused LoKr",
            file(|file, numbers| {
                file.add(numbers, format!("{QKV}.lokr_w1_a"), Dtype::Float32, &[6, 1]);
                file.add(numbers, format!("{QKV}.lokr_w1_b"), Dtype::Float32, &[1, 3]);
                file.add(numbers, format!("{QKV}.lokr_w2"), Dtype::Float32, &[6, 4]);
            }),
        ),
        (
            "fused LoKr of three rows",
            file(|file, numbers| {
                file.add(numbers, format!("{QKV}.lokr_w1"), Dtype::Float32, &[3, 3]);
                file.add(numbers, format!("{QKV}.lokr_w2"), Dtype::Float32, &[12, 4]);
            }),
        ),
        (
            "fused LoKr of one row",
            file(|file, numbers| {
                file.add(numbers, format!("{QKV}.lokr_w1"), Dtype::Float32, &[1, 3]);
                file.add(numbers, format!("{QKV}.lokr_w2_a"), Dtype::Float32, &[36, 2]);
                file.add(numbers, format!("{QKV}.lokr_w2_b"), Dtype::Float32, &[2, 4]);
                file.alpha(QKV, 3.0);
            }),
        ),
        (
            "fused LoKr that does not divide",
            file(|file, numbers| {
                file.add(numbers, format!("{QKV}.lokr_w1"), Dtype::Float32, &[4, 3]);
                file.add(numbers, format!("{QKV}.lokr_w2"), Dtype::Float32, &[9, 4]);
            }),
        ),
        (
            "LoHa",
            file(|file, numbers| {
                for (module, rank) in [(Q, 2), (K, 2), (V, 3)] {
                    for w in ["w1", "w2"] {
                        file.add(numbers, format!("{module}.hada_{w}_a"), Dtype::Bfloat16, &[DIM, rank]);
                        file.add(numbers, format!("{module}.hada_{w}_b"), Dtype::Bfloat16, &[rank, DIM]);
                    }
                    file.alpha(module, rank as f32 * 4.0);
                }
            }),
        ),
        (
            "fused LoHa",
            file(|file, numbers| {
                for w in ["w1", "w2"] {
                    file.add(numbers, format!("{QKV}.hada_{w}_a"), Dtype::Float32, &[3 * DIM, 3]);
                    file.add(numbers, format!("{QKV}.hada_{w}_b"), Dtype::Float32, &[3, DIM]);
                }
            }),
        ),
        (
            "LoHa with a core",
            file(|file, numbers| {
                file.add(numbers, format!("{Q}.hada_t1"), Dtype::Float32, &[2, 2, 1, 1]);
                file.add(numbers, format!("{Q}.hada_w1_a"), Dtype::Float32, &[2, DIM]);
                file.add(numbers, format!("{Q}.hada_w1_b"), Dtype::Float32, &[2, DIM]);
                file.add(numbers, format!("{Q}.hada_w2_a"), Dtype::Float32, &[DIM, 2]);
                file.add(numbers, format!("{Q}.hada_w2_b"), Dtype::Float32, &[2, DIM]);
            }),
        ),
        (
            "fused LoHa with a core",
            file(|file, numbers| {
                file.add(numbers, format!("{QKV}.hada_t2"), Dtype::Float32, &[2, 2]);
                file.add(numbers, format!("{QKV}.hada_w1_a"), Dtype::Float32, &[3 * DIM, 2]);
                file.add(numbers, format!("{QKV}.hada_w1_b"), Dtype::Float32, &[2, DIM]);
                file.add(numbers, format!("{QKV}.hada_w2_a"), Dtype::Float32, &[2, 3 * DIM]);
                file.add(numbers, format!("{QKV}.hada_w2_b"), Dtype::Float32, &[2, DIM]);
            }),
        ),
        (
            "differences",
            file(|file, numbers| {
                for module in [Q, K, V] {
                    file.add(numbers, format!("{module}.diff"), Dtype::Float16, &[DIM, DIM]);
                }
                file.add(numbers, "x_pad_token.diff", Dtype::Float32, &[1, DIM]);
                file.add(numbers, "layers.0.attention.norm_q.diff", Dtype::Float32, &[6]);
                file.add(numbers, "all_final_layer.2-1.linear.diff", Dtype::Float32, &[64, DIM]);
                file.add(numbers, "all_final_layer.2-1.linear.diff_b", Dtype::Float32, &[64]);
            }),
        ),
        (
            "a difference of v alone",
            file(|file, numbers| file.add(numbers, format!("{V}.diff"), Dtype::Float32, &[DIM, DIM])),
        ),
        (
            "several kinds, some with alpha",
            file(|file, numbers| {
                file.pair(numbers, Q, square(4), Dtype::Float32);
                file.alpha(Q, 2.0);
                file.pair(numbers, V, square(4), Dtype::Float32);
                file.add(numbers, format!("{K}.diff"), Dtype::Float32, &[DIM, DIM]);
                for w in ["w1", "w2"] {
                    file.add(numbers, format!("layers.0.feed_forward.w1.hada_{w}_a"), Dtype::Float32, &[DIM, 2]);
                    file.add(numbers, format!("layers.0.feed_forward.w1.hada_{w}_b"), Dtype::Float32, &[2, DIM]);
                }
            }),
        ),
        ("a text encoder", {
            let mut file = File::default();
            let module = "text_encoders.qwen3_4b.transformer.model.layers.3.self_attn.q_proj";
            file.pair(&mut Numbers(5), module, [32, 4, DIM], Dtype::Bfloat16);
            file.alpha(module, 2.0);
            file
        }),
    ]
}

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
