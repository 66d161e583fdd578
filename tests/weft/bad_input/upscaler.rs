//! Upscaler files that are something else, damaged, or of a network that Weft does not read; and inputs that cannot be.

use super::{Case, Place, assert_all};
use crate::lora::{file, with_numbers};
use crate::program::golden;

/// A graph that upscales a picture by this file.
fn upscaling(at: &Place, bytes: &[u8]) -> Vec<String> {
    at.write("models/upscale_models/some.safetensors", bytes);
    with(at, r#""file": "some.safetensors""#, "")
}

/// The same with these inputs of the loader and of the node behind it.
fn with(at: &Place, loader: &str, upscale: &str) -> Vec<String> {
    at.write("picture.png", std::fs::read(golden("esrgan/picture.png")).expect("a picture"));
    at.write("models/upscale_models/right.safetensors", right());
    let graph = format!(
        r#"Graph(format: 1, nodes: {{
            "model": (kind: "esrgan/LoadUpscaler", inputs: {{ {loader} }}),
            "load": (kind: "image-io/LoadImage", inputs: {{ "file": "picture.png" }}),
            "large": (kind: "esrgan/UpscaleImage", inputs: {{
                "upscale_model": Link("model.upscale_model"), "image": Link("load.image"), {upscale} }}),
            "save": (kind: "image-io/SaveImage", inputs: {{ "image": Link("large.image"), "name": "fox" }}) }})"#
    );
    [at.run(&graph), ["--models", &at.path("models")].map(str::to_owned).to_vec()].concat()
}

fn right() -> Vec<u8> {
    std::fs::read(golden("esrgan/models/old-4x.safetensors")).expect("a golden upscaler")
}

/// The tensors of a network of one block in the new names, four features and two more a convolution, changed.
fn network(change: impl Fn(&mut Vec<(String, Vec<usize>)>)) -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    let mut conv = |name: &str, outputs: usize, inputs: usize| {
        tensors.push((format!("{name}.weight"), vec![outputs, inputs, 3, 3]));
        tensors.push((format!("{name}.bias"), vec![outputs]));
    };
    conv("conv_first", 4, 3);
    for dense in 1..=3 {
        for index in 1..=5 {
            conv(&format!("body.0.rdb{dense}.conv{index}"), if index == 5 { 4 } else { 2 }, 4 + 2 * (index - 1));
        }
    }
    for name in ["conv_body", "conv_up1", "conv_up2", "conv_hr"] {
        conv(name, 4, 4);
    }
    conv("conv_last", 3, 4);
    change(&mut tensors);
    tensors
}

fn small(number: impl Fn(usize) -> f32, change: impl Fn(&mut Vec<(String, Vec<usize>)>)) -> Vec<u8> {
    let tensors = network(change);
    let borrowed: Vec<(&str, &[usize])> =
        tensors.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    with_numbers(&borrowed, number)
}

fn changed(change: impl Fn(&mut Vec<(String, Vec<usize>)>)) -> Vec<u8> {
    small(|index| (index * 37 % 101) as f32 * 0.008 - 0.4, change)
}

fn set(tensors: &mut [(String, Vec<usize>)], name: &str, shape: &[usize]) {
    tensors.iter_mut().find(|tensor| tensor.0 == name).expect("a tensor of it").1 = shape.to_vec();
}

