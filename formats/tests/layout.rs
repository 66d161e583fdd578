//! Layouts of model files: written and read back, against names that diffusers' own reader understood.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::{Value, json};
use weft_formats::layout::{self, Found, Part, View};
use weft_formats::{Dtype, Tensor};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

/// The tensors of a part of a golden model.
fn tensors(model: &str, part: Part) -> Vec<Tensor> {
    let folder = golden().join(model).join("model").join(part.folder());
    let files = folder.read_dir().unwrap().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
    files.flat_map(|path| header(&std::fs::read(path).unwrap())).collect()
}

fn header(bytes: &[u8]) -> Vec<Tensor> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    file.iter().map(|(name, view)| tensor(name, view.shape())).collect()
}

fn tensor(name: &str, shape: &[usize]) -> Tensor {
    Tensor { name: name.to_owned(), dtype: Dtype::Float32, shape: shape.to_vec() }
}

/// A part as a file with this prefix has it.
fn file(part: Part, ours: &[Tensor], prefix: &str) -> Vec<Tensor> {
    layout::write(part, ours).iter().map(|joined| tensor(&format!("{prefix}{}", joined.name), &joined.shape)).collect()
}

#[test]
fn names_and_shapes_are_those_of_comfyui() {
    let golden = std::fs::read_to_string(golden().join("units/comfyui.json")).unwrap();
    let golden: BTreeMap<String, BTreeMap<String, Vec<usize>>> = serde_json::from_str(&golden).unwrap();
    for part in Part::ALL {
        let written = layout::write(part, &tensors("plain", part));
        let written: BTreeMap<_, _> = written.into_iter().map(|joined| (joined.name, joined.shape)).collect();
        assert_eq!(written, golden[part.folder()]);
    }
}

#[test]
fn what_is_written_is_read_back() {
    for model in ["plain", "sharded", "half", "wide"] {
        for part in Part::ALL {
            for prefix in ["", part.prefix(), "something.else."] {
                let ours = tensors(model, part);
                let written = file(part, &ours, prefix);
                let found = layout::find(part, &written).unwrap();
                assert_eq!(found, Found { part, prefix: prefix.to_owned() });
                let mut views = layout::read(&found, &written).unwrap();
                views.sort_by(|a, b| a.name.cmp(&b.name));
                let root = if part == Part::TextEncoder && !ours[0].name.starts_with("model.") { "model." } else { "" };
                let mut expected: Vec<_> =
                    ours.iter().map(|t| (format!("{root}{}", t.name), t.shape.clone())).collect();
                expected.sort();
                let shapes: Vec<_> = views.iter().map(|view| (view.name.clone(), view.shape.clone())).collect();
                assert_eq!(shapes, expected, "{model} {part:?} {prefix}");
                rows_follow(&views, &layout::write(part, &ours), prefix);
            }
        }
    }
}

/// Each view begins where the rows of those joined before it end.
fn rows_follow(views: &[View], joined: &[layout::Joined], prefix: &str) {
    for view in views {
        let whole = joined.iter().find(|joined| format!("{prefix}{}", joined.name) == view.of).unwrap();
        let place = whole.of.iter().position(|name| view.name.ends_with(name)).unwrap();
        assert_eq!(view.first_row, place * whole.shape.first().unwrap_or(&0) / whole.of.len(), "{view:?}");
    }
}

#[test]
fn diffusers_names_stay_as_they_are() {
    for part in Part::ALL {
        let ours = tensors("plain", part);
        let found = layout::find(part, &ours).unwrap();
        for view in layout::read(&found, &ours).unwrap() {
            assert_eq!((&view.name, view.first_row), (&view.of, 0));
        }
    }
}

#[test]
fn parts_are_told_from_each_other_in_one_file() {
    let whole: Vec<Tensor> =
        Part::ALL.into_iter().flat_map(|part| file(part, &tensors("plain", part), part.prefix())).collect();
    for part in Part::ALL {
        assert_eq!(layout::find(part, &whole).unwrap().prefix, part.prefix());
        let alone = file(part, &tensors("plain", part), "");
        let found: Vec<Part> = Part::ALL.into_iter().filter(|part| layout::find(*part, &alone).is_some()).collect();
        assert_eq!(found, [part]);
    }
    // An average of the weights beside them.
    let average = file(Part::Diffusion, &tensors("plain", Part::Diffusion), "ema.");
    let found = layout::find(Part::Diffusion, &[average, whole].concat()).unwrap();
    assert_eq!(found.prefix, "model.diffusion_model.");
}

