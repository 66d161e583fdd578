//! What torch wrote before 1.6: four pickles (a number that marks the format, its version, the machine, the object), a
//! fifth with the storages' keys, and the storages, each behind the count of its numbers.

use std::collections::HashMap;

use super::flatten;
use super::reader::Reader;
use super::value::{Heap, Id, Tensor, Value};
use super::{PICKLE_BYTES, Result, Stored, global::plain, machine};
use crate::source::{Refusal, Source};

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const VERSION: i128 = 1001;

pub fn tensors(source: &(impl Source + ?Sized)) -> Result<Vec<Stored>> {
    let head = source.read(0, source.size().min(PICKLE_BYTES) as usize)?;
    let mut reader = Reader::new(&head);
    let magic = machine::load(&mut reader)?;
    if integer(&magic) != Some(MAGIC) {
        return Err(Refusal {
            what: "is a pickle, but not one that torch.save wrote".to_owned(),
            help: "use a .safetensors or .pth file of the model",
        });
    }
    if integer(&machine::load(&mut reader)?) != Some(VERSION) {
        return Err(Refusal::damaged("it names a version of torch's format that never was"));
    }
    machine::load(&mut reader)?;
    let (heap, value) = machine::load(&mut reader)?;
    let keys = keys(&machine::load(&mut reader)?)?;
    let found = flatten::tensors(&heap, value)?;
    let storages = storages(source, reader.at as u64, &keys, &widths(&heap))?;
    let stored = |(name, tensor): (String, Tensor)| {
        let range = storages.get(tensor.storage.key.as_str()).copied();
        let range = range.ok_or_else(|| Refusal::damaged(format!("the numbers of `{}` are missing", plain(&name))))?;
        Stored::new(name, &tensor, range)
    };
    found.into_iter().map(stored).collect()
}

fn integer((heap, id): &(Heap, Id)) -> Option<i128> {
    match heap.get(*id as usize) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    }
}

fn keys((heap, id): &(Heap, Id)) -> Result<Vec<String>> {
    let bad = || Refusal::damaged("the list of its storages is none");
    let Some(Value::List(ids)) = heap.get(*id as usize) else { return Err(bad()) };
    let text = |id: &Id| match heap.get(*id as usize) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(bad()),
    };
    ids.iter().map(text).collect()
}

/// Bytes of a number, by the key of the storage.
fn widths(heap: &Heap) -> HashMap<&str, usize> {
    heap.iter()
        .filter_map(|value| match value {
            Value::Storage(storage) => Some((storage.key.as_str(), storage.number.bytes)),
            _ => None,
        })
        .collect()
}

/// `(start, bytes)` of each storage. The first begins at `at`.
fn storages<'a>(
    source: &(impl Source + ?Sized),
    mut at: u64,
    keys: &'a [String],
    widths: &HashMap<&str, usize>,
) -> Result<HashMap<&'a str, (u64, u64)>> {
    let mut found = HashMap::new();
    for key in keys {
        let count = source.read(at, 8)?.try_into().map_or(0, u64::from_le_bytes);
        let width = widths.get(key.as_str()).copied();
        let width = width.ok_or_else(|| Refusal::damaged("it has a storage that nothing refers to"))? as u64;
        let end =
            count.checked_mul(width).and_then(|bytes| bytes.checked_add(at + 8)).filter(|end| *end <= source.size());
        let end = end.ok_or_else(|| Refusal::damaged("it ends too early, so it is an incomplete download"))?;
        found.insert(key.as_str(), (at + 8, end - at - 8));
        at = end;
    }
    Ok(found)
}
