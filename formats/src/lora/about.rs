//! What a file's metadata says of its use: trigger words, weight, base model.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Metadata;

/// What the trainer or the author wrote into a file. All texts are short, of one line and without control characters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    pub title: Option<String>,
    /// Words for the prompt, at most [`About::MOST_WORDS`].
    pub trigger_words: Vec<String>,
    /// The weight to begin with.
    pub weight: Option<f64>,
    /// What it was trained on, in the words of the trainer.
    pub base_model: Option<String>,
}

impl About {
    /// Trigger words that are kept.
    pub const MOST_WORDS: usize = 8;
}

const TITLES: [&str; 3] = ["modelspec.title", "ss_output_name", "name"];
const BASES: [&str; 4] = ["base_model", "ss_base_model_version", "modelspec.architecture", "ss_sd_model_name"];
const TRIGGERS: [&str; 5] =
    ["trigger_words", "trigger_word", "activation_text", "activation text", "modelspec.trigger_phrase"];
const WEIGHTS: [&str; 9] = [
    "recommended_weight",
    "preferred_weight",
    "preferred weight",
    "default_weight",
    "strength",
    "default_strength",
    "multiplier",
    "scale",
    "modelspec.metadata.preferred_weight",
];

/// The longest text that is kept, in characters.
const LONGEST: usize = 200;

/// A recommended weight beyond this is a slip.
const MOST_WEIGHT: f64 = 10.0;

/// Reads the metadata. What is missing, garbled or senseless is left out.
pub fn about(metadata: &Metadata) -> About {
    let text = |keys: &[&str]| keys.iter().find_map(|key| clean(metadata.get(*key)?));
    let words = written(metadata).or_else(|| frequent(metadata));
    About {
        title: text(&TITLES),
        trigger_words: words.unwrap_or_default(),
        weight: WEIGHTS.iter().find_map(|key| weight(metadata.get(*key)?)),
        base_model: text(&BASES),
    }
}

/// One line without control characters, none where nothing is left.
fn clean(text: &str) -> Option<String> {
    let visible = text.chars().take(LONGEST * 4).map(|letter| if letter.is_control() { ' ' } else { letter });
    let line = visible.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(LONGEST).collect();
    let nothing = ["", "none", "null", "undefined", "{}", "[]"].contains(&line.to_lowercase().as_str());
    (!nothing).then_some(line)
}

fn weight(text: &str) -> Option<f64> {
    let weight: f64 = text.trim().trim_matches('"').parse().ok()?;
    (weight != 0.0 && weight.abs() <= MOST_WEIGHT).then_some(weight)
}

/// The words that the author wrote: a list in JSON, or one with commas.
fn written(metadata: &Metadata) -> Option<Vec<String>> {
    let lists = TRIGGERS.iter().filter_map(|key| metadata.get(*key)).map(|text| words(list(text)));
    lists.into_iter().find(|words| !words.is_empty())
}

fn list(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Ok(Value::String(text)) => split(&text),
        _ => split(text),
    }
}

fn split(text: &str) -> Vec<String> {
    text.split([',', ';', '\n']).map(str::to_owned).collect()
}

/// Clean, each once, and without the tags that other programs put among them.
fn words(texts: Vec<String>) -> Vec<String> {
    let mut words = Vec::new();
    for word in texts.iter().filter_map(|text| clean(text)).filter(|word| !word.starts_with("<lora:")) {
        if words.len() < About::MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Share of a folder's pictures that have a trigger word. Captions are not kept by all trainers, so that a few lack it.
const NEARLY_ALL: f64 = 0.9;

/// The tags that nearly all pictures of a folder have, by kohya's counts for each folder of the training set.
fn frequent(metadata: &Metadata) -> Option<Vec<String>> {
    let folders: BTreeMap<String, Value> = serde_json::from_str(metadata.get("ss_tag_frequency")?).ok()?;
    let pictures = metadata.get("ss_dataset_dirs").and_then(|text| serde_json::from_str(text).ok());
    let pictures: Value = pictures.unwrap_or_default();
    let mut tags: Vec<(f64, String)> = Vec::new();
    for (folder, counts) in &folders {
        tags.extend(of_folder(counts, pictures[folder.as_str()]["img_count"].as_f64()));
    }
    tags.sort_by(|one, other| other.0.total_cmp(&one.0));
    Some(words(tags.into_iter().map(|(_, tag)| tag).collect()))
}

/// Share and text of a folder's frequent tags. A tag that stands once tells nothing, unless it stands alone: so do some
/// trainers write the trigger word.
fn of_folder(counts: &Value, pictures: Option<f64>) -> Vec<(f64, String)> {
    let Some(counts) = counts.as_object() else { return Vec::new() };
    let tags: Vec<_> = counts.iter().filter_map(|(tag, count)| Some((count.as_f64()?, tag))).collect();
    let most = tags.iter().map(|(count, _)| *count).fold(0.0, f64::max);
    let pictures = pictures.filter(|pictures| *pictures >= most).unwrap_or(most);
    let frequent =
        tags.iter().filter(|(count, _)| (*count > 1.0 || tags.len() == 1) && *count >= NEARLY_ALL * pictures);
    frequent.map(|(count, tag)| (count / pictures, (*tag).clone())).collect()
}
