//! A file of every kind of adapter, to be converted.

use weft_formats::Dtype;

use super::content::{File, Numbers};

pub const DIM: usize = 12;
pub const Q: &str = "layers.0.attention.to_q";
pub const K: &str = "layers.0.attention.to_k";
pub const V: &str = "layers.0.attention.to_v";
pub const QKV: &str = "layers.0.attention.qkv";

/// A file in ai-toolkit's layout.
pub fn file(fill: impl Fn(&mut File, &mut Numbers)) -> File {
    let mut file = File::default();
    fill(&mut file, &mut Numbers(3));
    let tensors = std::mem::take(&mut file.tensors);
    file.tensors = tensors.into_iter().map(|(name, tensor)| (format!("diffusion_model.{name}"), tensor)).collect();
    file.metadata.insert("ss_output_name".to_owned(), "weft".to_owned());
    file
}

/// Files of each kind, with split and with fused names.
pub fn kinds() -> Vec<(&'static str, File)> {
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
