//! Models and files of LoRAs as headers describe them, for the tests.
#![allow(dead_code, reason = "each test binary uses some of it")]

pub mod content;
pub mod kinds;

use weft_formats::lora::{Fit, Metadata, Targets, fit};
use weft_formats::{Dtype, Tensor};

/// The sizes of a small Z-Image.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub dim: usize,
    pub ffn: usize,
    pub layers: usize,
}

pub const SIZES: [Size; 2] = [Size { dim: 12, ffn: 32, layers: 2 }, Size { dim: 60, ffn: 160, layers: 11 }];

pub fn tensor(name: impl Into<String>, shape: &[usize]) -> Tensor {
    Tensor { name: name.into(), dtype: Dtype::Float32, shape: shape.to_vec() }
}

impl Size {
    /// A model with diffusers' names.
    pub fn split(self) -> Vec<Tensor> {
        let Self { dim, ffn, layers } = self;
        let mut tensors = vec![
            tensor("x_pad_token", &[1, dim]),
            tensor("all_x_embedder.2-1.weight", &[dim, 64]),
            tensor("all_x_embedder.2-1.bias", &[dim]),
            tensor("all_final_layer.2-1.linear.weight", &[64, dim]),
            tensor("all_final_layer.2-1.linear.bias", &[64]),
        ];
        for block in blocks(layers) {
            for part in ["to_q", "to_k", "to_v", "to_out.0"] {
                tensors.push(tensor(format!("{block}.attention.{part}.weight"), &[dim, dim]));
            }
            tensors.push(tensor(format!("{block}.attention.norm_q.weight"), &[dim / 2]));
            tensors.push(tensor(format!("{block}.attention_norm1.weight"), &[dim]));
            tensors.push(tensor(format!("{block}.feed_forward.w1.weight"), &[ffn, dim]));
            tensors.push(tensor(format!("{block}.feed_forward.w2.weight"), &[dim, ffn]));
            tensors.push(tensor(format!("{block}.feed_forward.w3.weight"), &[ffn, dim]));
            if !block.starts_with("context") {
                tensors.push(tensor(format!("{block}.adaLN_modulation.0.weight"), &[4 * dim, 8]));
                tensors.push(tensor(format!("{block}.adaLN_modulation.0.bias"), &[4 * dim]));
            }
        }
        tensors
    }

    /// A model with native names, behind a prefix.
    pub fn fused(self, prefix: &str) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        for Tensor { name, shape, .. } in self.split() {
            if name.contains(".to_q.") {
                let name = format!("{prefix}{}", name.replace("to_q", "qkv"));
                tensors.push(tensor(name, &[3 * self.dim, self.dim]));
            } else if !name.contains(".to_k.") && !name.contains(".to_v.") {
                tensors.push(tensor(format!("{prefix}{}", native(&name)), &shape));
            }
        }
        tensors
    }

    /// A text encoder, with queries wider than keys.
    pub fn encoder(self) -> Vec<Tensor> {
        let Self { dim, ffn, layers } = self;
        let mut tensors = vec![tensor("model.embed_tokens.weight", &[100, dim])];
        for layer in 0..layers {
            let attention = format!("model.layers.{layer}.self_attn");
            tensors.push(tensor(format!("{attention}.q_proj.weight"), &[2 * dim, dim]));
            tensors.push(tensor(format!("{attention}.k_proj.weight"), &[dim / 2, dim]));
            tensors.push(tensor(format!("model.layers.{layer}.mlp.gate_proj.weight"), &[ffn, dim]));
        }
        tensors
    }
}

pub fn blocks(layers: usize) -> Vec<String> {
    let layers = (0..layers).map(|layer| format!("layers.{layer}"));
    layers.chain(["noise_refiner.1".to_owned(), "context_refiner.0".to_owned()]).collect()
}

/// A diffusers name as the native repository has it, q, k and v aside.
pub fn native(name: &str) -> String {
    name.replace("to_out.0", "out")
        .replace("norm_q", "q_norm")
        .replace("all_x_embedder.2-1", "x_embedder")
        .replace("all_final_layer.2-1", "final_layer")
}

/// How a file writes the change of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    LowRank,
    Dora,
    Kronecker,
    Hadamard,
}

/// A layout in the wild.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub name: &'static str,
    pub prefix: &'static str,
    pub underscored: bool,
    /// Native names, q, k and v fused.
    pub native: bool,
    pub down: &'static str,
    pub up: &'static str,
    pub alpha: bool,
    pub kind: Kind,
}

