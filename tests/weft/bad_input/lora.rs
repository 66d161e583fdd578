//! LoRA files that are something else, damaged, of another model, or only half there.

use safetensors::tensor::{Dtype, TensorView};

use super::{Case, Place, assert_all};
use crate::lora::{file, with_numbers};
use crate::program::text_to_image;

const DOWN: &str = "diffusion_model.layers.0.attention.to_q.lora_A.weight";
const UP: &str = "diffusion_model.layers.0.attention.to_q.lora_B.weight";
const ALPHA: &str = "diffusion_model.layers.0.attention.to_q.alpha";

/// The usual graph with this file as a LoRA between model and sampler.
fn applied(at: &Place, bytes: &[u8]) -> Vec<String> {
    at.write("models/loras/some.safetensors", bytes);
    named(at, r#""file": "some.safetensors""#)
}

/// The usual graph with a LoRA node of these inputs.
fn named(at: &Place, inputs: &str) -> Vec<String> {
    at.write("models/loras/other.safetensors", beside(&[]));
    let node = format!(r#""lora": (kind: "lora/ApplyLora", inputs: {{ "model": Link("model.model"), {inputs} }}),"#);
    let graph = text_to_image()
        .replace(
            r#""sample": (kind: "sampler/Sample", inputs: { "model": Link("model.model")"#,
            r#""sample": (kind: "sampler/Sample", inputs: { "model": Link("lora.model")"#,
        )
        .replace("nodes: {", &format!("nodes: {{ {node}"));
    [at.run(&graph), ["--models", &at.path("models"), "--set", "sample.steps=1"].map(str::to_owned).to_vec()].concat()
}

/// A pair that fits, and further tensors.
fn beside(more: &[(&str, &[usize])]) -> Vec<u8> {
    file(&[&[(DOWN, &[2, 24][..]), (UP, &[24, 2])], more].concat())
}

/// A pair that fits, one of whose numbers is this.
fn with_number(number: f32) -> Vec<u8> {
    with_numbers(&[(DOWN, &[2, 24]), (UP, &[24, 2])], |index| if index == 31 { number } else { 0.1 })
}

/// A pair that fits, with this alpha.
fn with_alpha(shape: &[usize], number: f32) -> Vec<u8> {
    with_numbers(&[(DOWN, &[2, 24]), (UP, &[24, 2]), (ALPHA, shape)], |_| number)
}

/// A pair of this type of numbers, all of them 0.
fn typed(dtype: Dtype) -> Vec<u8> {
    let bytes = vec![0; 48 * dtype.bitsize() / 8];
    let view = |shape: [usize; 2]| TensorView::new(dtype, shape.to_vec(), &bytes).expect("as many bytes as numbers");
    safetensors::serialize([(DOWN, view([2, 24])), (UP, view([24, 2]))], None).expect("a safetensors file")
}

#[test]
fn files_that_are_no_lora() {
    assert_all(&[
        Case { name: "what is right", arrange: |at| applied(at, &beside(&[])), code: 0, says: &["fox.png"] },
        Case {
            name: "empty",
            arrange: |at| applied(at, b""),
            code: 6,
            says: &["some.safetensors is empty", "node `lora`", "download"],
        },
        Case {
            name: "a text",
            arrange: |at| applied(at, b"trigger word: ink fox"),
            code: 6,
            says: &["some.safetensors is a text", "node `lora`"],
        },
        Case {
            name: "a web page",
            arrange: |at| applied(at, b"<!DOCTYPE html><html></html>"),
            code: 6,
            says: &["is a web page", "node `lora`"],
        },
        Case {
            name: "a pickle",
            arrange: |at| applied(at, b"\x80\x02}q\0.                    "),
            code: 6,
            says: &["is a pickle", "not one that torch.save wrote", "node `lora`"],
        },
        Case {
            name: "truncated",
            arrange: |at| applied(at, &beside(&[])[..300]),
            code: 6,
            says: &["incomplete download", "node `lora`"],
        },
        Case {
            name: "no tensors",
            arrange: |at| applied(at, &file(&[])),
            code: 6,
            says: &["some.safetensors", "node `lora`", "help: "],
        },
        Case {
            name: "a whole model",
            arrange: |at| {
                let model = crate::program::golden("plain/model/transformer/diffusion_pytorch_model.safetensors");
                applied(at, &std::fs::read(model).expect("a golden model"))
            },
            code: 6,
            says: &["some.safetensors", "node `lora`", "model"],
        },
        Case {
            name: "a LoRA for FLUX",
            arrange: |at| {
                applied(
                    at,
                    &file(&[
                        ("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", &[2, 24]),
                        ("lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight", &[72, 2]),
                    ]),
                )
            },
            code: 6,
            says: &["some.safetensors", "FLUX", "node `lora`", "made for this model"],
        },
        Case {
            name: "a LoRA for Stable Diffusion",
            arrange: |at| {
                applied(
                    at,
                    &file(&[
                        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.lora_down.weight", &[2, 24]),
                        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.lora_up.weight", &[24, 2]),
                    ]),
                )
            },
            code: 6,
            says: &["some.safetensors", "Stable Diffusion", "node `lora`", "made for this model"],
        },
        Case {
            name: "names of nothing known",
            arrange: |at| applied(at, &file(&[("a.lora_A.weight", &[2, 24]), ("a.lora_B.weight", &[24, 2])])),
            code: 6,
            says: &["changes nothing", "node `lora`"],
        },
    ]);
}

#[test]
fn modules_that_do_not_fit() {
    assert_all(&[
        Case {
            name: "two ranks",
            arrange: |at| applied(at, &file(&[(DOWN, &[2, 24]), (UP, &[24, 3])])),
            code: 6,
            says: &["layers.0.attention.to_q", "rank", "node `lora`", "help: "],
        },
        Case {
            name: "half a pair",
            arrange: |at| applied(at, &file(&[(DOWN, &[2, 24])])),
            code: 6,
            says: &["layers.0.attention.to_q", "node `lora`", "help: "],
        },
        Case {
            name: "half a pair beside a whole one",
            arrange: |at| applied(at, &beside(&[("diffusion_model.layers.1.attention.to_q.lora_B.weight", &[24, 2])])),
            code: 6,
            says: &["1 of 3 keys", "layers.1.attention.to_q.lora_B.weight", "allow_partial"],
        },
        Case {
            name: "a layer that the model has not",
            arrange: |at| {
                applied(
                    at,
                    &beside(&[
                        ("diffusion_model.layers.29.attention.to_q.lora_A.weight", &[2, 24]),
                        ("diffusion_model.layers.29.attention.to_q.lora_B.weight", &[24, 2]),
                    ]),
                )
            },
            code: 6,
            says: &["2 of 4 keys", "layers.29.attention.to_q", "allow_partial"],
        },
        Case {
            name: "a model of another width",
            arrange: |at| applied(at, &file(&[(DOWN, &[2, 3840]), (UP, &[3840, 2])])),
            code: 6,
            says: &["changes nothing", "3840", "24"],
        },
        Case {
            name: "an alpha alone",
            arrange: |at| applied(at, &file(&[(ALPHA, &[])])),
            code: 6,
            says: &["changes nothing", "node `lora`"],
        },
        Case {
            name: "lengths of other rows",
            arrange: |at| applied(at, &beside(&[("diffusion_model.layers.0.attention.to_q.dora_scale", &[23, 1])])),
            code: 6,
            says: &["dora_scale", "node `lora`"],
        },
        Case {
            name: "a Kronecker product of another size",
            arrange: |at| {
                let module = "lycoris_layers_0_attention_to_q";
                applied(at, &file(&[(&format!("{module}.lokr_w1"), &[4, 4]), (&format!("{module}.lokr_w2"), &[6, 5])]))
            },
            code: 6,
            says: &["lokr_w", "node `lora`"],
        },
        Case {
            name: "a LoHa without its second half",
            arrange: |at| {
                let module = "lycoris_layers_0_attention_to_q";
                applied(
                    at,
                    &file(&[(&format!("{module}.hada_w1_a"), &[24, 2]), (&format!("{module}.hada_w1_b"), &[2, 24])]),
                )
            },
            code: 6,
            says: &["hada_w", "node `lora`"],
        },
        Case {
            name: "a full change of another shape",
            arrange: |at| applied(at, &beside(&[("diffusion_model.layers.0.attention_norm1.diff", &[23])])),
            code: 6,
            says: &["attention_norm1.diff", "node `lora`"],
        },
    ]);
}

#[test]
fn numbers_that_cannot_be() {
    assert_all(&[
        Case {
            name: "not a number",
            arrange: |at| applied(at, &with_number(f32::NAN)),
            code: 6,
            says: &["layers.0.attention.to_q", "NaN", "node `lora`", "help: "],
        },
        Case {
            name: "infinity",
            arrange: |at| applied(at, &with_number(f32::INFINITY)),
            code: 6,
            says: &["layers.0.attention.to_q", "infinity", "node `lora`"],
        },
        Case {
            name: "an empty alpha",
            arrange: |at| applied(at, &with_alpha(&[0], 1.0)),
            code: 6,
            says: &["to_q.alpha", "node `lora`", "help: "],
        },
        Case {
            name: "an alpha of two numbers",
            arrange: |at| applied(at, &with_alpha(&[2], 1.0)),
            code: 6,
            says: &["to_q.alpha", "node `lora`"],
        },
        Case {
            name: "an alpha that is not a number",
            arrange: |at| applied(at, &with_alpha(&[], f32::NAN)),
            code: 6,
            says: &["NaN", "node `lora`"],
        },
        Case {
            name: "an alpha of one axis",
            arrange: |at| applied(at, &with_alpha(&[1], 2.0)),
            code: 0,
            says: &["fox.png"],
        },
        Case {
            name: "tensors without numbers",
            arrange: |at| applied(at, &file(&[(DOWN, &[0, 24]), (UP, &[24, 0])])),
            code: 6,
            says: &["layers.0.attention.to_q", "node `lora`", "help: "],
        },
        Case {
            name: "whole numbers",
            arrange: |at| applied(at, &typed(Dtype::I32)),
            code: 6,
            says: &["layers.0.attention.to_q", "node `lora`", "help: "],
        },
        Case {
            name: "truth values",
            arrange: |at| applied(at, &typed(Dtype::BOOL)),
            code: 6,
            says: &["layers.0.attention.to_q", "node `lora`"],
        },
        Case { name: "float64", arrange: |at| applied(at, &typed(Dtype::F64)), code: 0, says: &["fox.png"] },
        Case { name: "float8", arrange: |at| applied(at, &typed(Dtype::F8_E5M2)), code: 0, says: &["fox.png"] },
        Case {
            name: "a rank above the limit",
            arrange: |at| applied(at, &file(&[(DOWN, &[5000, 24]), (UP, &[24, 5000])])),
            code: 7,
            says: &["5000", "at most 4096", "node `lora`", "help: "],
        },
    ]);
}

#[test]
fn inputs_that_cannot_be() {
    assert_all(&[
        Case {
            name: "a weight beyond the limit",
            arrange: |at| {
                at.write("models/loras/some.safetensors", beside(&[]));
                named(at, r#""file": "some.safetensors", "weight": 101.0"#)
            },
            code: 4,
            says: &["weight", "101", "100", "node `lora`"],
        },
        Case {
            name: "a weight beyond the limit below 0",
            arrange: |at| {
                at.write("models/loras/some.safetensors", beside(&[]));
                named(at, r#""file": "some.safetensors", "weight": -100.5"#)
            },
            code: 4,
            says: &["weight", "-100.5", "node `lora`"],
        },
        Case {
            name: "the weights at the limit",
            arrange: |at| {
                at.write("models/loras/some.safetensors", beside(&[]));
                named(at, r#""file": "some.safetensors", "weight": -100.0"#)
            },
            code: 0,
            says: &["fox.png"],
        },
        Case {
            name: "a missing file",
            arrange: |at| named(at, r#""file": "styles/none.safetensors""#),
            code: 4,
            says: &["styles/none.safetensors", "node `lora`", "help: "],
        },
        Case {
            name: "a file outside the folder",
            arrange: |at| {
                at.write("secret.safetensors", beside(&[]));
                named(at, r#""file": "../../secret.safetensors""#)
            },
            code: 4,
            says: &["../../secret.safetensors", "node `lora`"],
        },
        Case { name: "no file", arrange: |at| named(at, r#""weight": 1.0"#), code: 4, says: &["file", "node `lora`"] },
        Case {
            name: "a way to apply that there is not",
            arrange: |at| {
                at.write("models/loras/some.safetensors", beside(&[]));
                named(at, r#""file": "some.safetensors", "mode": "fused""#)
            },
            code: 4,
            says: &["mode", "fused", "merged"],
        },
        Case {
            name: "an enormous change draws nothing",
            arrange: |at| {
                at.write("models/loras/some.safetensors", with_numbers(&[(DOWN, &[2, 24]), (UP, &[24, 2])], |_| 1e19));
                named(at, r#""file": "some.safetensors", "weight": 100.0"#)
            },
            code: 8,
            says: &["not finite", "node `sample`"],
        },
    ]);
}
