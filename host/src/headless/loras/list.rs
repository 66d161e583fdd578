//! The list of all LoRAs.

use serde_json::{Value, json};

use super::super::{Outcome, print};
use super::{extensions, facts, folder, print_line};
use crate::error::Error;
use crate::graph::Roots;
use crate::library::{Entry, Library, LoraFacts};

/// Characters of trigger words in a line.
const WORDS: usize = 60;

pub fn list(roots: Roots, json: bool) -> Outcome {
    let library = Library::new(roots);
    let files = library.files(&folder(), &extensions());
    let read = || files.iter().map(|entry| (entry, LoraFacts::read(&entry.path)));
    if json {
        let loras: Vec<Value> = read().map(|(entry, facts)| object(entry, facts)).collect();
        print(&json!({ "loras": loras }).to_string());
        return Ok(());
    }
    if files.is_empty() {
        print_line("there is no LoRA yet: put .safetensors files into models/loras");
    }
    let width = files.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0).min(60);
    for (entry, facts) in read() {
        print_line(&format!("{:<width$}  {}", entry.name, line(entry, &facts)));
    }
    Ok(())
}

/// Kind, rank, size and trigger words, or why there are none.
fn line(entry: &Entry, facts: &Result<LoraFacts, Error>) -> String {
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return format!("cannot be used: {}", error.what),
    };
    let what = format!("{:<16}{:>9}", facts::kind_and_rank(facts), facts::size(entry.bytes));
    let words: String = facts.about.trigger_words.join(", ").chars().take(WORDS).collect();
    let problem = facts.problem.as_deref().and_then(|problem| problem.split(':').next());
    let said: Vec<&str> = problem.into_iter().chain([words.as_str()]).filter(|said| !said.is_empty()).collect();
    format!("{what}  {}", said.join("; "))
}

fn object(entry: &Entry, facts: Result<LoraFacts, Error>) -> Value {
    let mut object = match facts {
        Ok(facts) => facts::json(&facts),
        Err(error) => json!({ "error": error.with_help().to_json() }),
    };
    object["name"] = entry.name.clone().into();
    object["path"] = entry.path.to_string_lossy().into();
    object["bytes"] = entry.bytes.into();
    object
}
