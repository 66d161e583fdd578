//! One `.safetensors` file: its header goes through the safetensors crate.

use std::fmt;
use std::rc::Rc;

use plugin_api::{Error, ErrorKind, Result};
use safetensors::tensor::{Metadata as Header, TensorInfo};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use weft_formats::source::Source;

use super::file::File;
use super::{Entry, dtype};
use crate::error::io_cause;
use crate::limits;

/// The file's tensors.
pub fn entries(mut file: File) -> Result<Vec<Entry>> {
    let (header, data) = header(&file)?;
    let tensors = header.tensors();
    if tensors.len() > limits::TENSORS {
        let what = format!("{file} has over {} tensors", limits::TENSORS);
        return Err(Error::new(ErrorKind::Limit, what).help("no model of this kind has so many; download it again"));
    }
    file.metadata = header.metadata().iter().flatten().map(|(key, text)| (key.clone(), text.clone())).collect();
    let file = Rc::new(file);
    tensors.into_iter().map(|(name, info)| entry(&file, name, info, data)).collect()
}

/// The header, and where the numbers begin.
fn header(file: &File) -> Result<(Header, u64)> {
    let length = file.read(0, 8).map_err(|error| bad(file, io_cause(&error)))?;
    let length = length.try_into().map_or(0, u64::from_le_bytes);
    if length > limits::TENSOR_HEADER_BYTES {
        let most = limits::TENSOR_HEADER_BYTES;
        return Err(bad(file, format!("its header says {length} bytes, at most {most} are allowed")));
    }
    let (size, data) = (file.size(), length + 8);
    if data > size {
        return Err(bad(file, format!("it is cut off within its header ({size} of at least {data} bytes)")));
    }
    let head = file.read(8, length as usize).map_err(|error| bad(file, io_cause(&error)))?;
    let Names(mut names) = serde_json::from_slice(&head).map_err(|error| bad(file, error.to_string()))?;
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(bad(file, format!("it names `{}` twice", pair[0])));
    }
    // Reading it this way checks overlaps, holes and sizes as well.
    let header: Header = serde_json::from_slice(&head).map_err(|error| bad(file, error.to_string()))?;
    let end = header.data_len() as u64 + data;
    if end != size {
        let state = if end > size { "an incomplete download" } else { "followed by other bytes" };
        return Err(bad(file, format!("it has {size} bytes but its header describes {end}, so it is {state}")));
    }
    Ok((header, data))
}

fn entry(file: &Rc<File>, name: String, info: &TensorInfo, data: u64) -> Result<Entry> {
    let shape: Option<Vec<i32>> = info.shape.iter().map(|&n| i32::try_from(n).ok()).collect();
    let (start, stop) = info.data_offsets;
    let stored = info.dtype.to_string();
    Ok(Entry {
        shape: shape.ok_or_else(|| bad(file, format!("the shape of `{name}` is too large")))?,
        name,
        dtype: dtype::named(&stored),
        stored,
        file: Rc::clone(file),
        start: data + start as u64,
        bytes: stop - start,
        strides: None,
    })
}

fn bad(file: &File, why: String) -> Error {
    Error::file(format!("{file} is no valid safetensors file: {why}")).help("download or save it again")
}

/// The keys of a JSON map, also those that stand there twice, which a map would swallow.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tensors by name")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Names, M::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
