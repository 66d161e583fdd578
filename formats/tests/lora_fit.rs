//! Every layout on every model, and every way in which a file can be wrong.

mod common;

use std::collections::BTreeSet;

use common::content::Numbers;
use common::{LAYOUTS, Layout, RANK, SIZES, Size, modules, plain, tensor};
use weft_formats::Tensor;
use weft_formats::lora::{Adapter, Alpha, Delta, Factor, Fit, Metadata, Part, State, Targets, family, fit};

/// The model's rows that a fit changes.
fn changed(fit: &Fit) -> BTreeSet<(String, usize)> {
    let targets = fit.adapters.iter().flat_map(|adapter| &adapter.targets);
    targets
        .flat_map(|target| (target.first..target.first + target.rows.len()).map(|row| (target.tensor.clone(), row)))
        .collect()
}

fn rows_of(modules: &[(String, usize, usize)]) -> BTreeSet<(String, usize)> {
    modules.iter().flat_map(|(name, rows, _)| (0..*rows).map(move |row| (format!("{name}.weight"), row))).collect()
}

/// The same rows by a fused model's names.
fn fused_rows(rows: &BTreeSet<(String, usize)>, prefix: &str, dim: usize) -> BTreeSet<(String, usize)> {
    let fused = |(name, row): &(String, usize)| {
        for (at, part) in ["to_q", "to_k", "to_v"].iter().enumerate() {
            if name.contains(part) {
                return (format!("{prefix}{}", name.replace(part, "qkv")), row + at * dim);
            }
        }
        (format!("{prefix}{}", common::native(name)), *row)
    };
    rows.iter().map(fused).collect()
}

#[test]
fn every_layout_finds_the_same_rows_of_every_model() {
    for size in SIZES {
        let split = size.split();
        let modules = modules(&split);
        let rows = rows_of(&modules);
        for layout in LAYOUTS {
            let file = layout.file(&modules);
            let on_split = plain(&file, &split);
            assert_eq!(on_split.problem(), None, "{} on split", layout.name);
            assert_eq!(changed(&on_split), rows, "{} on split", layout.name);
            for prefix in ["", "model.diffusion_model."] {
                let on_fused = plain(&file, &size.fused(prefix));
                assert_eq!(on_fused.problem(), None, "{} on fused", layout.name);
                assert_eq!(changed(&on_fused), fused_rows(&rows, prefix, size.dim), "{} on fused", layout.name);
            }
            let unsized_fit = fit(&file, &Metadata::new(), &Targets::of_any_z_image(&file));
            assert_eq!(unsized_fit.problem(), None, "{} without a model", layout.name);
            assert_eq!(changed(&unsized_fit), rows, "{} without a model", layout.name);
        }
    }
}

/// One module, written by a layout, on a split model.
fn one(layout: &Layout, module: &str) -> Adapter {
    let size = SIZES[0];
    let modules: Vec<_> = modules(&size.split()).into_iter().filter(|(name, ..)| name == module).collect();
    let mut fit = plain(&layout.file(&modules), &size.split());
    assert_eq!(fit.adapters.len(), 1, "{}", layout.name);
    fit.adapters.remove(0)
}

#[test]
fn adapters_name_their_tensors_alpha_rank_and_magnitude() {
    let dora = one(&LAYOUTS[15], "layers.0.attention.to_k");
    assert_eq!(dora.module, "diffusion_model.layers.0.attention.to_k");
    assert_eq!(dora.magnitude.as_deref(), Some("diffusion_model.layers.0.attention.to_k.dora_scale"));
    assert_eq!(dora.alpha, Alpha::Tensor("diffusion_model.layers.0.attention.to_k.alpha".into()));
    assert_eq!((dora.rank, dora.part), (RANK, Part::Model));
    assert!(matches!(dora.delta, Delta::LowRank { mid: None, .. }));

    let lokr = one(&LAYOUTS[16], "layers.0.attention.to_k");
    assert_eq!(lokr.rank, RANK);
    assert!(matches!(lokr.delta, Delta::Kronecker { w1: Factor::Whole(_), w2: Factor::Product { t: None, .. } }));
    let loha = one(&LAYOUTS[17], "layers.0.attention.to_k");
    assert!(matches!(loha.delta, Delta::Hadamard { t1: None, t2: None, .. }));
}