#[test]
fn files_of_other_things() {
    assert_all(&[
        Case { name: "what is right", arrange: |at| upscaling(at, &right()), code: 0, says: &["fox.png"] },
        Case {
            name: "a small one that is right",
            arrange: |at| upscaling(at, &changed(|_| ())),
            code: 0,
            says: &["fox"],
        },
        Case {
            name: "SwinIR",
            arrange: |at| {
                upscaling(
                    at,
                    &file(&[
                        ("layers.0.residual_group.blocks.0.norm1.weight", &[60]),
                        ("conv_first.weight", &[60, 3, 3, 3]),
                    ]),
                )
            },
            code: 6,
            says: &["some.safetensors is a SwinIR upscaler", "RRDB networks (ESRGAN", "node `model`", "help: "],
        },
        Case {
            name: "Compact",
            arrange: |at| upscaling(at, &file(&[("body.0.weight", &[8, 3, 3, 3]), ("body.1.weight", &[8])])),
            code: 6,
            says: &["a Compact (SRVGGNet) upscaler", "node `model`"],
        },
        Case {
            name: "SPAN behind a wrapper",
            arrange: |at| upscaling(at, &file(&[("params.block_1.c1_r.sk.weight", &[8, 3, 3, 3])])),
            code: 6,
            says: &["a SPAN upscaler", "node `model`"],
        },
        Case {
            name: "DAT",
            arrange: |at| upscaling(at, &file(&[("before_RG.1.weight", &[8])])),
            code: 6,
            says: &["a DAT upscaler", "node `model`"],
        },
        Case {
            name: "MM-RealSR, which holds an RRDB network",
            arrange: |at| {
                upscaling(
                    at,
                    &changed(|tensors| {
                        tensors.push(("de_net.conv_first.0.weight".to_owned(), vec![2]));
                        tensors.push(("am_list.0.fc.0.weight".to_owned(), vec![2]));
                    }),
                )
            },
            code: 6,
            says: &["an MM-RealSR upscaler", "node `model`"],
        },
        Case {
            name: "a LoRA",
            arrange: |at| upscaling(at, &file(&[("diffusion_model.layers.0.attention.to_q.lora_A.weight", &[2, 24])])),
            code: 6,
            says: &["some.safetensors is a LoRA", "node `model`"],
        },
        Case {
            name: "a VAE",
            arrange: |at| {
                let vae = golden("plain/model/vae/diffusion_pytorch_model.safetensors");
                upscaling(at, &std::fs::read(vae).expect("a golden model"))
            },
            code: 6,
            says: &["some.safetensors is a VAE", "node `model`"],
        },
        Case {
            name: "a diffusion model",
            arrange: |at| {
                let model = golden("plain/model/transformer/diffusion_pytorch_model.safetensors");
                upscaling(at, &std::fs::read(model).expect("a golden model"))
            },
            code: 6,
            says: &["some.safetensors is a diffusion model", "node `model`"],
        },
        Case {
            name: "nothing known",
            arrange: |at| upscaling(at, &file(&[("a.weight", &[2, 24])])),
            code: 6,
            says: &["no upscaler that Weft knows", "node `model`"],
        },
        Case {
            name: "no tensors",
            arrange: |at| upscaling(at, &file(&[])),
            code: 6,
            says: &["no upscaler that Weft knows", "node `model`"],
        },
        Case { name: "empty", arrange: |at| upscaling(at, b""), code: 6, says: &["is empty", "node `model`"] },
        Case {
            name: "truncated",
            arrange: |at| upscaling(at, &right()[..9000]),
            code: 6,
            says: &["incomplete download", "node `model`"],
        },
        Case {
            name: "a model by mistake where an upscaler belongs",
            arrange: |at| with(at, r#""file": "../vae/x.safetensors""#, ""),
            code: 4,
            says: &["../vae/x.safetensors", "node `model`"],
        },
    ]);
}

#[test]
fn networks_that_do_not_fit() {
    assert_all(&[
        Case {
            name: "a tensor is missing",
            arrange: |at| upscaling(at, &changed(|tensors| tensors.retain(|tensor| tensor.0 != "conv_hr.bias"))),
            code: 6,
            says: &["the tensor `conv_hr.bias` is missing", "node `model`"],
        },
        Case {
            name: "a tensor of another shape",
            arrange: |at| upscaling(at, &changed(|tensors| set(tensors, "body.0.rdb2.conv3.weight", &[2, 9, 3, 3]))),
            code: 6,
            says: &["`body.0.rdb2.conv3.weight` has the shape [2, 9, 3, 3] instead of [2, 8, 3, 3]", "node `model`"],
        },
        Case {
            name: "a tensor too many",
            arrange: |at| upscaling(at, &changed(|tensors| tensors.push(("body.0.norm.weight".to_owned(), vec![4])))),
            code: 6,
            says: &["`body.0.norm.weight` belongs to no such network", "node `model`"],
        },
        Case {
            name: "gray pictures",
            arrange: |at| upscaling(at, &changed(|tensors| set(tensors, "conv_first.weight", &[4, 1, 3, 3]))),
            code: 6,
            says: &["takes 1 channels", "three", "node `model`"],
        },
        Case {
            name: "pixels unshuffled more often than they are doubled",
            arrange: |at| {
                upscaling(
                    at,
                    &changed(|tensors| {
                        set(tensors, "conv_first.weight", &[4, 48, 3, 3]);
                        tensors.retain(|tensor| !tensor.0.starts_with("conv_up2"));
                    }),
                )
            },
            code: 6,
            says: &["doubles the size 1 times and divides it by 4", "node `model`"],
        },
        Case {
            name: "a doubling that is left out",
            arrange: |at| upscaling(at, &changed(|tensors| tensors.retain(|tensor| !tensor.0.starts_with("conv_up1")))),
            code: 6,
            says: &["`conv_up1.weight` is missing", "node `model`"],
        },
        Case {
            name: "doublings without end",
            arrange: |at| {
                upscaling(at, &changed(|tensors| tensors.push(("conv_up99999999999.weight".to_owned(), vec![4]))))
            },
            code: 6,
            says: &["doubles the size 99999999999 times", "node `model`"],
        },
        Case {
            name: "no features",
            arrange: |at| upscaling(at, &changed(|tensors| set(tensors, "conv_first.weight", &[0, 3, 3, 3]))),
            code: 6,
            says: &["`conv_first.weight`", "no convolution's", "node `model`"],
        },
        Case {
            name: "not a number",
            arrange: |at| upscaling(at, &small(|index| if index == 40 { f32::NAN } else { 0.1 }, |_| ())),
            code: 6,
            says: &["conv_first", "NaN", "node `large`", "help: "],
        },
    ]);
}

#[test]
fn inputs_that_cannot_be() {
    const RIGHT: &str = r#""file": "right.safetensors""#;
    assert_all(&[
        Case {
            name: "more than four times",
            arrange: |at| with(at, RIGHT, r#""scale": 4.5"#),
            code: 4,
            says: &["scale", "4.5", "node `large`"],
        },
        Case {
            name: "no tile",
            arrange: |at| with(at, RIGHT, r#""tile": 0"#),
            code: 4,
            says: &["tile", "64", "node `large`"],
        },
        Case {
            name: "an overlap as large as the tile",
            arrange: |at| with(at, RIGHT, r#""tile": 64, "overlap": 64"#),
            code: 4,
            says: &["`overlap` is 64", "node `large`", "help: "],
        },
        Case {
            name: "the largest overlap",
            arrange: |at| with(at, RIGHT, r#""tile": 64, "overlap": 63"#),
            code: 0,
            says: &["fox.png"],
        },
        Case { name: "no file", arrange: |at| with(at, "", ""), code: 4, says: &["file", "node `model`"] },
    ]);
}