/// Views with these names and shapes.
fn views(shapes: &[(&str, &[usize])]) -> Vec<View> {
    let view = |(name, shape): &(&str, &[usize])| View {
        name: (*name).to_owned(),
        of: (*name).to_owned(),
        first_row: 0,
        shape: shape.to_vec(),
        channels_last: false,
    };
    shapes.iter().map(view).collect()
}

fn assert_says(config: &serde_json::Map<String, Value>, expected: Value) {
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(config.get(key), Some(value), "{key}");
    }
}

#[test]
fn the_released_sizes_are_told_from_shapes() {
    let config = layout::config(
        Part::Diffusion,
        &views(&[
            ("all_x_embedder.2-1.weight", &[3840, 64]),
            ("cap_embedder.1.weight", &[3840, 2560]),
            ("layers.0.attention.norm_q.weight", &[128]),
            ("layers.29.attention.norm_q.weight", &[128]),
            ("noise_refiner.1.attention.norm_q.weight", &[128]),
        ]),
    );
    let expected = json!({"dim": 3840, "n_layers": 30, "n_refiner_layers": 2, "n_heads": 30, "in_channels": 16,
        "cap_feat_dim": 2560, "axes_dims": [32, 48, 48], "rope_theta": 256.0, "norm_eps": 1e-5});
    assert_says(&config.unwrap(), expected);
    let qwen = |last: &str| {
        layout::config(
            Part::TextEncoder,
            &views(&[
                ("model.embed_tokens.weight", &[151_936, 2560]),
                ("model.layers.0.self_attn.q_norm.weight", &[128]),
                ("model.layers.0.self_attn.q_proj.weight", &[4096, 2560]),
                ("model.layers.0.self_attn.k_proj.weight", &[1024, 2560]),
                ("model.layers.0.mlp.gate_proj.weight", &[9728, 2560]),
                (last, &[2560]),
            ]),
        )
    };
    let expected = json!({"vocab_size": 151_936, "hidden_size": 2560, "num_hidden_layers": 36, "head_dim": 128,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 9728, "rope_theta": 1e6});
    // The last layer is not needed: without it the model is the same.
    for last in ["model.layers.35.input_layernorm.weight", "model.layers.34.input_layernorm.weight"] {
        assert_says(&qwen(last).unwrap(), expected.clone());
    }
    let vae = |latent: usize| {
        layout::config(
            Part::Vae,
            &views(&[
                ("decoder.conv_in.weight", &[512, latent, 3, 3]),
                ("decoder.mid_block.attentions.0.to_q.weight", &[512, 512]),
                ("decoder.up_blocks.0.resnets.0.conv1.weight", &[512, 512, 3, 3]),
                ("decoder.up_blocks.0.resnets.2.conv1.weight", &[512, 512, 3, 3]),
                ("decoder.up_blocks.1.resnets.0.conv1.weight", &[512, 512, 3, 3]),
                ("decoder.up_blocks.2.resnets.0.conv1.weight", &[256, 512, 3, 3]),
                ("decoder.up_blocks.3.resnets.0.conv1.weight", &[128, 256, 3, 3]),
            ]),
        )
    };
    let expected = json!({"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 16,
        "norm_num_groups": 32, "scaling_factor": 0.3611, "shift_factor": 0.1159, "use_quant_conv": false});
    assert_says(&vae(16).unwrap(), expected);
    let other = vae(4).unwrap();
    assert_says(&other, json!({"latent_channels": 4, "block_out_channels": [128, 256, 512, 512]}));
    assert!(!other.contains_key("scaling_factor"), "the scale of other latents is not known");
}

