//! Pictures follow the weights: latents against diffusers with the same LoRA loaded by peft, or merged.

use serde::Deserialize;

use super::{Lora, cases, chain, dumped, goldens, graph};
use crate::golden::{EMBEDS, FINAL};
use crate::program::{relative_l2, tensors};

#[derive(Debug, Deserialize)]
pub struct Picture {
    name: String,
    loras: Vec<Lora>,
    prompt: String,
    width: u32,
    height: u32,
    steps: u32,
    shift: f64,
    noise: String,
    tensors: String,
}

impl Picture {
    fn graph(&self, mode: &str) -> String {
        let Self { prompt, width, height, steps, shift, noise, .. } = self;
        let nodes = chain(&self.loras, mode);
        graph(&format!(
            r#"{nodes}
            "prompt": (kind: "text-encode/EncodeText", inputs: {{ "text_encoder": Link("{mode}.text_encoder"), "text": "{prompt}" }}),
            "latent": (kind: "sampler/EmptyLatent", inputs: {{ "width": {width}, "height": {height} }}),
            "noise": (kind: "sampler/LoadLatent", inputs: {{ "file": "{noise}" }}),
            "sample": (kind: "sampler/Sample", inputs: {{
                "model": Link("{mode}.model"), "positive": Link("prompt.conditioning"), "latent": Link("latent.latent"),
                "noise": Link("noise.latent"), "steps": {steps}, "shift": {shift:?} }}),"#
        ))
    }
}

fn check(variant: &str) {
    let pictures = cases(variant).pictures;
    assert!(!pictures.is_empty());
    for picture in &pictures {
        let expected = tensors(&goldens(variant).join(&picture.tensors));
        for mode in ["live", "merged"] {
            let found = dumped(variant, &picture.graph(mode), &["prompt.conditioning", "sample.latent"], None);
            for (output, key, name, limit) in
                [("prompt.conditioning", "embeds", "embeds", EMBEDS), ("sample.latent", "samples", "final", FINAL)]
            {
                let error = relative_l2(&found[output][key].1, &expected[name].1);
                println!("{} {mode}: {name} {error:.1e}", picture.name);
                assert!(error <= limit, "{} {mode}: {name} is {error:.2e} off", picture.name);
            }
        }
    }
}

#[test]
fn pictures_follow() {
    check("plain");
}

#[test]
fn pictures_follow_on_another_model() {
    check("half");
}
