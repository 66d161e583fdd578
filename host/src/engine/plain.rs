//! Outputs that are plain data as the bytes of a safetensors file: the tensors by their numbers, and in the metadata how they
//! make up the outputs, what the node said, and the SHA-256 of all that.

use std::collections::{BTreeMap, HashMap};

use plugin_api::Dtype;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::Told;
use crate::table::{Tensor, Value, dtype_of, file_dtype, from_bytes, to_bytes};
use crate::text;

/// The metadata's text: the SHA-256, and an [`Entry`] as JSON.
const NAME: &str = "weft";
/// Digits of a SHA-256.
const DIGITS: usize = 64;

#[derive(Serialize, Deserialize)]
struct Entry {
    /// Of whom it is: a file under another's name is damaged.
    key: String,
    outputs: Plain,
    told: Vec<Told>,
}

/// A value without its numbers.
#[derive(Serialize, Deserialize)]
enum Plain {
    Null,
    Bool(bool),
    Int(i64),
    /// Its bits: JSON knows neither infinity nor every last digit.
    Float(u64),
    Text(String),
    /// Its name in the file, and its type as plugins know it.
    Tensor(String, u32),
    List(Vec<Plain>),
    Record(BTreeMap<String, Plain>),
}

struct Numbers {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The bytes of a file with these outputs; none where a model or a value of a plugin's own is among them.
///
/// # Errors
/// Tensors that cannot be read.
pub fn encode(key: &str, outputs: &Value, told: Vec<Told>) -> Result<Option<Vec<u8>>, String> {
    let mut tensors = Vec::new();
    let Some(outputs) = plain(outputs, &mut tensors).map_err(|error| error.to_string())? else { return Ok(None) };
    let entry = Entry { key: key.to_owned(), outputs, told };
    let text = serde_json::to_string(&entry).map_err(|error| error.to_string())?;
    let views = tensors.iter().enumerate().map(|(index, Numbers { dtype, shape, bytes })| {
        let view = TensorView::new(file_dtype(*dtype), shape.clone(), bytes);
        view.map(|view| (index.to_string(), view)).map_err(|error| error.to_string())
    });
    let views = views.collect::<Result<Vec<_>, String>>()?;
    let sha256 = digest(&text, views.iter().map(|(_, view)| view));
    let metadata = HashMap::from([(NAME.to_owned(), sha256 + &text)]);
    safetensors::serialize(views, Some(metadata)).map(Some).map_err(|error| error.to_string())
}

/// What [`encode`] was given.
///
/// # Errors
/// Bytes that are not whole, or of another key, as a sentence.
pub fn decode(key: &str, bytes: &[u8]) -> Result<(Value, Vec<Told>), String> {
    let damaged = |error: &dyn std::fmt::Display| text::plain(&error.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    let said = header.metadata().as_ref().and_then(|texts| texts.get(NAME)?.split_at_checked(DIGITS));
    let (expected, described) = said.ok_or("it does not say what it holds")?;
    let views = (0..file.len()).map(|index| file.tensor(&index.to_string()).map_err(|error| damaged(&error)));
    let views = views.collect::<Result<Vec<_>, String>>()?;
    if digest(described, views.iter()) != expected {
        return Err("its SHA-256 is another".to_owned());
    }
    let entry: Entry = serde_json::from_str(described).map_err(|error| damaged(&error))?;
    if entry.key != key {
        return Err("it belongs to another node".to_owned());
    }
    Ok((value(&entry.outputs, &file)?, entry.told))
}

/// Of everything that is read of a file. Lengths come first, so that nothing can move from one part to another.
fn digest<'a, 'data: 'a>(text: &str, views: impl Iterator<Item = &'a TensorView<'data>>) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(text.as_bytes());
    for view in views {
        add(format!("{} {:?}", view.dtype(), view.shape()).as_bytes());
        add(view.data());
    }
    crate::text::hex(&hash.finalize())
}

fn plain(value: &Value, tensors: &mut Vec<Numbers>) -> plugin_api::Result<Option<Plain>> {
    Ok(Some(match value {
        Value::Null => Plain::Null,
        Value::Bool(value) => Plain::Bool(*value),
        Value::Int(value) => Plain::Int(*value),
        Value::Float(value) => Plain::Float(value.to_bits()),
        Value::Text(text) => Plain::Text(text.to_string()),
        Value::Tensor(tensor) => {
            let array = tensor.array()?;
            let dtype = dtype_of(array)?;
            let shape = array.shape().iter().map(|&side| side as usize).collect();
            tensors.push(Numbers { dtype, shape, bytes: to_bytes(array, dtype)? });
            Plain::Tensor((tensors.len() - 1).to_string(), dtype as u32)
        }
        Value::List(values) => {
            let values = values.iter().map(|value| plain(value, tensors)).collect::<plugin_api::Result<Option<_>>>()?;
            return Ok(values.map(Plain::List));
        }
        Value::Record(entries) => {
            let entry =
                |(name, value): (&String, &Value)| Ok(plain(value, tensors)?.map(|value| (name.clone(), value)));
            let entries = entries.iter().map(entry).collect::<plugin_api::Result<Option<_>>>()?;
            return Ok(entries.map(Plain::Record));
        }
        Value::Model(_) | Value::Opaque(_) => return Ok(None),
    }))
}

fn value(plain: &Plain, file: &SafeTensors<'_>) -> Result<Value, String> {
    Ok(match plain {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Bool(*value),
        Plain::Int(value) => Value::Int(*value),
        Plain::Float(bits) => Value::Float(f64::from_bits(*bits)),
        Plain::Text(text) => Value::text(text),
        Plain::Tensor(name, dtype) => {
            let view = file.tensor(name).map_err(|error| error.to_string())?;
            let dtype = Dtype::from_code(*dtype).ok_or("it has a tensor of no known type")?;
            let shape: Option<Vec<i32>> = view.shape().iter().map(|&side| i32::try_from(side).ok()).collect();
            let array = from_bytes(dtype, &shape.ok_or("it has a tensor that is too large")?, view.data());
            Value::Tensor(Tensor(Ok(array.map_err(|error| error.to_string())?)))
        }
        Plain::List(values) => Value::List(values.iter().map(|plain| value(plain, file)).collect::<Result<_, _>>()?),
        Plain::Record(entries) => {
            let entry = |(name, plain): (&String, &Plain)| Ok((name.clone(), value(plain, file)?));
            Value::record(entries.iter().map(entry).collect::<Result<Vec<_>, String>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> Value {
        crate::table::start(None).unwrap();
        let numbers =
            |dtype, shape: &[i32], bytes: &[u8]| Value::Tensor(Tensor(Ok(from_bytes(dtype, shape, bytes).unwrap())));
        let nan = f64::from_bits(0x7ff8_0000_0000_0001);
        Value::record([
            ("half".to_owned(), numbers(Dtype::Float16, &[2, 1], &[1, 2, 3, 4])),
            ("one".to_owned(), numbers(Dtype::Int64, &[], &[9, 0, 0, 0, 0, 0, 0, 128])),
            ("list".to_owned(), Value::List([Value::Bool(true), Value::Null, Value::text("a \"b\"")].into())),
            ("floats".to_owned(), Value::List([Value::Float(0.1 + 0.2), Value::Float(nan), Value::Int(-3)].into())),
            ("none".to_owned(), numbers(Dtype::Float32, &[0, 4], &[])),
        ])
    }

    #[test]
    fn what_comes_back_is_what_was_kept() {
        let bytes = encode("k", &outputs(), vec![Told::Note("said".to_owned())]).unwrap().unwrap();
        let (value, told) = decode("k", &bytes).unwrap();
        assert!(matches!(&told[..], [Told::Note(text)] if text == "said"));
        assert_eq!(encode("k", &value, told).unwrap().unwrap(), bytes);
        let Value::Record(entries) = value else { panic!("no record") };
        let Value::Tensor(one) = &entries["one"] else { panic!("no tensor") };
        assert_eq!((one.array().unwrap().shape(), dtype_of(one.array().unwrap()).unwrap()), (&[][..], Dtype::Int64));
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let bytes = encode("k", &outputs(), Vec::new()).unwrap().unwrap();
        assert!(decode("other", &bytes).unwrap_err().contains("another node"));
        for end in 0..bytes.len() {
            assert!(decode("k", &bytes[..end]).is_err(), "cut off at {end}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            // White space and the like between the parts of the header mean nothing.
            if let Ok((value, told)) = decode("k", &bytes) {
                assert_eq!(
                    encode("k", &value, told).unwrap(),
                    encode("k", &outputs(), Vec::new()).unwrap(),
                    "byte {at}"
                );
            }
        }
    }
}
