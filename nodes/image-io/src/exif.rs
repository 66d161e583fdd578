//! The one EXIF field that holds a picture's graph where the format has no text chunks: UserComment.

/// TIFF tags, and the type of an offset and of plain bytes.
const EXIF_FOLDER: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;

/// An EXIF block (a big-endian TIFF) with nothing but this comment.
pub fn user_comment(text: &str) -> Vec<u8> {
    let comment = encoded(text);
    let folder_at = HEADER + FOLDER;
    let mut exif = b"MM\0\x2a\0\0\0\x08".to_vec();
    exif.extend(folder(EXIF_FOLDER, LONG, 1, folder_at));
    exif.extend(folder(USER_COMMENT, UNDEFINED, comment.len() as u32, folder_at + FOLDER));
    exif.extend(comment);
    exif
}

const HEADER: u32 = 8;
/// A folder of one entry: its count, the entry, and that no other folder follows.
const FOLDER: u32 = 2 + 12 + 4;

fn folder(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
    let entry = [&1u16.to_be_bytes()[..], &tag.to_be_bytes(), &kind.to_be_bytes(), &count.to_be_bytes()].concat();
    [&entry[..], &value.to_be_bytes(), &[0; 4]].concat()
}

/// Eight bytes that name the encoding, then the text.
fn encoded(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return [b"ASCII\0\0\0", text.as_bytes()].concat();
    }
    let wide = text.encode_utf16().flat_map(u16::to_be_bytes);
    b"UNICODE\0".iter().copied().chain(wide).collect()
}

#[cfg(test)]
mod tests {
    use super::user_comment;

    #[test]
    fn ascii_stays_and_other_text_becomes_utf16() {
        let exif = user_comment("ab");
        assert!(exif.ends_with(b"\x92\x86\0\x07\0\0\0\x0a\0\0\0\x2c\0\0\0\0ASCII\0\0\0ab"));
        assert!(user_comment("ü").ends_with(b"UNICODE\0\0\xfc"));
    }
}
