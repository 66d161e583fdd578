//! One adapter of the fused q, k and v becomes three.

use std::collections::BTreeMap;
use std::ops::Range;

use super::data::Data;
use super::module::{Module, pairs};
use crate::lora::names;
use crate::lora::suffix::Role;

/// Splits by rows of ΔW. `down` is shared, unless an earlier fusion made `up` block-diagonal: then each part gets its own
/// rank back, and one without any is left out. Fails with a reason where the parts cannot be written.
pub(super) fn split(fused: &Module, stem: &str) -> Result<Vec<Module>, &'static str> {
    if !fused.by_rows() {
        return Err("q, k and v stay fused, since DoRA by columns needs all rows together");
    }
    let divides = |role: &Role| fused.get(*role).is_some_and(|data| extent(fused, *role, data).is_multiple_of(3));
    let carriers = fused.carriers().into_iter().find(|carriers| carriers.iter().all(divides));
    let carriers = carriers.ok_or("q, k and v stay fused, since the rows of their LoKr do not divide into three")?;
    let parts = (0..names::QKV.len()).map(|at| cut(fused, stem, &carriers, at)).collect();
    Ok(match blocks_of(fused) {
        Some(blocks) => compact(parts, &blocks),
        None => parts,
    })
}

/// Rows of ΔW that a carrier has.
fn extent(module: &Module, role: Role, data: &Data) -> usize {
    if module.transposes(role) { data.columns() } else { data.rows() }
}

/// A third of the rows, everything else shared.
fn cut(fused: &Module, stem: &str, carriers: &[Role], at: usize) -> Module {
    let mut tensors = fused.tensors.clone();
    for &role in carriers {
        let Some(data) = tensors.get_mut(&role) else { continue };
        let third = extent(fused, role, data) / 3;
        let range = third * at..third * (at + 1);
        *data = if fused.transposes(role) { data.column_range(range) } else { data.row_range(range) };
    }
    Module { part: fused.part, name: format!("{stem}{}", names::QKV[at]), tensors, rank: fused.rank }
}

/// For each pair of factors, the columns of each third of the rows.
type Blocks = Vec<[Range<usize>; 3]>;

/// The blocks of an earlier fusion, if there was one.
fn blocks_of(fused: &Module) -> Option<Blocks> {
    if fused.has_core() {
        return None;
    }
    let pairs = pairs(fused.kind());
    let blocks: Option<Blocks> = pairs.iter().map(|(up, _)| blocks(fused.get(*up)?)).collect();
    let whole = |blocks: &Blocks| {
        let none_empty = blocks.iter().flatten().all(|columns| !columns.is_empty());
        !blocks.is_empty() && (none_empty || !fused.has(Role::Magnitude))
    };
    blocks.filter(whole)
}

/// The columns that only one third of the rows uses, where all are such. Columns of zeros go to thirds of equal width, if
/// the others allow it, or else to the part before.
fn blocks(up: &Data) -> Option<[Range<usize>; 3]> {
    let owners: Vec<Option<usize>> =
        (0..up.columns()).map(|column| owner(up, column)).collect::<Result<_, _>>().ok()?;
    let third = owners.len() / 3;
    let thirds = [0..third, third..2 * third, 2 * third..owners.len()];
    let own = |at: usize, columns: &Range<usize>| {
        owners[columns.clone()].iter().all(|owner| owner.is_none_or(|owner| owner == at))
    };
    if owners.len().is_multiple_of(3) && thirds.iter().enumerate().all(|(at, columns)| own(at, columns)) {
        return Some(thirds);
    }
    let first =
        |part: usize| owners.iter().position(|owner| owner.is_some_and(|owner| owner >= part)).unwrap_or(owners.len());
    let blocks = [0..first(1), first(1)..first(2), first(2)..owners.len()];
    blocks.iter().enumerate().all(|(at, columns)| own(at, columns)).then_some(blocks)
}

/// More than one part uses a column.
struct Shared;

fn owner(up: &Data, column: usize) -> Result<Option<usize>, Shared> {
    let third = up.rows() / 3;
    let used = |part: &usize| (third * part..third * (part + 1)).any(|row| !up.is_zero(row, column));
    let parts: Vec<_> = (0..3).filter(used).collect();
    if parts.len() > 1 { Err(Shared) } else { Ok(parts.first().copied()) }
}

/// Leaves each part its own rank, with alpha / rank as it was.
fn compact(parts: Vec<Module>, blocks: &Blocks) -> Vec<Module> {
    let own = |(at, mut part): (usize, Module)| {
        let scale = part.scale();
        for ((up, down), columns) in pairs(part.kind()).iter().zip(blocks) {
            let columns = columns[at].clone();
            if columns.is_empty() {
                return None;
            }
            change(&mut part.tensors, *up, |up| up.column_range(columns.clone()));
            change(&mut part.tensors, *down, |down| down.row_range(columns.clone()));
        }
        part.rank = blocks.first().map_or(0, |columns| columns[at].len());
        let alpha = scale * part.rank as f64;
        change(&mut part.tensors, Role::Alpha, |old| Data::number(alpha, Some(old)));
        Some(part)
    };
    parts.into_iter().enumerate().filter_map(own).collect()
}

fn change(tensors: &mut BTreeMap<Role, Data>, role: Role, change: impl FnOnce(&Data) -> Data) {
    if let Some(data) = tensors.get_mut(&role) {
        *data = change(data);
    }
}
