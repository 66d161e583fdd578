//! ComfyUI's nodes, as it ran them: JSON of `{"3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0]}}}`.
//! The kinds of nodes are without number, so that this goes by the names of their inputs.

use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value};

use super::Prompt;
use crate::limits;

/// Links that are followed to one value.
const DEPTH: usize = 16;

/// Nodes that a prompt is looked for in.
const VISITS: usize = 256;

/// The prompt of the first sampler, which is the one that begins with an empty latent.
pub fn read(json: &str) -> Option<Prompt> {
    if json.len() > limits::WORKFLOW_BYTES {
        return None;
    }
    let value: Value = serde_json::from_str(&without_nan(json)).ok()?;
    let nodes = Nodes(value.as_object()?);
    let sampler = nodes.first_sampler()?;
    let words = |side: &str| {
        nodes.words(sampler, side, &mut HashSet::new()).filter(|words| words.len() <= limits::PROMPT_BYTES)
    };
    let (prompt, negative) = (words("positive")?, words("negative"));
    let around = nodes.upstream(sampler, |input| ["guider", "noise", "sigmas"].contains(&input));
    let number = |names: &[&str]| around.iter().find_map(|id| nodes.number(id, names, DEPTH));
    let latent = nodes.upstream(sampler, is_latent);
    let empty = latent.iter().find(|id| nodes.class(id).starts_with("Empty"));
    let side = |name: &str| empty.and_then(|id| nodes.number(id, &[name], DEPTH)?.as_i64());
    Some(Prompt {
        prompt: prompt.trim().to_owned(),
        negative: negative.unwrap_or_default().trim().to_owned(),
        seed: number(&["seed", "noise_seed"]).and_then(Value::as_i64),
        steps: number(&["steps"]).and_then(Value::as_i64),
        guidance: number(&["cfg"]).and_then(Value::as_f64).map(super::prompt::guidance),
        width: side("width"),
        height: side("height"),
        tool: "ComfyUI",
    })
}

/// Inputs through which a latent or its picture comes.
fn is_latent(input: &str) -> bool {
    ["latent", "samples", "pixels", "image"].iter().any(|word| input.contains(word))
}

/// Python writes NaN and Infinity into JSON, which has no such numbers.
fn without_nan(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut is_string, mut is_escaped) = (false, false);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !is_string && rest.starts_with(word));
        text.push_str(if word.is_some() { "null" } else { &rest[..c.len_utf8()] });
        rest = &rest[word.map_or(c.len_utf8(), str::len)..];
        is_string ^= c == '"' && !is_escaped;
        is_escaped = is_string && c == '\\' && !is_escaped;
    }
    text
}

struct Nodes<'a>(&'a Map<String, Value>);