const PLAIN: Layout = Layout {
    name: "ai-toolkit",
    prefix: "diffusion_model.",
    underscored: false,
    native: false,
    down: ".lora_A.weight",
    up: ".lora_B.weight",
    alpha: false,
    kind: Kind::LowRank,
};
const DEFAULT: Layout = Layout { down: ".lora_A.default.weight", up: ".lora_B.default.weight", ..PLAIN };
const KOHYA: Layout = Layout {
    prefix: "lora_unet_",
    underscored: true,
    down: ".lora_down.weight",
    up: ".lora_up.weight",
    alpha: true,
    ..PLAIN
};

/// All 18.
pub const LAYOUTS: [Layout; 18] = [
    PLAIN,
    Layout { name: "ai-toolkit with alpha", alpha: true, ..PLAIN },
    Layout { name: "PEFT", prefix: "transformer.", ..PLAIN },
    Layout { name: "bare default", prefix: "", ..DEFAULT },
    Layout { name: "diffusion_model default", ..DEFAULT },
    Layout { name: "base_model", prefix: "base_model.model.", ..PLAIN },
    Layout { name: "down and up", underscored: false, prefix: "diffusion_model.", ..KOHYA },
    Layout { name: "kohya", ..KOHYA },
    Layout { name: "kohya with two underscores", prefix: "lora_unet__", ..KOHYA },
    Layout { name: "native", native: true, ..PLAIN },
    Layout { name: "native down and up", native: true, underscored: false, prefix: "diffusion_model.", ..KOHYA },
    Layout { name: "kohya native", native: true, ..KOHYA },
    Layout { name: "LyCORIS", prefix: "lycoris_", ..KOHYA },
    Layout { name: "lora_transformer", prefix: "lora_transformer_", ..KOHYA },
    Layout { name: "bare names", prefix: "", down: ".lora.down.weight", up: ".lora.up.weight", ..PLAIN },
    Layout { name: "DoRA", kind: Kind::Dora, alpha: true, ..PLAIN },
    Layout { name: "LoKr", kind: Kind::Kronecker, alpha: true, ..PLAIN },
    Layout { name: "LoHa", kind: Kind::Hadamard, alpha: true, prefix: "lycoris_", ..KOHYA },
];

pub const RANK: usize = 4;

impl Layout {
    /// The keys for modules `(diffusers name, outputs, inputs)`. q, k and v have to stand together.
    pub fn file(&self, modules: &[(String, usize, usize)]) -> Vec<Tensor> {
        let mut file = Vec::new();
        for (module, outputs, inputs) in modules {
            let fused = self.native && [".to_q", ".to_k", ".to_v"].iter().any(|part| module.ends_with(part));
            if !fused {
                self.module(&mut file, module, *outputs, *inputs);
            } else if let Some(stem) = module.strip_suffix("to_q") {
                self.module(&mut file, &format!("{stem}qkv"), 3 * outputs, *inputs);
            }
        }
        file
    }

    fn module(&self, file: &mut Vec<Tensor>, module: &str, outputs: usize, inputs: usize) {
        let body = if self.native { native(module) } else { module.to_owned() };
        let body = if self.underscored { body.replace('.', "_") } else { body };
        let mut add =
            |suffix: &str, shape: &[usize]| file.push(tensor(format!("{}{body}{suffix}", self.prefix), shape));
        if self.alpha {
            add(".alpha", &[]);
        }
        match self.kind {
            Kind::LowRank | Kind::Dora => {
                add(self.down, &[RANK, inputs]);
                add(self.up, &[outputs, RANK]);
            }
            Kind::Kronecker => {
                add(".lokr_w1", &[2, 2]);
                add(".lokr_w2_a", &[outputs / 2, RANK]);
                add(".lokr_w2_b", &[RANK, inputs / 2]);
            }
            Kind::Hadamard => {
                for w in ["w1", "w2"] {
                    add(&format!(".hada_{w}_a"), &[outputs, RANK]);
                    add(&format!(".hada_{w}_b"), &[RANK, inputs]);
                }
            }
        }
        if self.kind == Kind::Dora {
            add(".dora_scale", &[outputs, 1]);
        }
    }
}

/// The matrices that a LoRA changes.
pub fn modules(model: &[Tensor]) -> Vec<(String, usize, usize)> {
    let of_block = |tensor: &&Tensor| {
        tensor.shape.len() == 2 && (tensor.name.contains("attention") || tensor.name.contains("feed"))
    };
    let module =
        |tensor: &Tensor| (tensor.name.trim_end_matches(".weight").to_owned(), tensor.shape[0], tensor.shape[1]);
    model.iter().filter(of_block).map(module).collect()
}

/// A file that has no metadata, on a model without a text encoder.
pub fn plain(file: &[Tensor], model: &[Tensor]) -> Fit {
    fit(file, &Metadata::new(), &Targets::of(model, None))
}
