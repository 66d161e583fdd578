//! The beginnings of names: words that say in which part of which program's tree a module stands.

use super::Part;

/// Names of a file's deepest prefix, `base_model.model.model.diffusion_model.`, have fewer.
const MOST_WORDS: usize = 8;

/// A name with some leading words taken off, and the part that those words speak of.
pub(super) type Candidate<'a> = (Option<Part>, &'a str);

/// The name itself, then with one leading word less each time. A prefix is any sequence of known words, so
/// `lora_unet_`, `base_model.model.transformer.` and `text_encoders.qwen3_4b.transformer.model.` need no list.
pub(super) fn candidates(name: &str) -> Vec<Candidate<'_>> {
    let mut found = vec![(None, name)];
    let (mut part, mut rest) = (None, name);
    for _ in 0..MOST_WORDS {
        let Some((word, after)) = leading(rest) else { break };
        let first_hint = part.is_none() && word.part().is_some();
        part = part.or(word.part());
        rest = after;
        found.push((part, rest));
        // An encoder's own name follows: `qwen3_4b.`, `embedders.0.`.
        for _ in 0..if first_hint { word.names_behind() } else { 0 } {
            let Some((_, after)) = rest.split_once('.') else { break };
            if leading(rest).is_some() {
                break;
            }
            rest = after;
            found.push((part, rest));
        }
    }
    found
}

/// The part that a name's prefix speaks of, if it does.
pub(super) fn part(name: &str) -> Option<Part> {
    candidates(name).last().and_then(|(part, _)| *part)
}

#[derive(Clone, Copy)]
enum Word {
    Neutral,
    Model,
    Encoder,
    Encoders,
    Conditioner,
}

impl Word {
    const fn part(self) -> Option<Part> {
        match self {
            Self::Neutral => None,
            Self::Model => Some(Part::Model),
            Self::Encoder | Self::Encoders | Self::Conditioner => Some(Part::TextEncoder),
        }
    }

    const fn names_behind(self) -> usize {
        match self {
            Self::Encoders => 1,
            Self::Conditioner => 2,
            Self::Neutral | Self::Model | Self::Encoder => 0,
        }
    }
}

const WORDS: [(&str, Word); 14] = [
    ("lora", Word::Neutral),
    ("lycoris", Word::Neutral),
    ("base_model", Word::Neutral),
    ("model", Word::Neutral),
    ("diffusion_model", Word::Model),
    ("transformer", Word::Model),
    ("unet", Word::Model),
    ("text_encoder", Word::Encoder),
    ("text_encoders", Word::Encoders),
    ("conditioner", Word::Conditioner),
    ("te", Word::Encoder),
    ("te1", Word::Encoder),
    ("te2", Word::Encoder),
    ("te3", Word::Encoder),
];

fn leading(name: &str) -> Option<(Word, &str)> {
    WORDS.iter().find_map(|&(text, word)| Some((word, separated(name.strip_prefix(text)?)?)))
}

/// What follows the separator of a word.
fn separated(rest: &str) -> Option<&str> {
    ["__", "_", "."].iter().find_map(|separator| rest.strip_prefix(separator))
}
