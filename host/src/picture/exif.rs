//! The texts of an EXIF block, which is a TIFF without pixels: folders of entries that point at their values.

use super::{GRAPH, NODES, PARAMETERS, SOFTWARE, Text, parameters};

const IMAGE_DESCRIPTION: u16 = 0x010e;
const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const SOFTWARE_TAG: u16 = 0x0131;
const EXIF_FOLDER: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;
/// Bytes, text, and bytes of no type: the values that are read.
const BYTES: [u16; 3] = [1, 2, 7];

/// What the block says. A damaged one says as much as can be read.
pub fn texts(block: &[u8]) -> Vec<Text> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let Some(tiff) = Tiff::new(block) else { return Vec::new() };
    let first = tiff.u32(4).unwrap_or_default();
    let software = tiff.entry(first, SOFTWARE_TAG).map(|entry| plain(entry.value));
    let software = software.map(|text| Text { keyword: SOFTWARE.to_owned(), text });
    // ComfyUI keeps its JSON where a camera's name would stand.
    let json = [MODEL, MAKE, IMAGE_DESCRIPTION].into_iter().filter_map(|tag| nodes(tiff.entry(first, tag)?.value));
    let second = tiff.entry(first, EXIF_FOLDER).and_then(|entry| tiff.u32(entry.at + 8));
    let comment = second.and_then(|folder| tiff.entry(folder, USER_COMMENT));
    let comment = comment.map(|entry| user_comment(entry.value, tiff.is_big));
    comment.into_iter().chain(json).chain(software).collect()
}

struct Tiff<'a> {
    bytes: &'a [u8],
    is_big: bool,
}

struct Entry<'a> {
    at: usize,
    /// Empty where it is no text.
    value: &'a [u8],
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"MM\0\x2a" => Some(Self { bytes, is_big: true }),
            b"II\x2a\0" => Some(Self { bytes, is_big: false }),
            _ => None,
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) })
    }

    /// The entry of this tag in the folder at `offset`. A tag stands there once.
    fn entry(&self, offset: u32, tag: u16) -> Option<Entry<'a>> {
        let folder = offset as usize;
        let count = usize::from(self.u16(folder)?);
        let at = (0..count).map(|index| folder + 2 + 12 * index).find(|at| self.u16(*at) == Some(tag))?;
        let (kind, count) = (self.u16(at + 2)?, self.u32(at + 4)? as usize);
        // Four bytes stand in the entry itself.
        let start = if count <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
        let value = start.checked_add(count).and_then(|end| self.bytes.get(start..end)).unwrap_or_default();
        Some(Entry { at, value: if BYTES.contains(&kind) { value } else { &[] } })
    }
}

/// `prompt:{…}`.
fn nodes(value: &[u8]) -> Option<Text> {
    let text = plain(value)?;
    let (keyword, json) = text.split_once(':')?;
    let is_nodes = keyword.eq_ignore_ascii_case(NODES) && json.trim_start().starts_with('{');
    is_nodes.then(|| Text { keyword: NODES.to_owned(), text: Some(json.to_owned()) })
}

/// Graphs, parameters and JSON share the one field, so that the text itself says which one it is.
fn user_comment(value: &[u8], is_big: bool) -> Text {
    let text = match value {
        [b'U', b'N', b'I', b'C', b'O', b'D', b'E', 0, text @ ..] => wide(text, is_big),
        [b'A', b'S', b'C', b'I', b'I', 0, 0, 0, text @ ..] | [0, 0, 0, 0, 0, 0, 0, 0, text @ ..] => plain(text),
        text => plain(text),
    };
    let keyword = match &text {
        Some(text) if is_graph(text) => GRAPH,
        Some(text) if text.trim_start().starts_with('{') => NODES,
        Some(text) if parameters::read(text).is_some() => PARAMETERS,
        _ => "UserComment",
    };
    Text { keyword: keyword.to_owned(), text }
}

/// Whether `Graph(` stands behind the comments at the top.
fn is_graph(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.next().is_some_and(|line| line.starts_with("Graph("))
}

fn plain(bytes: &[u8]) -> Option<String> {
    String::from_utf8(without_zeros(bytes).to_vec()).ok()
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// UTF-16. Programs differ in the order of its bytes whatever the block's own order is, and some write UTF-8.
fn wide(bytes: &[u8], is_big: bool) -> Option<String> {
    if !without_zeros(bytes).contains(&0) {
        return plain(bytes);
    }
    let read = |from: fn([u8; 2]) -> u16| bytes.as_chunks().0.iter().map(|pair| from(*pair)).collect::<Vec<u16>>();
    let (big, little) = (read(u16::from_be_bytes), read(u16::from_le_bytes));
    let letters = |text: &[u16]| text.iter().filter(|unit| (1..0x80).contains(*unit)).count();
    let is_big = match letters(&big).cmp(&letters(&little)) {
        std::cmp::Ordering::Equal => is_big,
        order => order.is_gt(),
    };
    let text = String::from_utf16(if is_big { &big } else { &little }).ok()?;
    Some(text.trim_start_matches('\u{feff}').trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of one comment, with either order of bytes.
    fn block(is_big: bool, comment: &[u8]) -> Vec<u8> {
        let two = |number: u16| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        let four = |number: u32| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        let folder = |tag: u16, kind: u16, count: u32, value: u32| {
            [&two(1)[..], &two(tag), &two(kind), &four(count), &four(value), &four(0)].concat()
        };
        let mut block = if is_big { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
        block.extend(four(8));
        block.extend(folder(EXIF_FOLDER, 4, 1, 26));
        block.extend(folder(USER_COMMENT, 7, comment.len() as u32, 44));
        block.extend(comment);
        block
    }

    fn wide(text: &str, to: fn(u16) -> [u8; 2]) -> Vec<u8> {
        b"UNICODE\0".iter().copied().chain(text.encode_utf16().flat_map(to)).collect()
    }

    #[test]
    fn comments_of_every_encoding() {
        let text = "// Füchse\nGraph(\n)\n";
        for is_big in [true, false] {
            let comments = [
                wide(text, u16::to_be_bytes),
                wide(text, u16::to_le_bytes),
                [b"UNICODE\0", text.as_bytes()].concat(),
                [b"ASCII\0\0\0", text.as_bytes()].concat(),
                [b"\0\0\0\0\0\0\0\0", text.as_bytes(), b"\0\0"].concat(),
            ];
            for comment in comments {
                let expected = [Text { keyword: "weft".to_owned(), text: Some(text.to_owned()) }];
                assert_eq!(texts(&block(is_big, &comment)), expected);
                assert_eq!(texts(&[b"Exif\0\0", block(is_big, &comment).as_slice()].concat()), expected);
            }
        }
    }

    #[test]
    fn damaged_blocks_end_early() {
        let whole = block(true, b"ASCII\0\0\0Graph(\n)");
        for length in 0..whole.len() {
            assert!(texts(&whole[..length]).iter().all(|text| text.text.as_deref() != Some("Graph(\n)")));
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut spoiled = whole.clone();
                spoiled[at] = byte;
                texts(&spoiled);
            }
        }
        assert_eq!(texts(&block(true, b"ASCII\0\0\0\xff\xfe"))[0].text, None);
        assert_eq!(texts(&block(true, b"UNICODE\0\xd8\0\0a"))[0].text, None);
    }
}