#[test]
fn a_fused_file_is_one_adapter_with_three_targets() {
    let fused = one(&LAYOUTS[9], "layers.0.attention.to_q");
    let rows: Vec<_> =
        fused.targets.iter().map(|target| (target.tensor.as_str(), target.rows.clone(), target.first)).collect();
    let name = |part: &str| format!("layers.0.attention.{part}.weight");
    let names = [name("to_q"), name("to_k"), name("to_v")];
    assert_eq!(rows, [(names[0].as_str(), 0..12, 0), (&names[1], 12..24, 0), (&names[2], 24..36, 0)]);
}

#[test]
fn unequal_queries_and_keys_keep_their_sizes_both_ways() {
    let split = [("to_q", 8), ("to_k", 4), ("to_v", 4)]
        .map(|(part, rows)| tensor(format!("layers.0.attention.{part}.weight"), &[rows, 6]));
    let file = [
        tensor("layers.0.attention.qkv.lora_A.weight", &[2, 6]),
        tensor("layers.0.attention.qkv.lora_B.weight", &[16, 2]),
    ];
    let rows: Vec<_> = plain(&file, &split).adapters[0].targets.iter().map(|target| target.rows.clone()).collect();
    assert_eq!(rows, [0..8, 8..12, 12..16]);

    let fused = [tensor("layers.0.attention.qkv.weight", &[16, 6]), tensor("layers.0.attention.out.weight", &[6, 8])];
    let file = [
        tensor("layers.0.attention.to_v.lora_A.weight", &[2, 6]),
        tensor("layers.0.attention.to_v.lora_B.weight", &[4, 2]),
    ];
    let target = &plain(&file, &fused).adapters[0].targets[0];
    assert_eq!((target.rows.clone(), target.first, target.of), (0..4, 12, 16));
}

#[test]
fn the_rows_of_a_fused_matrix_are_thirds_where_nothing_tells_otherwise() {
    let fused = [tensor("layers.0.attention.qkv.weight", &[15, 6])];
    let halves = |part: &str| {
        let name = format!("layers.0.attention.{part}");
        [tensor(format!("{name}.lora_A.weight"), &[2, 6]), tensor(format!("{name}.lora_B.weight"), &[5, 2])]
    };
    // In any order.
    let fit = plain(&["to_v", "to_q", "to_k"].map(halves).concat(), &fused);
    assert_eq!(fit.problem(), None);
    let firsts: Vec<_> = fit.adapters.iter().map(|adapter| adapter.targets[0].first).collect();
    assert_eq!(firsts, [10, 0, 5]);
}

