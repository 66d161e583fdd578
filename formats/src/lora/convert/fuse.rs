//! Adapters of q, k and v become one of the fused matrix.

use std::collections::BTreeMap;

use super::data::{Data, common};
use super::module::{Module, pairs};
use crate::lora::names;
use crate::lora::suffix::Role;

/// q, k and v of a block, as far as the file has them.
pub(super) type Parts = [Option<Module>; 3];

/// The fused adapter, and what is to be said about it. Fails with a reason where it cannot be written.
pub(super) fn fuse(parts: &Parts, stem: &str) -> Result<(Module, Option<&'static str>), &'static str> {
    let present: Vec<&Module> = parts.iter().flatten().collect();
    refusal(&present)?;
    let name = format!("{stem}{}", names::FUSED);
    if let Some(tensors) = stack(&present) {
        return Ok((Module { part: present[0].part, name, tensors, rank: present[0].rank }, None));
    }
    diagonal(parts, name).ok_or("q, k and v stay apart, since no fused matrix of their kind says the same")
}

fn refusal(present: &[&Module]) -> Result<(), &'static str> {
    let magnitudes = present.iter().filter(|part| part.has(Role::Magnitude)).count();
    if present.windows(2).any(|pair| pair[0].kind() != pair[1].kind()) {
        Err("q, k and v stay apart, since they are of several kinds")
    } else if !present.iter().all(|part| part.by_rows()) {
        Err("q, k and v stay apart, since DoRA by columns is about the columns of each")
    } else if magnitudes != 0 && magnitudes != 3 {
        Err("q, k and v stay apart, since fused DoRA needs the magnitudes of all three")
    } else {
        Ok(())
    }
}

/// Stacks the rows where all else is the same, as in a file that was fused before.
fn stack(present: &[&Module]) -> Option<BTreeMap<Role, Data>> {
    let [first, _, _] = present else { return None };
    let carriers = first.carriers().into_iter().find(|carriers| {
        let same = |part: &&Module| {
            of_one_shape(first, part)
                && first.tensors.iter().all(|(role, data)| carriers.contains(role) || part.get(*role) == Some(data))
        };
        present.iter().all(same)
    })?;
    let mut tensors = first.tensors.clone();
    for role in carriers {
        let parts: Vec<&Data> = present.iter().map(|part| part.get(role)).collect::<Option<_>>()?;
        let whole = if first.transposes(role) { Data::beside(&parts) } else { stacked(&parts) };
        tensors.insert(role, whole?);
    }
    Some(tensors)
}

fn of_one_shape(one: &Module, other: &Module) -> bool {
    let shapes =
        |module: &Module| module.tensors.iter().map(|(role, data)| (*role, data.shape.clone())).collect::<Vec<_>>();
    shapes(one) == shapes(other)
}

/// Rows below each other, widened where the types differ. None where the columns differ.
fn stacked(parts: &[&Data]) -> Option<Data> {
    let dtype = common(parts);
    let wide: Vec<_> = parts.iter().map(|part| part.widened(dtype)).collect();
    wide.windows(2).all(|pair| pair[0].columns() == pair[1].columns()).then(|| Data::stack(&wide))
}

/// The tensors that all parts have for a role, below each other.
fn stacked_role(present: &[&Module], role: Role) -> Option<Data> {
    stacked(&present.iter().map(|part| part.get(role)).collect::<Option<Vec<_>>>()?)
}

/// `up` block-diagonal, `down` stacked, so that each part keeps its own rank.
fn diagonal(parts: &Parts, name: String) -> Option<(Module, Option<&'static str>)> {
    let present: Vec<&Module> = parts.iter().flatten().collect();
    let first = *present.first()?;
    let pairs = pairs(first.kind());
    if pairs.is_empty() || present.iter().any(|part| part.has_core()) {
        return None;
    }
    let scale = commonest(&present);
    let mut tensors = BTreeMap::new();
    for (at, (up, down)) in pairs.iter().enumerate() {
        let ups: [Option<Data>; 3] = parts.each_ref().map(|part| {
            let part = part.as_ref()?;
            let factor = if at == 0 { factor(part, scale) } else { 1.0 };
            part.get(*up).map(|up| if factor == 1.0 { up.clone() } else { up.scaled(factor) })
        });
        tensors.insert(*up, block_diagonal(&ups)?);
        tensors.insert(*down, stacked_role(&present, *down)?);
    }
    let rank = tensors.get(&pairs[0].1).map_or(0, Data::rows);
    if let Some(like) = present.iter().find_map(|part| part.get(Role::Alpha)) {
        tensors.insert(Role::Alpha, Data::number(scale * rank as f64, Some(like)));
    }
    if first.has(Role::Magnitude) {
        tensors.insert(Role::Magnitude, stacked_role(&present, Role::Magnitude)?);
    }
    let rescaled = present.iter().any(|part| factor(part, scale) != 1.0);
    let note = "alpha / rank of q, k and v differ, so that some were multiplied into `up` and rounded to float32";
    Some((Module { part: first.part, name, tensors, rank }, rescaled.then_some(note)))
}

/// The scale of most parts. Where all are different, that of the first; never 0, if another is there.
fn commonest(present: &[&Module]) -> f64 {
    let scales: Vec<f64> = present.iter().map(|part| part.scale()).collect();
    let count = |scale: f64| scales.iter().filter(|other| **other == scale).count();
    let mut best = None;
    for &scale in scales.iter().filter(|scale| **scale != 0.0) {
        if best.is_none_or(|best| count(scale) > count(best)) {
            best = Some(scale);
        }
    }
    best.unwrap_or(0.0)
}

/// What a part's `up` is multiplied with.
fn factor(part: &Module, scale: f64) -> f64 {
    if part.scale() == scale { 1.0 } else { part.scale() / scale }
}

fn block_diagonal(ups: &[Option<Data>; 3]) -> Option<Data> {
    let present: Vec<&Data> = ups.iter().flatten().collect();
    let dtype = common(&present);
    // A part that the file lacks has as many rows as the others.
    let rows = present.first()?.rows();
    if present.iter().any(|up| up.rows() != rows) {
        return None;
    }
    let wide = ups.each_ref().map(|up| up.as_ref().map(|up| up.widened(dtype)));
    let blocks = wide.each_ref().map(|up| (up.as_ref().map_or(rows, Data::rows), up.as_ref()));
    Data::diagonal(&blocks)
}
