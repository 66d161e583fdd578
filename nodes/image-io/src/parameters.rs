//! The `parameters` text that AUTOMATIC1111's web UI began and most tools show, derived from the graph.

use std::collections::BTreeMap;

use ron::Value;
use serde::Deserialize;

/// As much of a graph file as is needed here; what it has besides is skipped.
#[derive(Debug, Deserialize)]
struct Graph {
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    kind: String,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
}

impl Graph {
    /// The node behind a link. `Link("id.output")` reads as a sequence of one text.
    fn behind(&self, value: &Value) -> Option<&Node> {
        let Value::Seq(link) = value else { return None };
        let [Value::String(target)] = link.as_slice() else { return None };
        self.nodes.get(target.rsplit_once('.')?.0)
    }

    /// The nearest node of this kind that `node` depends on. `depth` ends cycles and very long chains.
    fn upstream<'a>(&'a self, node: &'a Node, kind: &str, depth: usize) -> Option<&'a Node> {
        if node.kind == kind || depth == 0 {
            return (node.kind == kind).then_some(node);
        }
        node.inputs
            .values()
            .filter_map(|value| self.behind(value))
            .find_map(|next| self.upstream(next, kind, depth - 1))
    }

    /// The facts of a sampling that refines what another one made, from a latent that was made larger.
    fn hires(&self, sample: &Node) -> Option<String> {
        let larger = self.upstream(self.behind(sample.inputs.get("latent")?)?, "latent-upscale/UpscaleLatent", 64)?;
        self.upstream(larger, "sampler/Sample", 64)?;
        let of = |node: &Node, name: &str, default: f64| node.inputs.get(name).map_or(Some(default), number);
        let (denoise, scale) = (of(sample, "denoise", 1.0)?, of(larger, "scale", 2.0)?);
        Some(format!(", Denoising strength: {denoise}, Hires upscale: {scale}, Hires upscaler: Latent"))
    }

    fn prompt(&self, sample: &Node, input: &str) -> Option<String> {
        text(self.behind(sample.inputs.get(input)?)?.inputs.get("text")?)
    }
}

/// The text for a picture that node `id` of the graph saves, where a sampler made it of a prompt that stands there.
pub fn of(graph: &str, id: &str, version: &str, size: (u32, u32), index: usize) -> Option<String> {
    let graph: Graph = ron::from_str(graph).ok()?;
    let sample = graph.upstream(graph.nodes.get(id)?, "sampler/Sample", 64)?;
    let number = |name: &str, default: f64| sample.inputs.get(name).map_or(Some(default), number);
    let prompt = graph.prompt(sample, "positive")?;
    let negative = graph.prompt(sample, "negative").filter(|text| !text.is_empty());
    let negative = negative.map_or(String::new(), |text| format!("\nNegative prompt: {text}"));
    let (steps, guidance) = (number("steps", 8.0)?, number("guidance", 0.0)?);
    // 0 leaves them to Sample, which takes so many.
    let automatic = if guidance > 0.0 { 30.0 } else { 8.0 };
    let steps = if steps == 0.0 { automatic } else { steps };
    let seed = number("seed", 0.0)? + index as f64;
    // Other tools mix `negative + scale · (positive − negative)`, where Weft adds: their scale begins at 1.
    let scale = guidance + 1.0;
    let (width, height) = size;
    let hires = graph.hires(sample).unwrap_or_default();
    Some(format!(
        "{prompt}{negative}\nSteps: {steps}, Sampler: Euler, CFG scale: {scale}, Seed: {seed}, \
         Size: {width}x{height}{hires}, Version: Weft {version}"
    ))
}

fn text(value: &Value) -> Option<String> {
    if let Value::String(text) = value { Some(text.clone()) } else { None }
}

fn number(value: &Value) -> Option<f64> {
    if let Value::Number(number) = value { Some(number.into_f64()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::of;

    const GRAPH: &str = r#"
    // Two samplers, one after the other.
    Graph(
        format: 1,
        nodes: {
            "model": (kind: "model-loader/LoadModel", inputs: { "path": "demo" }),
            "good": (kind: "text-encode/EncodeText", inputs: { "text": "a fox", "text_encoder": Link("model.x") }),
            "bad": (kind: "text-encode/EncodeText", inputs: { "text": "blur", "text_encoder": Link("model.x") }),
            "sample": (kind: "sampler/Sample", inputs: {
                "model": Link("model.model"), "positive": Link("good.conditioning"),
                "negative": Link("bad.conditioning"), "seed": 42, "guidance": 3.5, "unknown": [(enabled: true)],
            }),
            "decode": (kind: "vae/DecodeLatent", inputs: { "latent": Link("sample.latent") }),
            "save": (kind: "image-io/SaveImage", inputs: { "image": Link("decode.image"), "name": "fox" }),
            "loop": (kind: "image-io/SaveImage", inputs: { "image": Link("loop.image") }),
        },
        editor: { "model": (0, 0.5) },
        later: Some((1, "x")),
    )"#;

    #[test]
    fn derived_from_the_graph() {
        let text = of(GRAPH, "save", "0.1.0", (128, 64), 1).unwrap();
        let expected = "a fox\nNegative prompt: blur\n\
            Steps: 8, Sampler: Euler, CFG scale: 4.5, Seed: 43, Size: 128x64, Version: Weft 0.1.0";
        assert_eq!(text, expected);
    }

    /// The size is that of the picture, which is the larger one.
    #[test]
    fn a_refined_picture_says_so() {
        let refined = GRAPH.replace(
            r#""decode": (kind: "vae/DecodeLatent", inputs: { "latent": Link("sample.latent") }),"#,
            r#""larger": (kind: "latent-upscale/UpscaleLatent", inputs: { "latent": Link("sample.latent"), "scale": 1.5 }),
            "refine": (kind: "sampler/Sample", inputs: { "positive": Link("good.conditioning"),
                "latent": Link("larger.latent"), "steps": 0, "denoise": 0.4 }),
            "decode": (kind: "vae/DecodeLatent", inputs: { "latent": Link("refine.latent") }),"#,
        );
        let expected = "a fox\nSteps: 8, Sampler: Euler, CFG scale: 1, Seed: 0, Size: 192x96, \
            Denoising strength: 0.4, Hires upscale: 1.5, Hires upscaler: Latent, Version: Weft 0.1.0";
        assert_eq!(of(&refined, "save", "0.1.0", (192, 96), 0).unwrap(), expected);
    }

    #[test]
    fn nothing_where_the_graph_does_not_say() {
        for id in ["model", "good", "loop", "absent"] {
            assert_eq!(of(GRAPH, id, "0.1.0", (1, 1), 0), None, "{id}");
        }
        assert_eq!(of("Graph(", "save", "0.1.0", (1, 1), 0), None);
        let linked = GRAPH.replace("\"text\": \"a fox\"", "\"text\": Link(\"words.text\")");
        assert_eq!(of(&linked, "save", "0.1.0", (1, 1), 0), None);
    }
}