/// Each end that a pair of halves can have.
#[test]
fn suffixes_and_prefixes_of_any_combination_are_understood() {
    let halves = [
        (".lora_A.weight", ".lora_B.weight"),
        (".lora_A.default.weight", ".lora_B.default.weight"),
        (".lora_A.my_style.weight", ".lora_B.my_style.weight"),
        (".lora_A", ".lora_B"),
        (".lora_down.weight", ".lora_up.weight"),
        (".lora.down.weight", ".lora.up.weight"),
        ("_lora.down.weight", "_lora.up.weight"),
        (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    ];
    let prefixes = [
        "",
        "diffusion_model.",
        "transformer.",
        "model.diffusion_model.",
        "base_model.model.",
        "base_model.model.transformer.",
        "lora_unet_",
        "lora_unet__",
        "lycoris_",
        "lora_transformer_",
    ];
    let bodies = [
        "layers.1.attention.to_out.0",
        "layers.1.attention.to_out",
        "layers.1.attention.out",
        "layers_1_attention_to_out_0",
        "layers_1_attention_out",
        "layers.1.attention.processor.to_out",
    ];
    let model = SIZES[0].split();
    for prefix in prefixes {
        for body in bodies {
            for (down, up) in halves {
                let file = [
                    tensor(format!("{prefix}{body}{down}"), &[3, 12]),
                    tensor(format!("{prefix}{body}{up}"), &[12, 3]),
                ];
                let fit = plain(&file, &model);
                assert_eq!(fit.problem(), None);
                assert_eq!(fit.keys[0].target.as_deref(), Some("layers.1.attention.to_out.0.weight"));
            }
        }
    }
}

#[test]
fn other_modules_and_bare_tensors_have_their_differences() {
    let size = SIZES[0];
    let file = [
        tensor("diffusion_model.x_pad_token.diff", &[1, 12]),
        tensor("diffusion_model.x_embedder.diff_b", &[12]),
        tensor("lora_unet_final_layer_linear.diff", &[64, 12]),
        tensor("lora_unet_final_layer_linear.diff_b", &[64]),
        tensor("lora_unet_layers_0_attention_q_norm.w_norm", &[6]),
        tensor("transformer.layers.0.attention_norm1.diff", &[12]),
        tensor("lora_unet_layers_0_adaLN_modulation_0.lora_down.weight", &[2, 8, 1, 1]),
        tensor("lora_unet_layers_0_adaLN_modulation_0.lora_up.weight", &[48, 2, 1, 1]),
        tensor("lora_unet_layers_0_adaLN_modulation_0.diff_b", &[48]),
    ];
    let fit = plain(&file, &size.split());
    assert_eq!(fit.problem(), None);
    let targets: Vec<_> = fit.keys.iter().filter_map(|key| key.target.as_deref()).collect();
    assert_eq!(
        targets,
        [
            "x_pad_token",
            "all_x_embedder.2-1.bias",
            "all_final_layer.2-1.linear.weight",
            "all_final_layer.2-1.linear.bias",
            "layers.0.attention.norm_q.weight",
            "layers.0.attention_norm1.weight",
            "layers.0.adaLN_modulation.0.weight",
            "layers.0.adaLN_modulation.0.weight",
            "layers.0.adaLN_modulation.0.bias",
        ]
    );
    assert_eq!(plain(&file, &size.fused("model.diffusion_model.")).problem(), None);
}

#[test]
fn any_architecture_is_found_by_its_own_names() {
    let model = [tensor("net.block_list.0.mix_in.weight", &[4, 6])];
    for module in
        ["net.block_list.0.mix_in", "lora_unet_net_block_list_0_mix_in", "diffusion_model.net.block_list.0.mix_in"]
    {
        let file =
            [tensor(format!("{module}.lora_A.weight"), &[2, 6]), tensor(format!("{module}.lora_B.weight"), &[4, 2])];
        assert_eq!(plain(&file, &model).problem(), None, "{module}");
    }
    // Two tensors with one underscored name: neither is guessed.
    let model = [tensor("a.b_c.weight", &[4, 6]), tensor("a_b.c.weight", &[4, 6])];
    let pair = |module: &str| {
        [tensor(format!("{module}.lora_A.weight"), &[2, 6]), tensor(format!("{module}.lora_B.weight"), &[4, 2])]
    };
    assert!(plain(&pair("lora_unet_a_b_c"), &model).problem().is_some());
    assert_eq!(plain(&pair("a_b.c"), &model).keys[0].target.as_deref(), Some("a_b.c.weight"));
}

const ENCODER_PREFIXES: [&str; 9] = [
    "text_encoders.qwen3_4b.transformer.model.",
    "text_encoders.qwen3_4b.transformer.",
    "text_encoder.",
    "text_encoder.model.",
    "text_encoders.",
    "lora_te_",
    "lora_te1_",
    "lora_te3_model_",
    "base_model.model.text_encoder.",
];

#[test]
fn text_encoders_are_told_apart_by_prefix_or_by_name() {
    let size = SIZES[0];
    let unclear = ["", "model.", "base_model.model.model.", "lycoris_"];
    for prefix in ENCODER_PREFIXES.iter().chain(&unclear) {
        let file = ["lora_A", "lora_B"].map(|half| {
            let shape = if half == "lora_A" { [2, 12] } else { [24, 2] };
            tensor(format!("{prefix}layers.1.self_attn.q_proj.{half}.weight"), &shape)
        });
        let with = fit(&file, &Metadata::new(), &Targets::of(&size.split(), Some(&size.encoder())));
        assert_eq!(with.keys[0].state, State::AppliedToTextEncoder, "{prefix}");
        assert_eq!(with.adapters[0].targets[0].tensor, "model.layers.1.self_attn.q_proj.weight");
        assert_eq!(with.adapters[0].part, Part::TextEncoder);
        let without = plain(&file, &size.split());
        assert_eq!(without.keys[1].state, State::NoTextEncoder, "{prefix}");
        let any = fit(&file, &Metadata::new(), &Targets::of_any_z_image(&file));
        assert_eq!(any.keys[0].state, State::AppliedToTextEncoder, "{prefix}");
    }
    // The prefix is believed: the model's part of a file never changes its encoder.
    let file = [tensor("diffusion_model.layers.1.self_attn.q_proj.lora_A.weight", &[2, 12])];
    let with = fit(&file, &Metadata::new(), &Targets::of(&size.split(), Some(&size.encoder())));
    assert_eq!(with.keys[0].state, State::Unknown);
}

#[test]
fn encoders_without_model_in_front_are_found_too() {
    let encoder = [tensor("layers.0.mlp.up_proj.weight", &[8, 4])];
    for prefix in ENCODER_PREFIXES {
        let file = [tensor(format!("{prefix}layers.0.mlp.up_proj.diff"), &[8, 4])];
        let fit = fit(&file, &Metadata::new(), &Targets::of(&[], Some(&encoder)));
        assert_eq!(fit.problem(), None, "{prefix}");
    }
}

#[test]
fn fused_and_split_in_one_file_are_not_added_up() {
    let size = SIZES[0];
    let modules: Vec<_> =
        modules(&size.split()).into_iter().filter(|(name, ..)| name.starts_with("layers.0.attention.to_")).collect();
    let file = [LAYOUTS[9].file(&modules), LAYOUTS[0].file(&modules[..3])].concat();
    for model in [size.split(), size.fused("")] {
        let fit = plain(&file, &model);
        assert_eq!(fit.adapters.len(), 2);
        assert_eq!(fit.keys.iter().filter(|key| key.state == State::Unknown).count(), 6);
    }
}

fn metadata(json: &str) -> Metadata {
    Metadata::from([("lora_adapter_metadata".to_owned(), json.to_owned())])
}

#[test]
fn alpha_stands_in_a_tensor_or_in_the_metadata() {
    let layout = &LAYOUTS[2];
    let modules: Vec<_> = modules(&SIZES[0].split()).into_iter().take(3).collect();
    let mut file = layout.file(&modules);
    let targets = Targets::of(&SIZES[0].split(), None);
    let alphas = |file: &[Tensor], json: &str| -> Vec<Alpha> {
        fit(file, &metadata(json), &targets).adapters.into_iter().map(|adapter| adapter.alpha).collect()
    };
    let number = Alpha::Number;
    let json = r#"{"transformer.r": 4, "transformer.lora_alpha": 8, "transformer.alpha_pattern": {"^layers.0.attention.to_k": 2, "to_v": 3}}"#;
    assert_eq!(alphas(&file, json), [number(8.0), number(2.0), number(3.0)]);
    let json = r#"{"r": 4, "lora_alpha": 8, "use_rslora": true}"#;
    assert_eq!(alphas(&file, json), [number(16.0), number(16.0), number(16.0)]);
    assert_eq!(alphas(&file, r#"{"text_encoder.lora_alpha": 8}"#), [Alpha::None, Alpha::None, Alpha::None]);
    for nothing in ["", "{}", r#"{"transformer.alpha_pattern": 7}"#] {
        assert_eq!(alphas(&file, nothing)[0], Alpha::None, "{nothing}");
    }
    file.push(tensor("transformer.layers.0.attention.to_q.alpha", &[1]));
    let alpha = Alpha::Tensor("transformer.layers.0.attention.to_q.alpha".to_owned());
    assert_eq!(alphas(&file, r#"{"transformer.lora_alpha": 8}"#)[0], alpha);
}

#[test]
fn alpha_that_cannot_be_read_is_not_taken_for_none() {
    let targets = Targets::of(&SIZES[0].split(), None);
    let name = |half: &str| format!("transformer.layers.0.attention.to_q.lora_{half}.weight");
    let file = [tensor(name("A"), &[4, 12]), tensor(name("B"), &[12, 4])];
    for json in ["{", "[1]", "null", r#"{"transformer.lora_alpha": "x"}"#, r#"{"transformer.lora_alpha": [8]}"#] {
        let fit = fit(&file, &metadata(json), &targets);
        assert!(fit.adapters.is_empty(), "{json}");
        let why = fit.keys[0].why.clone().expect("a reason");
        assert!(why.contains("lora_adapter_metadata") && fit.keys[0].state == State::ShapeMismatch, "{why}");
        // A tensor does not need them.
        let with_alpha = [&file[..], &[tensor("transformer.layers.0.attention.to_q.alpha", &[])]].concat();
        assert_eq!(self::fit(&with_alpha, &metadata(json), &targets).adapters.len(), 1, "{json}");
    }
    assert_eq!(fit(&file, &metadata(r#"{"transformer.lora_alpha": null}"#), &targets).adapters[0].alpha, Alpha::None);
}

/// PEFT's `lora_bias` is nothing that is applied; it must not take the place of the factor.
#[test]
fn a_bias_of_a_factor_is_a_key_of_its_own() {
    let name = |end: &str| format!("transformer.layers.0.attention.to_q.{end}");
    let file = [
        tensor(name("lora_A.weight"), &[4, 12]),
        tensor(name("lora_B.weight"), &[12, 4]),
        tensor(name("lora_B.bias"), &[12]),
    ];
    let fit = plain(&file, &SIZES[0].split());
    let states: Vec<State> = fit.keys.iter().map(|key| key.state).collect();
    assert_eq!(states, [State::Applied, State::Applied, State::Unknown]);
}

#[test]
fn alpha_of_a_whole_kronecker_product_is_ignored() {
    let file = [
        tensor("lycoris_layers_0_attention_to_q.alpha", &[]),
        tensor("lycoris_layers_0_attention_to_q.lokr_w1", &[2, 2]),
        tensor("lycoris_layers_0_attention_to_q.lokr_w2", &[6, 6]),
    ];
    let fit = plain(&file, &SIZES[0].split());
    assert_eq!((&fit.adapters[0].alpha, fit.adapters[0].rank), (&Alpha::None, 0));
    assert_eq!(fit.problem(), None);
}

#[test]
fn cores_stand_between_transposed_factors() {
    let name = |end: &str| format!("layers.0.attention.to_q.{end}");
    let file = [
        tensor(name("hada_t1"), &[2, 3, 1, 1]),
        tensor(name("hada_w1_a"), &[2, 12]),
        tensor(name("hada_w1_b"), &[3, 12]),
        tensor(name("hada_w2_a"), &[12, 5]),
        tensor(name("hada_w2_b"), &[5, 12]),
    ];
    let fit = plain(&file, &SIZES[0].split());
    assert_eq!(fit.problem(), None);
    assert_eq!(fit.adapters[0].rank, 3);
}

#[test]
fn the_problem_counts_by_state_and_names_three_keys() {
    let mut file: Vec<_> =
        (0..5).map(|n| tensor(format!("single_blocks.{n}.linear1.lora_A.weight"), &[2, 2])).collect();
    let fit = plain(&file, &SIZES[0].split());
    let problem = fit.problem().unwrap_or_default();
    assert!(problem.starts_with("5 of 5 keys are not applied: 5 unknown (`single_blocks.0."), "{problem}");
    assert!(problem.contains(" and 2 more)") && problem.ends_with("by its names it is a LoRA for FLUX."), "{problem}");
    file.push(tensor("layers.0.attention.to_q.diff", &[12, 12]));
    file.push(tensor("layers.0.attention.to_k.lora_A.weight", &[2, 12]));
    let problem = plain(&file, &SIZES[0].split()).problem().unwrap_or_default();
    assert!(
        problem.starts_with("6 of 7 keys") && problem.contains("; 1 without their other half (`layers.0"),
        "{problem}"
    );
    assert!(!problem.contains("FLUX"), "{problem}");
    assert!(plain(&[], &SIZES[0].split()).problem().is_some());
}

#[test]
fn families_are_known_by_their_names() {
    let table = [
        ("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", Some("a LoRA for FLUX")),
        ("transformer.single_transformer_blocks.3.attn.to_q.lora_A.weight", Some("a LoRA for FLUX")),
        ("lora_unet_down_blocks_0_attentions_0_proj_in.alpha", Some("a LoRA for Stable Diffusion 1 or 2")),
        ("lora_unet_input_blocks_4_1_proj_in.alpha", Some("a LoRA for Stable Diffusion XL")),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha", Some("a LoRA for Stable Diffusion XL")),
        ("diffusion_model.joint_blocks.0.x_block.attn.qkv.lora_A.weight", Some("a LoRA for Stable Diffusion 3")),
        ("transformer_blocks.9.img_mlp.net.0.proj.lora_A.weight", Some("a LoRA for Qwen-Image")),
        ("diffusion_model.blocks.0.cross_attn.k.lora_A.weight", Some("a LoRA for Wan")),
        ("diffusion_model.blocks.0.self_attn.k.lora_A.weight", Some("a LoRA for Wan")),
        ("layers.0.attention.to_q.weight", Some("a whole model, not a LoRA")),
        ("something.lora_A.weight", None),
    ];
    for (name, expected) in table {
        assert_eq!(family([name].into_iter()), expected, "{name}");
    }
    assert_eq!(family(std::iter::empty()), None);
}

#[test]
fn every_key_is_accounted_for_once_whatever_is_missing() {
    let mut numbers = Numbers(7);
    for round in 0..300 {
        let size: Size = SIZES[numbers.below(2)];
        let layout = LAYOUTS[numbers.below(LAYOUTS.len())];
        let mut file = layout.file(&modules(&size.split()));
        file.retain(|_| numbers.below(5) > 0);
        for tensor in &mut file {
            match numbers.below(40) {
                0 => tensor.shape.push(2),
                1 => tensor.shape = vec![0],
                2 => tensor.name.push('x'),
                3 => tensor.shape = vec![usize::MAX, usize::MAX],
                _ => {}
            }
        }
        let model = if numbers.below(2) == 0 { size.split() } else { size.fused("model.diffusion_model.") };
        for targets in [Targets::of(&model, None), Targets::of_any_z_image(&file)] {
            let fit = fit(&file, &Metadata::new(), &targets);
            let names: Vec<_> = fit.keys.iter().map(|key| &key.name).collect();
            assert_eq!(names, file.iter().map(|tensor| &tensor.name).collect::<Vec<_>>(), "round {round}");
            for adapter in &fit.adapters {
                let ends: Vec<_> = adapter.targets.iter().map(|target| target.rows.end).collect();
                let starts: Vec<_> = adapter.targets.iter().map(|target| target.rows.start).collect();
                assert_eq!(starts[0], 0);
                assert_eq!(starts[1..], ends[..ends.len() - 1]);
                assert!(adapter.targets.iter().all(|target| target.first + target.rows.len() <= target.of));
            }
        }
    }
}

#[test]
fn strange_names_do_no_harm() {
    let names = [
        "",
        ".",
        ".lora_A.weight",
        "lora_unet_",
        "model.model.model.model.model.model.model.model.model.model.x.diff",
        "layers.99999999999999999999.x.diff",
        "layers.999999.attention.to_q.diff",
        "ä.lora_A.ö.weight",
    ];
    let file: Vec<_> = names.iter().map(|name| tensor(*name, &[usize::MAX, usize::MAX])).collect();
    let fit = fit(&file, &Metadata::new(), &Targets::of_any_z_image(&file));
    assert_eq!(fit.keys.len(), names.len());
    assert!(fit.adapters.is_empty());
}
