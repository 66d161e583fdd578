//! One model: its parts, its numbers, the memory that it needs, what it lacks.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::hashing::Progress;
use super::super::loras::{print_line, size};
use super::super::{Outcome, print};
use super::identity;
use crate::flags::ModelFlags;
use crate::graph::Identity;
use crate::library::model::{BITS, Kind, Memory, PartFacts, told};
use crate::library::{self, Hashes, ModelFacts};
use crate::table::memory::available;

pub fn show(path: &Path, flags: &ModelFlags, hashes: &Hashes) -> Outcome {
    let facts = ModelFacts::read(path)?;
    let mut progress = Progress::new(library::hashed_bytes(path));
    let identity = identity(hashes, path, flags, &mut progress);
    drop(progress);
    if flags.json {
        print(&object(path, &facts, identity.as_ref()).to_string());
        return Ok(());
    }
    print_line(&path.display().to_string());
    lines(&facts, bytes(path, &facts), identity.as_ref()).iter().for_each(|line| print_line(line));
    for part in facts.parts.iter().filter(|part| part.role.is_some()) {
        print_line("");
        self::part(path, part).iter().for_each(|line| print_line(line));
    }
    Ok(())
}

/// Of the weights; of a file that has none, its size.
fn bytes(path: &Path, facts: &ModelFacts) -> u64 {
    let files = facts.files();
    let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    if files.is_empty() { size(path) } else { files.into_iter().map(|file| size(file)).sum() }
}

fn lines(facts: &ModelFacts, bytes: u64, identity: Option<&Identity>) -> Vec<String> {
    let hash = identity.map_or("not known yet; --hash computes it", |identity| &identity.sha256);
    let numbers = format!("{} in {} tensors", millions(facts.parameters()), facts.tensors());
    let is_model = facts.parts.iter().any(|part| part.role.is_some());
    let [own, other, rounded] = if is_model { memory(&facts.memory) } else { Default::default() };
    let free = available().filter(|_| is_model).map(|free| format!("{} of memory", size(free)));
    let lines = [
        ("kind", facts.kind.name().to_owned()),
        ("layout", facts.layout.clone()),
        ("dtype", facts.dtype.clone()),
        ("size", size(bytes)),
        ("SHA-256", hash.to_owned()),
        ("parameters", if facts.tensors() > 0 { numbers } else { String::new() }),
        ("lacks", facts.missing.join(", ")),
        ("problem", facts.problem.clone().unwrap_or_default()),
        ("to load", own),
        ("", other),
        ("quantized", rounded),
        ("free", free.unwrap_or_default()),
    ];
    lines.iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| format!("  {name:<14} {fact}")).collect()
}

/// The memory in its own precision, in those that loaders choose, and quantized.
fn memory(memory: &Memory) -> [String; 3] {
    let rounded: Vec<String> =
        BITS.iter().zip(memory.rounded).map(|(bits, bytes)| format!("{} with {bits} bits", size(bytes))).collect();
    [
        format!("{} in its own precision", size(memory.own)),
        format!(
            "{} in float32 (auto on a CPU), {} in bfloat16 (auto on a GPU)",
            size(memory.float32),
            size(memory.bfloat16)
        ),
        rounded.join(", "),
    ]
}

/// A part: what it is, where it lies, what it has, what its configuration says.
fn part(model: &Path, part: &PartFacts) -> Vec<String> {
    let place = part.place.strip_prefix(library::model::in_cache(model)).unwrap_or(&part.place).display().to_string();
    let place = if place.is_empty() { String::new() } else { format!(" ({place})") };
    let role = part.role.map_or(Kind::Unknown, Kind::of).name();
    let numbers = format!(
        "  {} tensors, {} parameters, {}, {}; {} to load in its own precision",
        part.tensors,
        millions(part.parameters),
        library::model::dtype(part.dtypes.iter().cloned()),
        size(part.bytes),
        size(part.memory.own)
    );
    let config: Vec<String> = told(&part.config).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    let notes = part.missing.iter().map(|name| format!("  lacks `{name}`"));
    let problem = part.problem.iter().map(|problem| format!("  {problem}"));
    let lines = [format!("{role}{place}"), numbers, format!("  {}", config.join(", "))];
    lines.into_iter().chain(notes).chain(problem).collect()
}

fn object(path: &Path, facts: &ModelFacts, identity: Option<&Identity>) -> Value {
    let part = |part: &PartFacts| {
        json!({
            "part": part.role.map_or(Kind::Unknown, Kind::of).name(), "path": part.place.to_string_lossy(),
            "files": part.files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
            "tensors": part.tensors, "parameters": part.parameters, "bytes": part.bytes,
            "dtypes": part.dtypes.iter().map(|(name, count)| (name.clone(), (*count).into())).collect::<Map<_, _>>(),
            "memory": memory_json(&part.memory), "config": part.config, "missing": part.missing,
            "problem": part.problem,
        })
    };
    json!({
        "path": path.to_string_lossy(), "kind": facts.kind.name(), "layout": facts.layout, "dtype": facts.dtype,
        "bytes": bytes(path, facts), "sha256": identity.map(|identity| &identity.sha256),
        "hashed_bytes": identity.map(|identity| identity.bytes), "tensors": facts.tensors(),
        "parameters": facts.parameters(), "missing": facts.missing, "problem": facts.problem,
        "memory": memory_json(&facts.memory), "free_memory": available(),
        "parts": facts.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn memory_json(memory: &Memory) -> Value {
    let rounded = BITS.iter().zip(memory.rounded).map(|(bits, bytes)| (bits.to_string(), Value::from(bytes)));
    json!({
        "own": memory.own, "float32": memory.float32, "bfloat16": memory.bfloat16,
        "bits": rounded.collect::<Map<_, _>>(),
    })
}

/// `6.15 billion`, `12.3 million`.
fn millions(count: u64) -> String {
    match count {
        0..1_000_000 => count.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1} million", count as f64 / 1e6),
        _ => format!("{:.2} billion", count as f64 / 1e9),
    }
}
