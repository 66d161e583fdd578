//! A header's bytes, from front to back.

use crate::source::Refusal;

pub struct Reader<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

/// Why a header cannot be read: the bytes end before it does, or it is wrong.
pub enum Stop {
    TooShort,
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

type Result<T> = std::result::Result<T, Stop>;

/// Arrays in arrays.
const DEPTH: usize = 4;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Stop::TooShort)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Stop::TooShort)?;
        self.at = end;
        Ok(bytes)
    }

    fn number(&mut self, length: usize) -> Result<u64> {
        Ok(self.take(length)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(self.number(4)? as u32)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.number(8)
    }

    pub fn text(&mut self) -> Result<String> {
        let length = usize::try_from(self.u64()?).map_err(|_| Stop::TooShort)?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// A value of metadata: whole numbers, and lists of them, as numbers; text as text; everything else is skipped.
    pub fn value(&mut self) -> Result<Value> {
        let kind = self.u32()?;
        self.value_of(kind, 0)
    }

    fn value_of(&mut self, kind: u32, depth: usize) -> Result<Value> {
        Ok(match kind {
            0 | 1 | 7 => Value::Number(self.number(1)?),
            2 | 3 => Value::Number(self.number(2)?),
            4 | 5 => Value::Number(self.number(4)?),
            10 | 11 => Value::Number(self.number(8)?),
            6 => self.skip(4)?,
            12 => self.skip(8)?,
            8 => Value::Text(self.text()?),
            9 if depth < DEPTH => {
                let (kind, count) = (self.u32()?, self.u64()?);
                let mut numbers = Vec::new();
                for _ in 0..count {
                    match self.value_of(kind, depth + 1)? {
                        // Long lists are vocabularies, which nobody asks for.
                        Value::Number(number) if numbers.len() < 64 => numbers.push(number),
                        _ => {}
                    }
                }
                Value::Numbers(numbers)
            }
            _ => return Err(Refusal::damaged(format!("its header has a value of the unknown type {kind}")).into()),
        })
    }

    fn skip(&mut self, length: usize) -> Result<Value> {
        self.take(length)?;
        Ok(Value::Other)
    }
}

pub enum Value {
    Number(u64),
    Numbers(Vec<u64>),
    Text(String),
    Other,
}