#[test]
fn mflux_s_names_lead_back() {
    for model in ["plain", "sharded", "half", "wide"] {
        for part in Part::ALL {
            let ours = tensors(model, part);
            let written: Vec<Tensor> =
                layout::write_mlx(part, &ours).iter().map(|joined| tensor(&joined.name, &joined.shape)).collect();
            let found = layout::find(part, &written).unwrap();
            let views = layout::read(&found, &written).unwrap();
            for (view, ours) in views.iter().zip(&ours) {
                let bare = ours.name.strip_prefix("model.").unwrap_or(&ours.name);
                assert_eq!((view.name.as_str(), &view.shape), (bare, &ours.shape), "{model}");
                assert_eq!(view.channels_last, ours.shape.len() == 4, "{model} {bare}");
            }
            assert_eq!(views.len(), ours.len());
        }
    }
    let names = |part| layout::write_mlx(part, &tensors("plain", part)).into_iter().map(|joined| joined.name);
    for name in
        ["t_embedder.linear2.weight", "all_final_layer.2-1.adaLN_modulation.0.bias", "layers.1.adaLN_modulation.0.bias"]
    {
        assert!(names(Part::Diffusion).any(|found| found == name), "{name}");
    }
    for name in ["encoder.conv_in.conv2d.weight", "decoder.conv_in.conv.bias", "decoder.conv_norm_out.norm.weight"] {
        assert!(names(Part::Vae).any(|found| found == name), "{name}");
    }
}

#[test]
fn other_spellings_are_read() {
    let read = |part: Part, names: &[(&str, &[usize])]| -> Vec<(String, Vec<usize>)> {
        let tensors: Vec<Tensor> = names.iter().map(|(name, shape)| tensor(name, shape)).collect();
        let found = Found { part, prefix: String::new() };
        layout::read(&found, &tensors).unwrap().into_iter().map(|view| (view.name, view.shape)).collect()
    };
    let diffusion: [(&str, &[usize], &str, &[usize]); 7] = [
        ("layers.0.attention.to_out.weight", &[4, 4], "layers.0.attention.to_out.0.weight", &[4, 4]),
        ("layers.0.adaLN_modulation.bias", &[4], "layers.0.adaLN_modulation.0.bias", &[4]),
        ("layers.0.adaLN_modulation.0.bias", &[4], "layers.0.adaLN_modulation.0.bias", &[4]),
        ("final_layer.adaLN_modulation.weight", &[4, 4], "all_final_layer.2-1.adaLN_modulation.1.weight", &[4, 4]),
        (
            "all_final_layer.2-1.adaLN_modulation.weight",
            &[4, 4],
            "all_final_layer.2-1.adaLN_modulation.1.weight",
            &[4, 4],
        ),
        ("x_pad_token", &[4], "x_pad_token", &[1, 4]),
        ("cap_pad_token", &[1, 4], "cap_pad_token", &[1, 4]),
    ];
    for (theirs, shape, ours, made) in diffusion {
        assert_eq!(read(Part::Diffusion, &[(theirs, shape)]), [(ours.to_owned(), made.to_vec())]);
    }
    assert_eq!(read(Part::Diffusion, &[("norm_final.weight", &[4])]), []);
    for (theirs, ours) in [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.7.attn_q.weight", "model.layers.7.self_attn.q_proj.weight"),
        ("blk.7.attn_k_norm.weight", "model.layers.7.self_attn.k_norm.weight"),
        ("blk.7.attn_norm.weight", "model.layers.7.input_layernorm.weight"),
        ("blk.7.ffn_norm.weight", "model.layers.7.post_attention_layernorm.weight"),
        ("blk.7.ffn_down.weight", "model.layers.7.mlp.down_proj.weight"),
        ("output_norm.weight", "model.norm.weight"),
    ] {
        assert_eq!(read(Part::TextEncoder, &[(theirs, &[2])]), [(ours.to_owned(), vec![2])]);
    }
    let lumina = [tensor("layers.0.attention.qkv.weight", &[32, 16])];
    let found = Found { part: Part::Diffusion, prefix: String::new() };
    assert!(layout::read(&found, &lumina).unwrap_err().contains("Lumina"));
}
