//! Why a picture tells neither its graph nor a prompt.

use super::{FACTS, GRAPH, NODES, PARAMETERS, SOFTWARE, Text, WORKFLOW, XMP, text};
use crate::error::Error;
use crate::limits;

/// Keywords of programs whose texts are not read.
const OTHERS: [(&str, &str); 7] = [
    ("invokeai_metadata", "InvokeAI"),
    ("sd-metadata", "InvokeAI"),
    ("Dream", "InvokeAI"),
    ("fooocus_scheme", "Fooocus"),
    ("sui_image_params", "SwarmUI"),
    ("generation_data", "another program for image models"),
    ("Comment", "another program"),
];
const MADE_BY_A_MODEL: &str = "trainedAlgorithmicMedia";
const HELP: &str = "take the file as Weft wrote it, or run the graph's own .ron file";

/// The error for a picture with these texts; `fail` puts the picture's name before it.
pub fn of(texts: &[Text], fail: impl Fn(String) -> Error) -> Error {
    let has = |keyword: &str| texts.iter().any(|text| text.keyword == keyword);
    let is_broken = |keyword: &str| has(keyword) && text(texts, keyword).is_none();
    if let Some(broken) = [GRAPH, PARAMETERS, NODES].into_iter().find(|keyword| is_broken(keyword)) {
        let most = limits::PNG_TEXT_BYTES >> 20;
        let cause = format!("its text `{broken}` is broken, or unpacks to more than {most} MiB");
        return fail("holds no graph that can be read".to_owned()).cause(cause).help(HELP);
    }
    fail("holds no graph and no prompt".to_owned()).cause(cause(texts, has)).help(HELP)
}

fn cause(texts: &[Text], has: impl Fn(&str) -> bool) -> String {
    let is_marked = text(texts, XMP).is_some_and(|xmp| xmp.contains(MADE_BY_A_MODEL));
    if has(PARAMETERS) {
        return "its `parameters` are not in the form of AUTOMATIC1111's web UI, or are too long".to_owned();
    }
    if has(NODES) || has(WORKFLOW) {
        return "it holds a workflow of ComfyUI in which no sampler with a prompt is found".to_owned();
    }
    if let Some((_, program)) = OTHERS.iter().find(|(keyword, _)| has(keyword)) {
        return format!("it was not made by Weft, and what {program} wrote into it is not read");
    }
    if is_marked || has(FACTS) {
        return "a model made it, but the graph was too large for the file, or another program dropped it".to_owned();
    }
    match (text(texts, SOFTWARE), texts.is_empty()) {
        (Some(program), _) => {
            let program: String = program.chars().take(60).collect();
            format!("it was not made by Weft, or lost its graph when {program} saved it")
        }
        (None, false) => "it was not made by Weft, and its texts say nothing of a prompt".to_owned(),
        (None, true) => {
            "it holds no text at all: it was not made by Weft, was saved with metadata off, or a program or page that \
             it went through dropped it"
                .to_owned()
        }
    }
}
