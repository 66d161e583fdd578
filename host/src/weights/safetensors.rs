//! One `.safetensors` file: the header through the safetensors crate, the numbers by positioned reads.
//!
//! The file is not mapped: MLX's CPU backend copies what it is given, and a mapped file that somebody truncates ends
//! the process with SIGBUS, where a read is an error with a name.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use plugin_api::{Dtype, Error, ErrorKind, Result};
use safetensors::tensor::Metadata as Header;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use weft_formats::lora::Metadata;

use super::Entry;
use super::wrong_file;
use crate::error::io_cause;
use crate::limits;

/// An open file.
#[derive(Debug)]
pub struct Tensors {
    path: PathBuf,
    file: File,
    pub metadata: Metadata,
}

impl fmt::Display for Tensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl Tensors {
    /// Opens a file and lists its tensors.
    pub fn open(path: &Path) -> Result<Vec<Entry>> {
        let unreadable = |error: std::io::Error| {
            Error::file(format!("{} cannot be read: {}", path.display(), io_cause(&error)))
                .help("check that the file is there and may be read")
        };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        wrong_file::refuse(path, &file, size)?;
        let mut length = [0; 8];
        file.read_exact_at(&mut length, 0).map_err(unreadable)?;
        let length = u64::from_le_bytes(length);
        let bad = |why: String| {
            let what = format!("{} is no valid safetensors file: {why}", path.display());
            Error::file(what).help("download or save it again")
        };
        if length > limits::TENSOR_HEADER_BYTES {
            return Err(bad(format!(
                "its header says {length} bytes, at most {} are allowed",
                limits::TENSOR_HEADER_BYTES
            )));
        }
        if length + 8 > size {
            return Err(bad(format!("it is cut off within its header ({size} of at least {} bytes)", length + 8)));
        }
        let mut head = vec![0; length as usize];
        file.read_exact_at(&mut head, 8).map_err(unreadable)?;
        let Names(mut names) = serde_json::from_slice(&head).map_err(|error| bad(error.to_string()))?;
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(bad(format!("it names `{}` twice", pair[0])));
        }
        // Reading it this way checks overlaps, holes and sizes as well.
        let header: Header = serde_json::from_slice(&head).map_err(|error| bad(error.to_string()))?;
        let tensors = header.tensors();
        if tensors.len() > limits::TENSORS {
            let what = format!("{} has over {} tensors", path.display(), limits::TENSORS);
            return Err(Error::new(ErrorKind::Limit, what).help("no model of this kind has so many; download it again"));
        }
        let data = length + 8;
        let end = header.data_len() as u64 + data;
        if end != size {
            let state = if end > size { "an incomplete download" } else { "followed by other bytes" };
            return Err(bad(format!("it has {size} bytes but its header describes {end}, so it is {state}")));
        }
        let metadata = header.metadata().iter().flatten().map(|(key, text)| (key.clone(), text.clone())).collect();
        let file = Rc::new(Self { path: path.to_owned(), file, metadata });
        tensors
            .into_iter()
            .map(|(name, info)| {
                let shape: Option<Vec<i32>> = info.shape.iter().map(|&n| i32::try_from(n).ok()).collect();
                let (start, stop) = info.data_offsets;
                Ok(Entry {
                    shape: shape.ok_or_else(|| bad(format!("the shape of `{name}` is too large")))?,
                    name,
                    dtype: dtype_of(info.dtype),
                    stored: info.dtype.to_string(),
                    file: Rc::clone(&file),
                    start: data + start as u64,
                    bytes: stop - start,
                })
            })
            .collect()
    }

    /// `bytes` bytes from `start`.
    pub fn read(&self, start: u64, bytes: usize) -> Result<Vec<u8>> {
        let mut data = vec![0; bytes];
        self.file.read_exact_at(&mut data, start).map_err(|error| {
            let what = format!("{self} changed or went away while it was read: {}", io_cause(&error));
            Error::file(what).help("run again when nothing writes to the file")
        })?;
        Ok(data)
    }
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

fn dtype_of(dtype: safetensors::Dtype) -> Option<Dtype> {
    use safetensors::Dtype as File;
    Some(match dtype {
        File::BOOL => Dtype::Bool,
        File::U8 => Dtype::Uint8,
        File::U32 => Dtype::Uint32,
        File::I32 => Dtype::Int32,
        File::I64 => Dtype::Int64,
        File::F16 => Dtype::Float16,
        File::BF16 => Dtype::Bfloat16,
        File::F32 => Dtype::Float32,
        _ => return None,
    })
}
