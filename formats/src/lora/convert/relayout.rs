//! Splits and fuses q, k and v of all blocks as a layout has them.

use std::collections::BTreeMap;

use super::module::Module;
use super::{Layout, fuse, split};
use crate::lora::names;

/// What is done, and what stays as it is because the layout cannot say it: blocks by reason.
#[derive(Default)]
struct Outcome {
    modules: Vec<Module>,
    kept: BTreeMap<String, Vec<String>>,
}

/// The adapters as the layout has them, and notes on those that it cannot say so.
pub(super) fn relayout(modules: Vec<Module>, layout: Layout) -> (Vec<Module>, Vec<String>) {
    let outcome = if layout.fuses() { fuse_all(modules) } else { split_all(modules) };
    let note = |(why, stems): (String, Vec<String>)| format!("{}: {why}", some(&stems));
    (outcome.modules, outcome.kept.into_iter().map(note).collect())
}

/// Blocks that a note names.
const MOST_NAMES: usize = 3;

fn some(stems: &[String]) -> String {
    let names: Vec<_> = stems.iter().take(MOST_NAMES).map(|stem| format!("`{}`", stem.trim_end_matches('.'))).collect();
    let more = stems.len().saturating_sub(MOST_NAMES);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

impl Outcome {
    fn note(&mut self, stem: &str, why: impl Into<String>) {
        self.kept.entry(why.into()).or_default().push(stem.to_owned());
    }
}

fn split_all(modules: Vec<Module>) -> Outcome {
    let mut outcome = Outcome::default();
    for module in modules {
        match module.place() {
            Some((stem, at)) if at == names::QKV.len() => match split::split(&module, stem) {
                Ok(parts) => outcome.modules.extend(parts),
                Err(why) => {
                    outcome.note(stem, why);
                    outcome.modules.push(module);
                }
            },
            _ => outcome.modules.push(module),
        }
    }
    outcome
}

/// A module as it is, or the q, k and v of a block, where the first of them stood.
enum Entry {
    Other(Module),
    Block(String),
}

fn fuse_all(modules: Vec<Module>) -> Outcome {
    let (entries, mut blocks) = by_block(modules);
    let mut outcome = Outcome::default();
    for entry in entries {
        match entry {
            Entry::Other(module) => outcome.modules.push(module),
            Entry::Block(stem) => {
                let parts = blocks.remove(&stem).unwrap_or_default();
                fuse_block(&mut outcome, parts, &stem);
            }
        }
    }
    outcome
}

fn by_block(modules: Vec<Module>) -> (Vec<Entry>, BTreeMap<String, fuse::Parts>) {
    let mut blocks: BTreeMap<String, fuse::Parts> = BTreeMap::new();
    let mut entries = Vec::new();
    for module in modules {
        match module.place().map(|(stem, at)| (stem.to_owned(), at)) {
            Some((stem, at)) if at < names::QKV.len() => {
                if !blocks.contains_key(&stem) {
                    entries.push(Entry::Block(stem.clone()));
                }
                blocks.entry(stem).or_default()[at] = Some(module);
            }
            _ => entries.push(Entry::Other(module)),
        }
    }
    (entries, blocks)
}

fn fuse_block(outcome: &mut Outcome, parts: fuse::Parts, stem: &str) {
    match fuse::fuse(&parts, stem) {
        Ok((module, note)) => {
            outcome.modules.push(module);
            if let Some(note) = note {
                outcome.note(stem, note);
            }
        }
        Err(why) => {
            outcome.note(stem, why);
            outcome.modules.extend(parts.into_iter().flatten());
        }
    }
}
