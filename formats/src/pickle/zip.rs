//! A ZIP archive's list of entries, as far as torch writes any: stored as they are, with 64-bit sizes where needed.

use std::collections::BTreeMap;

use super::Result;
use super::global::plain;
use crate::source::{Refusal, Source};

/// What an entry begins with, and so the archive.
pub const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

/// Bytes of the list of entries.
const LIST_BYTES: u64 = 64 << 20;
/// Bytes of the end, with the longest comment behind it.
const TAIL_BYTES: u64 = 22 + 0xffff;

/// Where each entry's bytes lie: `(start, length)`.
pub type Entries = BTreeMap<String, (u64, u64)>;

/// # Errors
/// A damaged archive, or one with packed or encrypted entries.
pub fn entries(source: &(impl Source + ?Sized)) -> Result<Entries> {
    let (start, length) = list(source)?;
    if length > LIST_BYTES || start.checked_add(length).is_none_or(|end| end > source.size()) {
        return Err(Refusal::damaged("the list of its entries lies outside of it"));
    }
    let bytes = source.read(start, length as usize)?;
    let (mut rest, mut entries) = (bytes.as_slice(), Entries::new());
    while rest.starts_with(CENTRAL) {
        let (entry, behind) =
            Entry::read(rest).ok_or_else(|| Refusal::damaged("the list of its entries is cut off"))?;
        let name = entry.name.clone();
        if entries.insert(name.clone(), entry.range(source)?).is_some() {
            return Err(Refusal::damaged(format!("it has two entries `{}`", plain(&name))));
        }
        rest = behind;
    }
    Ok(entries)
}

/// `(start, length)` of the list.
fn list(source: &(impl Source + ?Sized)) -> Result<(u64, u64)> {
    let cut = || Refusal {
        what: "is a ZIP archive without an end, so an incomplete download".to_owned(),
        help: "download it again",
    };
    let length = source.size().min(TAIL_BYTES);
    let tail_start = source.size() - length;
    let tail = source.read(tail_start, length as usize)?;
    let fits =
        |at: &usize| tail[*at..].starts_with(END) && small(&tail, at + 20, 2) == Some((tail.len() - at - 22) as u64);
    let at = (0..tail.len().saturating_sub(21)).rev().find(fits).ok_or_else(cut)?;
    let (length, start) = (small(&tail, at + 12, 4).ok_or_else(cut)?, small(&tail, at + 16, 4).ok_or_else(cut)?);
    let locator = at.checked_sub(20).filter(|at| tail[*at..].starts_with(LOCATOR_64));
    let Some(locator) = locator else { return Ok((start, length)) };
    let end = source.read(small(&tail, locator + 8, 8).ok_or_else(cut)?, 56)?;
    match (end.starts_with(END_64), small(&end, 48, 8), small(&end, 40, 8)) {
        (true, Some(start), Some(length)) => Ok((start, length)),
        _ => Err(cut()),
    }
}

struct Entry {
    name: String,
    flags: u64,
    method: u64,
    packed: u64,
    length: u64,
    local: u64,
}

impl Entry {
    /// The first entry of the list, and the list behind it.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (name, extra, comment) = (small(bytes, 28, 2)?, small(bytes, 30, 2)?, small(bytes, 32, 2)?);
        let name_end = 46 + name as usize;
        let extra_end = name_end + extra as usize;
        let mut entry = Self {
            name: String::from_utf8_lossy(bytes.get(46..name_end)?).into_owned(),
            flags: small(bytes, 8, 2)?,
            method: small(bytes, 10, 2)?,
            packed: small(bytes, 20, 4)?,
            length: small(bytes, 24, 4)?,
            local: small(bytes, 42, 4)?,
        };
        entry.widen(bytes.get(name_end..extra_end)?)?;
        Some((entry, bytes.get(extra_end + comment as usize..)?))
    }

    /// The 64-bit numbers in place of those that did not fit.
    fn widen(&mut self, mut extra: &[u8]) -> Option<()> {
        while let (Some(id), Some(length)) = (small(extra, 0, 2), small(extra, 2, 2)) {
            let field = extra.get(4..4 + length as usize)?;
            let mut numbers = field.chunks_exact(8).map(|bytes| small(bytes, 0, 8));
            if id == 1 {
                for number in [&mut self.length, &mut self.packed, &mut self.local] {
                    if *number == 0xffff_ffff {
                        *number = numbers.next()??;
                    }
                }
            }
            extra = &extra[4 + length as usize..];
        }
        Some(())
    }

    /// Where its bytes lie: behind a header of its own.
    fn range(&self, source: &(impl Source + ?Sized)) -> Result<(u64, u64)> {
        let bad = |why: &str| Refusal::damaged(format!("its entry `{}` {why}", plain(&self.name)));
        if self.flags & 1 != 0 || self.method != 0 || self.packed != self.length {
            let what =
                format!("is an archive with packed entries (`{}`), which torch does not write", plain(&self.name));
            return Err(Refusal { what, help: "unpack it; a model file may lie inside" });
        }
        let header = source.read(self.local, 30)?;
        let lengths = small(&header, 26, 2).zip(small(&header, 28, 2)).filter(|_| header.starts_with(LOCAL));
        let (name, extra) = lengths.ok_or_else(|| bad("does not lie where the list says"))?;
        let start = self.local + 30 + name + extra;
        match start.checked_add(self.length) {
            Some(end) if end <= source.size() => Ok((start, self.length)),
            _ => Err(bad("reaches beyond the file")),
        }
    }
}

/// An unsigned little-endian number of so many bytes.
fn small(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}
