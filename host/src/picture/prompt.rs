//! What another program was asked for, as a graph of ours.

use crate::graph::{Graph, Input, Link, Node};

/// A prompt with its settings, as far as a picture tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    pub prompt: String,
    /// May be empty.
    pub negative: String,
    /// None also where it is larger than a seed of Weft can be.
    pub seed: Option<i64>,
    pub steps: Option<i64>,
    /// As Weft counts it: at 0 the model runs once a step. Other programs begin at 1; see [`guidance`].
    pub guidance: Option<f64>,
    /// In pixels.
    pub width: Option<i64>,
    pub height: Option<i64>,
    /// The program that wrote it.
    pub tool: &'static str,
}

const SAMPLE: &str = "sampler/Sample";
const ENCODE_TEXT: &str = "text-encode/EncodeText";
const EMPTY_LATENT: &str = "sampler/EmptyLatent";

/// The guidance of a "CFG scale": that mixes `negative + scale · (positive − negative)`, where Weft adds
/// `guidance · (positive − negative)` to the positive.
pub fn guidance(scale: f64) -> f64 {
    // Tenths stay tenths.
    (((scale - 1.0) * 1e4).round() / 1e4).max(0.0)
}

impl Prompt {
    /// The template with this prompt and these settings: in its first sampler, and in the prompt and the empty latent
    /// that lead to it. What the picture does not tell stays; without a sampler, all does. Sizes are rounded to what
    /// can be sampled.
    pub fn to_graph(&self, template: &Graph) -> Graph {
        let mut graph = template.clone();
        graph.header = format!("// The prompt of a picture that {} made.\n", self.tool);
        let Some(sample) = graph.nodes.iter().find(|(_, node)| node.kind == SAMPLE).map(|(id, _)| id.clone()) else {
            return template.clone();
        };
        set(&mut graph, &sample, "seed", self.seed.filter(|seed| *seed >= 0));
        set(&mut graph, &sample, "steps", self.steps.map(|steps| steps.clamp(1, 1000)));
        let guidance = self.guidance.filter(|guidance| guidance.is_finite()).map(|guidance| guidance.clamp(0.0, 30.0));
        if let (Some(guidance), Some(node)) = (guidance, graph.nodes.get_mut(&sample)) {
            node.inputs.insert("guidance".to_owned(), Input::Value(format!("{guidance:?}")));
        }
        let encode = behind(&graph, &sample, "positive", ENCODE_TEXT);
        if let Some(node) = encode.as_ref().and_then(|encode| graph.nodes.get_mut(encode)) {
            node.inputs.insert("text".to_owned(), Input::text(&self.prompt));
        }
        if let Some(encode) = encode.filter(|_| guidance.is_some_and(|guidance| guidance > 0.0)) {
            self.add_negative(&mut graph, &sample, &encode);
        }
        if let Some(latent) = behind(&graph, &sample, "latent", EMPTY_LATENT) {
            set(&mut graph, &latent, "width", self.width.map(side));
            set(&mut graph, &latent, "height", self.height.map(side));
        }
        graph
    }

    /// Guidance needs a negative prompt, be it an empty one.
    fn add_negative(&self, graph: &mut Graph, sample: &str, encode: &str) {
        let id = behind(graph, sample, "negative", ENCODE_TEXT).unwrap_or_else(|| {
            let id = free_name(graph, "negative");
            let inputs = graph.nodes.get(encode).and_then(|node| node.inputs.get_key_value("text_encoder"));
            let inputs = inputs.map(|(name, input)| (name.clone(), input.clone())).into_iter().collect();
            let mut node = Node::new(ENCODE_TEXT);
            node.inputs = inputs;
            graph.nodes.insert(id.clone(), node);
            id
        });
        if let Some(node) = graph.nodes.get_mut(&id) {
            node.inputs.insert("text".to_owned(), Input::text(&self.negative));
        }
        if let Some(node) = graph.nodes.get_mut(sample) {
            node.inputs
                .insert("negative".to_owned(), Input::Link(Link { node: id, output: "conditioning".to_owned() }));
        }
    }
}

