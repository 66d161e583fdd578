//! The list of all models.

use serde_json::{Value, json};

use super::super::hashing::Progress;
use super::super::loras::{print_line, size};
use super::super::{Outcome, print};
use super::{identity, is_hashed};
use crate::error::{Error, Result};
use crate::flags::ModelFlags;
use crate::graph::{Identity, Roots};
use crate::library::{self, Entry, Hashes, ModelFacts};

/// One line of the list.
struct Row {
    entry: Entry,
    facts: Result<ModelFacts>,
    identity: Option<Identity>,
}

pub fn list(roots: &Roots, flags: &ModelFlags, hashes: &Hashes) -> Outcome {
    let entries = library::everything(roots);
    let unknown = |entry: &&Entry| hashes.known(&entry.path).is_none();
    let sizes = entries.iter().filter(unknown).map(|entry| library::hashed_bytes(&entry.path));
    let mut progress = Progress::new(sizes.filter(|bytes| is_hashed(flags, *bytes)).sum());
    let row = |entry: Entry| {
        let facts = ModelFacts::read(&entry.path);
        Row { facts, identity: identity(hashes, &entry.path, flags, &mut progress), entry }
    };
    let rows: Vec<Row> = entries.into_iter().map(row).collect();
    drop(progress);
    if flags.json {
        let models: Vec<Value> = rows.into_iter().map(object).collect();
        print(&json!({ "models": models, "folders": folders(roots) }).to_string());
    } else if rows.is_empty() {
        print_line("there is no model yet: put one into models/, or name its folder with --models");
    } else {
        table(&rows);
    }
    Ok(())
}

/// Where was looked: the roots, and the further folders.
fn folders(roots: &Roots) -> Vec<Value> {
    let own = roots.models.iter().map(|root| json!({ "path": root.to_string_lossy() }));
    let extra = roots.extra.iter().map(|folder| json!({ "path": folder.path.to_string_lossy(), "kind": folder.kind }));
    own.chain(extra).collect()
}

fn object(row: Row) -> Value {
    let mut object = match row.facts {
        Ok(facts) => json!({
            "kind": facts.kind.name(), "layout": facts.layout, "dtype": facts.dtype, "missing": facts.missing,
            "problem": facts.problem,
        }),
        Err(error) => json!({ "error": error.with_help().to_json() }),
    };
    object["name"] = row.entry.name.into();
    object["path"] = row.entry.path.to_string_lossy().into();
    object["bytes"] = row.entry.bytes.into();
    object["sha256"] = row.identity.map(|identity| identity.sha256).into();
    object
}

/// Characters of a column.
const WIDEST: usize = 48;
/// Digits of a hash that tell files apart.
const DIGITS: usize = 12;
const HEAD: [&str; 6] = ["name", "kind", "layout", "dtype", "size", "SHA-256"];

fn table(rows: &[Row]) {
    let lines: Vec<[String; 6]> = std::iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let said = std::iter::once(String::new()).chain(rows.iter().map(said));
    for (cells, said) in lines.iter().zip(said) {
        // Sizes are compared by their ends.
        let cell = |(column, text): (usize, &String)| match HEAD[column] {
            "size" => format!("{text:>0$}  ", widths[column]),
            _ => format!("{text:<0$}  ", widths[column]),
        };
        let line: String = cells.iter().enumerate().map(cell).collect();
        print_line(&format!("{line}{said}"));
    }
}

fn cells(row: &Row) -> [String; 6] {
    let hash = row.identity.as_ref().map_or("-", |identity| identity.sha256.get(..DIGITS).unwrap_or_default());
    let [kind, layout, dtype] = match &row.facts {
        Ok(facts) => [facts.kind.name(), &facts.layout, &facts.dtype],
        Err(_) => ["unreadable", "", ""],
    };
    [&row.entry.name, kind, layout, dtype, &size(row.entry.bytes), hash].map(shortened)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// Why a model cannot be used, or not as it is.
fn said(row: &Row) -> String {
    let path = row.entry.path.display().to_string();
    let reason = |error: &Error| error.what.replace(&format!("{path}/"), "").replace(&path, "it");
    match &row.facts {
        Err(error) => reason(error),
        Ok(ModelFacts { problem: Some(problem), .. }) => problem.clone(),
        Ok(facts) if facts.missing.is_empty() => String::new(),
        Ok(facts) => format!("lacks {}", facts.missing.join(", ")),
    }
}
