//! A pickle's bytes, from front to back.

use super::Result;
use crate::source::Refusal;

#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let range = self.at.checked_add(length).and_then(|end| self.bytes.get(self.at..end));
        let bytes = range.ok_or_else(|| Refusal::damaged("its pickle ends in the middle"))?;
        self.at += length;
        Ok(bytes)
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned little-endian number of so many bytes.
    pub fn length(&mut self, bytes: usize) -> Result<usize> {
        let number = self.take(bytes)?.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        usize::try_from(number).map_err(|_| Refusal::damaged("it names a length beyond all memory"))
    }

    /// A signed little-endian number of at most 16 bytes.
    pub fn signed(&mut self, bytes: usize) -> Result<i128> {
        if bytes > 16 {
            return Err(Refusal::damaged("it holds a whole number of more than 128 bits"));
        }
        let bytes = self.take(bytes)?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        Ok(i128::from_le_bytes(wide))
    }

    pub fn text(&mut self, length: usize) -> Result<String> {
        let text = std::str::from_utf8(self.take(length)?);
        text.map(str::to_owned).map_err(|_| Refusal::damaged("a text in it is not UTF-8"))
    }

    /// Text up to the end of the line, which is taken as well.
    pub fn line(&mut self) -> Result<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n');
        let text = self.text(length.ok_or_else(|| Refusal::damaged("its pickle ends in the middle"))?)?;
        self.at += 1;
        Ok(text)
    }
}
