//! A file's header: texts about it, and its tensors.

use std::collections::BTreeMap;

use super::MAGIC;
use super::blocks::Packing;
use super::reader::{Reader, Stop, Value};
use crate::source::{Refusal, Source};

/// Bytes of a header: vocabularies of large models are a tenth of it.
const HEADER_BYTES: u64 = 100 << 20;
/// What is read at first; most headers are shorter.
const FIRST_BYTES: u64 = 1 << 20;
const AXES: u32 = 4;
/// Where the numbers of tensors begin, unless the header says otherwise.
const ALIGNMENT: u64 = 32;
/// Metadata that says which shape a tensor had before it was flattened into one that has whole blocks.
const SHAPE: &str = "comfy.gguf.orig_shape.";

/// Types of numbers by their number in the file: name, numbers in a block, bytes of one.
const PLAIN: [(u32, &str, usize); 7] =
    [(0, "F32", 4), (1, "F16", 2), (24, "I8", 1), (25, "I16", 2), (26, "I32", 4), (27, "I64", 8), (28, "F64", 8)];
const BFLOAT16: (u32, &str, usize) = (30, "BF16", 2);
const PACKED: [(u32, &str); 10] = [
    (2, "Q4_0"),
    (3, "Q4_1"),
    (6, "Q5_0"),
    (7, "Q5_1"),
    (8, "Q8_0"),
    (10, "Q2_K"),
    (11, "Q3_K"),
    (12, "Q4_K"),
    (13, "Q5_K"),
    (14, "Q6_K"),
];
/// Types that are not read, for messages.
const OTHERS: [(u32, &str); 15] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
];

/// A tensor and where its numbers lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    /// As a safetensors header names it, or as ggml does: `BF16`, `Q4_K`.
    pub dtype: &'static str,
    pub shape: Vec<usize>,
    pub start: u64,
    pub bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The texts among its metadata.
    pub metadata: BTreeMap<String, String>,
    pub tensors: Vec<Stored>,
}

/// # Errors
/// A damaged file, or one with numbers that are packed in a way that is not read.
pub fn read(source: &(impl Source + ?Sized)) -> Result<Header, Refusal> {
    let most = source.size().min(HEADER_BYTES);
    let mut length = most.min(FIRST_BYTES);
    loop {
        let bytes = source.read(0, length as usize)?;
        match parse(&bytes, source.size()) {
            Ok(header) => return Ok(header),
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::TooShort) if length == most => return Err(Refusal::damaged("it is cut off within its header")),
            Err(Stop::TooShort) => length = (length * 10).min(most),
        }
    }
}

fn parse(bytes: &[u8], size: u64) -> Result<Header, Stop> {
    let mut reader = Reader::new(bytes, MAGIC.len());
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        let what = format!("is a GGUF file of version {version}, and versions 2 and 3 are read");
        return Err(Refusal { what, help: "make it again with a current tool" }.into());
    }
    let (tensors, values) = (reader.u64()?, reader.u64()?);
    let (mut metadata, mut shapes, mut alignment) = (BTreeMap::new(), BTreeMap::new(), ALIGNMENT);
    for _ in 0..values {
        let key = reader.text()?;
        match reader.value()? {
            Value::Text(text) => drop(metadata.insert(key, text)),
            Value::Numbers(shape) => drop(key.strip_prefix(SHAPE).map(|name| shapes.insert(name.to_owned(), shape))),
            Value::Number(number) if key == "general.alignment" => alignment = number,
            _ => {}
        }
    }
    let list = (0..tensors).map(|_| tensor(&mut reader)).collect::<Result<Vec<_>, _>>()?;
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(Refusal::damaged("its alignment is no power of two").into());
    }
    let data = (reader.at as u64).next_multiple_of(alignment);
    let stored = |info: Info| info.stored(data, size, &shapes);
    let tensors = list.into_iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<&String> = tensors.iter().map(|tensor| &tensor.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Refusal::damaged(format!("it names `{}` twice", pair[0])).into()),
        None => Ok(Header { metadata, tensors }),
    }
}

struct Info {
    name: String,
    /// The side that varies fastest first.
    sides: Vec<u64>,
    kind: u32,
    offset: u64,
}

fn tensor(reader: &mut Reader<'_>) -> Result<Info, Stop> {
    let (name, axes) = (reader.text()?, reader.u32()?);
    if axes > AXES {
        return Err(Refusal::damaged(format!("`{name}` has {axes} axes")).into());
    }
    let sides = (0..axes).map(|_| reader.u64()).collect::<Result<_, _>>()?;
    Ok(Info { name, sides, kind: reader.u32()?, offset: reader.u64()? })
}

impl Info {
    fn stored(self, data: u64, size: u64, shapes: &BTreeMap<String, Vec<u64>>) -> Result<Stored, Refusal> {
        let Self { name, sides, kind, offset } = self;
        let (dtype, numbers, bytes) = packing(&name, kind)?;
        let bad = |why: &str| Refusal::damaged(format!("`{name}` {why}"));
        let count = |sides: &[u64]| sides.iter().try_fold(1u64, |product, side| product.checked_mul(*side));
        let all = count(&sides).ok_or_else(|| bad("is too large"))?;
        if sides.first().is_some_and(|columns| columns % numbers as u64 != 0) {
            return Err(bad("has rows that are no whole blocks"));
        }
        let length = (all / numbers as u64).checked_mul(bytes as u64).ok_or_else(|| bad("is too large"))?;
        let start = data.checked_add(offset).ok_or_else(|| bad("lies outside of the file"))?;
        if start.checked_add(length).is_none_or(|end| end > size) {
            return Err(bad("reaches beyond the file, which may be an incomplete download"));
        }
        let original = shapes.get(&name).filter(|shape| count(shape) == Some(all));
        let shape = original.cloned().unwrap_or_else(|| sides.into_iter().rev().collect());
        let shape =
            shape.into_iter().map(usize::try_from).collect::<Result<_, _>>().map_err(|_| bad("is too large"))?;
        Ok(Stored { name, dtype, shape, start, bytes: length as usize })
    }
}

/// Name, numbers in a block, bytes of one.
fn packing(name: &str, kind: u32) -> Result<(&'static str, usize, usize), Refusal> {
    if let Some((_, dtype, bytes)) = PLAIN.iter().chain([&BFLOAT16]).find(|(number, ..)| *number == kind) {
        return Ok((dtype, 1, *bytes));
    }
    let packed =
        PACKED.iter().find(|(number, _)| *number == kind).and_then(|(_, dtype)| Some((*dtype, Packing::named(dtype)?)));
    if let Some((dtype, packing)) = packed {
        let (numbers, bytes) = packing.block();
        return Ok((dtype, numbers, bytes));
    }
    let other = OTHERS.iter().find(|(number, _)| *number == kind);
    let other = other.map_or_else(|| format!("type {kind}"), |(_, name)| (*name).to_owned());
    Err(Refusal {
        what: format!("has numbers packed as {other} (`{name}`), which Weft does not read"),
        help: "use a file with Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, or plain numbers",
    })
}
