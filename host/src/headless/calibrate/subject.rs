//! The part of a graph that is measured: its sampler, and what that needs.

use std::collections::HashSet;

use super::done::Picture;
use crate::error::{Code, Error, Result};
use crate::graph::{Graph, Input};

const SAMPLE: &str = "sampler/Sample";
const MEASURE: &str = "sampler/MeasureLeMiCa";
const CACHE: &str = "sampler/LeMiCa";

pub struct Subject {
    /// The graph with nothing behind its sampler, which measures instead.
    pub graph: Graph,
    sample: String,
    /// The node whose `text` is the prompt.
    prompt: String,
}

impl Subject {
    /// # Errors
    /// Not exactly one sampler, or no prompt before it.
    pub fn of(mut graph: Graph) -> Result<Self> {
        let samples: Vec<&String> =
            graph.nodes.iter().filter(|(_, node)| node.kind == SAMPLE).map(|(id, _)| id).collect();
        let [sample] = samples[..] else {
            let what = format!("the graph has {} nodes of the kind {SAMPLE}, and one is calibrated", samples.len());
            return Err(Error::new(Code::Invalid, what).help("take the others out of a copy of the graph"));
        };
        let sample = sample.clone();
        let prompt = prompt_of(&graph, &sample).ok_or_else(|| {
            Error::new(Code::Invalid, format!("nothing before `{sample}` has a `text` for the prompts"))
                .help("link an EncodeText to its `positive`, with the prompt in its own `text`")
        })?;
        let needed = upstream(&graph, &sample);
        graph.nodes.retain(|id, _| needed.contains(id));
        for (id, node) in &mut graph.nodes {
            if *id == sample {
                MEASURE.clone_into(&mut node.kind);
                node.inputs.shift_remove("stop_after");
            }
            if node.kind == CACHE {
                node.other.insert("mode".to_owned(), "Bypassed".to_owned());
            }
        }
        Ok(Self { graph, sample, prompt })
    }

    pub fn set(&mut self, picture: &Picture) {
        self.input(&self.prompt.clone(), "text", Input::text(&picture.prompt));
        self.input(&self.sample.clone(), "seed", Input::Value(picture.seed.to_string()));
    }

    fn input(&mut self, node: &str, name: &str, value: Input) {
        if let Some(node) = self.graph.nodes.get_mut(node) {
            node.inputs.insert(name.to_owned(), value);
        }
    }
}

/// The node behind `positive`, or one before it, that has a text of its own.
fn prompt_of(graph: &Graph, sample: &str) -> Option<String> {
    let mut id = linked(graph, sample, "positive")?;
    for _ in 0..graph.nodes.len() {
        match graph.nodes.get(&id)?.inputs.get("text") {
            Some(Input::Link(link)) => id.clone_from(&link.node),
            Some(Input::Value(_)) => return Some(id),
            None => return None,
        }
    }
    None
}

fn linked(graph: &Graph, node: &str, input: &str) -> Option<String> {
    match graph.nodes.get(node)?.inputs.get(input)? {
        Input::Link(link) => Some(link.node.clone()),
        Input::Value(_) => None,
    }
}

/// A node and all that it needs.
fn upstream(graph: &Graph, node: &str) -> HashSet<String> {
    let (mut needed, mut waiting) = (HashSet::new(), vec![node.to_owned()]);
    while let Some(id) = waiting.pop() {
        let Some(node) = graph.nodes.get(&id) else { continue };
        if needed.insert(id) {
            let links =
                node.inputs.values().filter_map(|input| if let Input::Link(link) = input { Some(link) } else { None });
            waiting.extend(links.map(|link| link.node.clone()));
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Result<Subject> {
        Subject::of(Graph::parse(&format!("Graph(format: 1, nodes: {{ {text} }})"), "g").unwrap())
    }

    const WHOLE: &str = r#"
        "m": (kind: "l/Load"), "c": (kind: "sampler/LeMiCa", inputs: { "model": Link("m.model") }),
        "p": (kind: "t/Encode", inputs: { "text": "a" }), "n": (kind: "t/Encode", inputs: { "text": "" }),
        "s": (kind: "sampler/Sample", inputs: { "model": Link("c.model"), "positive": Link("p.c"), "negative": Link("n.c"), "stop_after": 2 }),
        "save": (kind: "i/Save", inputs: { "image": Link("s.latent") }), "alone": (kind: "x/X")"#;

    #[test]
    fn only_what_the_sampler_needs_is_left() {
        let mut subject = subject(WHOLE).unwrap();
        let mut names: Vec<&str> = subject.graph.nodes.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["c", "m", "n", "p", "s"]);
        assert_eq!(subject.graph.nodes["s"].kind, MEASURE);
        assert_eq!(subject.graph.nodes["c"].other["mode"], "Bypassed");
        subject.set(&Picture { prompt: "two \"dogs\"".to_owned(), seed: 7 });
        let text = subject.graph.to_ron();
        assert!(text.contains(r#""text": "two \"dogs\"""#) && text.contains(r#""seed": 7"#), "{text}");
        assert!(!text.contains("stop_after"));
    }

    #[test]
    fn one_sampler_with_a_prompt_is_needed() {
        let said = |text: &str| subject(text).err().expect("an error").what;
        assert!(said(r#""m": (kind: "l/Load")"#).contains("has 0 nodes"));
        assert!(said(r#""a": (kind: "sampler/Sample"), "b": (kind: "sampler/Sample")"#).contains("has 2 nodes"));
        assert!(said(r#""a": (kind: "sampler/Sample")"#).contains("nothing before `a`"));
    }
}
