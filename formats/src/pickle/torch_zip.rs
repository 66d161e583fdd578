//! The archive that torch has written since 1.6: `NAME/data.pkl` names storages, `NAME/data/KEY` is one.

use super::flatten;
use super::reader::Reader;
use super::{PICKLE_BYTES, Result, Stored, machine, zip};
use crate::source::{Refusal, Source};

pub fn tensors(source: &(impl Source + ?Sized)) -> Result<Vec<Stored>> {
    let entries = zip::entries(source)?;
    let root = root(&entries)?;
    if let Some((start, length)) = entries.get(&format!("{root}byteorder"))
        && source.read(*start, (*length).min(8) as usize)? != b"little"
    {
        return Err(Refusal {
            what: "has its numbers in big-endian order".to_owned(),
            help: "save it on a usual machine",
        });
    }
    let (start, length) = entries[&format!("{root}data.pkl")];
    if length > PICKLE_BYTES {
        return Err(Refusal::damaged("its data.pkl is larger than any list of weights"));
    }
    let pickle = source.read(start, length as usize)?;
    let (heap, value) = machine::load(&mut Reader::new(&pickle))?;
    let found = flatten::tensors(&heap, value)?;
    found
        .into_iter()
        .map(|(name, tensor)| {
            let key = format!("{root}data/{}", tensor.storage.key);
            let range = entries.get(&key).copied();
            let missing = || Refusal::damaged(format!("the numbers of `{}` are missing", super::global::plain(&name)));
            Stored::new(name.clone(), &tensor, range.ok_or_else(missing)?)
        })
        .collect()
}

/// What stands before `data.pkl`.
fn root(entries: &zip::Entries) -> Result<String> {
    let roots: Vec<&str> = entries
        .keys()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|root| root.is_empty() || root.ends_with('/') && root.matches('/').count() == 1)
        .collect();
    let refuse = |what: &str, help| Err(Refusal { what: what.to_owned(), help });
    match roots.as_slice() {
        [root] if entries.contains_key(&format!("{root}constants.pkl")) => {
            refuse("is a TorchScript program, not weights", "use the model's weights as .safetensors or .pth")
        }
        [root] => Ok((*root).to_owned()),
        [] => refuse("is a ZIP archive without a data.pkl, so no torch file", "unpack it; a model file may lie inside"),
        _ => refuse("is a ZIP archive with several data.pkl", "use a file with one model"),
    }
}