fn set(graph: &mut Graph, node: &str, input: &str, value: Option<i64>) {
    if let (Some(node), Some(value)) = (graph.nodes.get_mut(node), value) {
        node.inputs.insert(input.to_owned(), Input::Value(value.to_string()));
    }
}

/// The node that `input` of `id` takes from, where it is of this kind.
fn behind(graph: &Graph, id: &str, input: &str, kind: &str) -> Option<String> {
    let Input::Link(link) = graph.nodes.get(id)?.inputs.get(input)? else { return None };
    (graph.nodes.get(&link.node)?.kind == kind).then(|| link.node.clone())
}

fn free_name(graph: &Graph, name: &str) -> String {
    let names = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(names);
    names.find(|name| !graph.nodes.contains_key(name)).unwrap_or_default()
}

/// The nearest side that EmptyLatent takes.
fn side(pixels: i64) -> i64 {
    (pixels.clamp(16, 8192) + 8) / 16 * 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Graph {
        let text = include_str!("../../../graphs/text-to-image.ron");
        Graph::parse(text, "text-to-image").unwrap()
    }

    fn prompt() -> Prompt {
        Prompt {
            prompt: "a \"red\" fox\nin snow".to_owned(),
            negative: "blur".to_owned(),
            seed: Some(7),
            steps: Some(20),
            guidance: Some(6.5),
            width: Some(500),
            height: Some(9000),
            tool: "ComfyUI",
        }
    }

    fn value<'a>(graph: &'a Graph, node: &str, input: &str) -> &'a str {
        match &graph.nodes[node].inputs[input] {
            Input::Value(text) => text,
            Input::Link(link) => panic!("{link:?}"),
        }
    }

    #[test]
    fn the_template_takes_the_settings() {
        let graph = prompt().to_graph(&template());
        assert_eq!(graph.nodes["prompt"].inputs["text"], Input::text("a \"red\" fox\nin snow"));
        assert_eq!(graph.nodes["negative"].inputs["text"], Input::text("blur"));
        assert_eq!(graph.nodes["negative"].inputs["text_encoder"], graph.nodes["prompt"].inputs["text_encoder"]);
        let link = Link { node: "negative".to_owned(), output: "conditioning".to_owned() };
        assert_eq!(graph.nodes["sample"].inputs["negative"], Input::Link(link));
        let found = ["seed", "steps", "guidance"].map(|input| value(&graph, "sample", input));
        assert_eq!(found, ["7", "20", "6.5"]);
        assert_eq!(["width", "height"].map(|input| value(&graph, "latent", input)), ["496", "8192"]);
        let read = Graph::parse(&graph.to_ron(), "it").unwrap();
        assert_eq!(read, graph);
    }

    #[test]
    fn what_is_not_told_stays() {
        let none = Prompt { seed: Some(-1), steps: None, guidance: Some(0.0), width: None, height: None, ..prompt() };
        let graph = none.to_graph(&template());
        assert!(!graph.nodes.contains_key("negative"));
        assert_eq!((value(&graph, "sample", "seed"), value(&graph, "sample", "steps")), ("42", "8"));
        assert_eq!(value(&graph, "latent", "width"), "128");
        let odd = Prompt { guidance: Some(f64::NAN), width: Some(i64::MIN), height: Some(i64::MAX), ..prompt() };
        let graph = odd.to_graph(&template());
        assert_eq!(["width", "height"].map(|input| value(&graph, "latent", input)), ["16", "8192"]);
        assert!(!graph.nodes["sample"].inputs.contains_key("guidance"));
    }

    #[test]
    fn a_negative_prompt_that_is_there_is_used() {
        let template = Graph::parse(include_str!("../../../graphs/guidance.ron"), "guidance").unwrap();
        let graph = prompt().to_graph(&template);
        assert_eq!(graph.nodes.len(), template.nodes.len());
        assert_eq!(graph.nodes["unwanted"].inputs["text"], Input::text("blur"));
        let mut empty = template;
        empty.nodes.clear();
        assert_eq!(prompt().to_graph(&empty), empty);
    }

    #[test]
    fn guidance_begins_at_scale_one() {
        assert_eq!([0.0, 1.0, 8.2].map(guidance), [0.0, 0.0, 7.2]);
    }
}