impl<'a> Nodes<'a> {
    fn class(&self, id: &str) -> &'a str {
        self.0.get(id).and_then(|node| node["class_type"].as_str()).unwrap_or_default()
    }

    fn input(&self, id: &str, name: &str) -> Option<&'a Value> {
        self.0.get(id)?.get("inputs")?.get(name)
    }

    /// The node that a link comes from.
    fn behind(&self, value: &'a Value) -> Option<&'a str> {
        let [id, Value::Number(_)] = value.as_array()?.as_slice() else { return None };
        id.as_str().filter(|id| self.0.contains_key(*id))
    }

    /// `start` and all that it takes from through these inputs, nearest first.
    fn upstream(&self, start: &'a str, goes: impl Fn(&str) -> bool) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([start]);
        let mut waiting = VecDeque::from([start]);
        while let Some(id) = waiting.pop_front() {
            found.push(id);
            let inputs = self.0.get(id).and_then(|node| node["inputs"].as_object());
            for (_, value) in inputs.into_iter().flatten().filter(|(name, _)| goes(name)) {
                waiting.extend(self.behind(value).filter(|next| seen.insert(next)));
            }
        }
        found
    }

    /// A node that takes a latent and a prompt, and no latent that another one made.
    fn first_sampler(&self) -> Option<&'a str> {
        let is_sampler = |id: &str| {
            let has = |name| self.input(id, name).is_some();
            has("latent_image") && (has("positive") || has("guider"))
        };
        let samplers: Vec<&str> = self.0.keys().map(String::as_str).filter(|id| is_sampler(id)).collect();
        let is_first = |id: &&&str| {
            // Each look walks the whole workflow, and a few samplers are many.
            self.upstream(id, is_latent).iter().skip(1).all(|before| !is_sampler(before))
        };
        samplers.iter().take(DEPTH).find(is_first).or(samplers.first()).copied()
    }

    /// The text that the conditioning for `side` is made of. No node is looked at twice.
    fn words(&self, id: &'a str, side: &str, seen: &mut HashSet<&'a str>) -> Option<String> {
        // The one turns a prompt into none, the other has no negative prompt.
        let has_none = self.class(id).contains("ZeroOut") || (self.class(id) == "BasicGuider" && side == "negative");
        if has_none || seen.len() == VISITS || !seen.insert(id) {
            return None;
        }
        let written = [side, "text", "text_g", "t5xxl", "prompt"].into_iter().filter_map(|name| self.input(id, name));
        if let Some(text) = written.filter_map(|value| self.text(value, DEPTH)).next() {
            return Some(text);
        }
        let conditioning = [side, "guider", "conditioning", "conditioning_1", "conditioning_to", "cond1"].into_iter();
        let mut next = conditioning.filter_map(|name| self.behind(self.input(id, name)?));
        next.find_map(|next| self.words(next, side, seen))
    }

    /// A text that stands there, or that a chain of nodes for texts gives.
    fn text(&self, value: &'a Value, depth: usize) -> Option<String> {
        if let Some(text) = value.as_str() {
            return Some(text.to_owned());
        }
        let id = self.behind(value)?;
        let value = ["text", "string", "value", "populated_text"].into_iter().find_map(|name| self.input(id, name))?;
        // Other nodes with texts make conditioning of them.
        if self.input(id, "clip").is_some() { None } else { self.text(value, depth.checked_sub(1)?) }
    }

    /// A number that stands under one of these names, or that a node of nothing but a number gives.
    fn number(&self, id: &str, names: &[&str], depth: usize) -> Option<&'a Value> {
        let value = names.iter().find_map(|name| self.input(id, name))?;
        if value.is_number() {
            return Some(value);
        }
        self.number(
            self.behind(value)?,
            &["value", "int", "float", "number", "seed", "noise_seed"],
            depth.checked_sub(1)?,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = r#"{
        "3": {"class_type": "KSampler", "inputs": {"seed": 15, "steps": 20, "cfg": 8.0, "denoise": 1.0,
            "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0], "model": ["4", 0]},
            "is_changed": [NaN, -Infinity]},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox, \"NaN\"", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blur", "clip": ["4", 1]}}
    }"#;

    #[test]
    fn the_usual_workflow() {
        let expected = Prompt {
            prompt: "a fox, \"NaN\"".to_owned(),
            negative: "blur".to_owned(),
            seed: Some(15),
            steps: Some(20),
            guidance: Some(7.0),
            width: Some(512),
            height: Some(768),
            tool: "ComfyUI",
        };
        assert_eq!(read(USUAL), Some(expected));
    }

    #[test]
    fn custom_sampling_and_values_behind_links() {
        let found = read(
            r#"{
            "1": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["2", 0], "guider": ["3", 0],
                "sigmas": ["4", 0], "sampler": ["9", 0], "latent_image": ["5", 0]}},
            "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 18446744073709551615}},
            "3": {"class_type": "BasicGuider", "inputs": {"conditioning": ["6", 0], "model": ["8", 0]}},
            "4": {"class_type": "BasicScheduler", "inputs": {"steps": ["10", 0], "scheduler": "simple"}},
            "5": {"class_type": "EmptySD3LatentImage", "inputs": {"width": ["10", 0], "height": 1024}},
            "6": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["7", 0]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["8", 1]}},
            "10": {"class_type": "PrimitiveInt", "inputs": {"value": 12}},
            "11": {"class_type": "PrimitiveString", "inputs": {"value": "a fox"}}
        }"#,
        );
        let found = found.unwrap();
        assert_eq!((found.prompt.as_str(), found.negative.as_str()), ("a fox", ""));
        assert_eq!((found.seed, found.steps, found.guidance), (None, Some(12), None));
        assert_eq!((found.width, found.height), (Some(12), Some(1024)));
    }

    /// The second pass stands first in the file, and takes the latent that the first one made.
    #[test]
    fn the_first_pass_is_the_one() {
        let second = r#""1": {"class_type": "KSampler", "inputs": {"seed": 99, "steps": 5, "cfg": 1, "positive": ["6", 0],
            "negative": ["8", 0], "latent_image": ["2", 0]}},
            "2": {"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0], "width": 2048, "height": 2048}},
            "8": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["6", 0]}},"#;
        let both = USUAL.replacen('{', &format!("{{{second}"), 1);
        assert_eq!(read(&both), read(USUAL));
        let encode = r#""CLIPTextEncode", "inputs": {"text": "blur""#;
        let turbo = read(&USUAL.replace(encode, &encode.replace("CLIPTextEncode", "ConditioningZeroOut")));
        assert_eq!(turbo.unwrap().negative, "");
    }

    #[test]
    fn what_is_no_workflow() {
        let circle = r#"{"1": {"class_type": "K", "inputs": {"positive": ["1", 0], "latent_image": ["1", 0]}}}"#;
        let deep = "[".repeat(100_000);
        for text in ["", "[]", "{}", "{\"1\": 2}", "{\"1\": {\"inputs\": []}}", "NaN", circle, &deep] {
            assert_eq!(read(text), None, "{}", &text[..text.len().min(40)]);
        }
    }
}
