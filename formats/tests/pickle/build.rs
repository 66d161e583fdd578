//! Torch files made by hand.

/// The archive that holds this pickle and a storage `0` of eight float32.
pub fn archive(pickle: &[u8]) -> Vec<u8> {
    zip(&[("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/data/0", &[0; 32])])
}

/// The old format with this pickle and no storage.
pub fn legacy(pickle: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    [magic, &b"\x80\x02M\xe9\x03."[..], b"\x80\x02}q\0.", pickle, b"\x80\x02]q\0."].concat()
}

pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut list) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let at = file.len() as u32;
        let fields = [&[0u8; 10][..], &[0; 4], &sizes(data, name)].concat();
        file.extend([b"PK\x03\x04\0\0".as_slice(), &fields[2..], name.as_bytes(), data].concat());
        list.extend(
            [b"PK\x01\x02\0\0\0\0".as_slice(), &fields[2..], &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (start, length) = ((file.len() as u32).to_le_bytes(), (list.len() as u32).to_le_bytes());
    [file, list, b"PK\x05\x06\0\0\0\0".to_vec(), [count, count].concat(), length.to_vec(), start.to_vec(), vec![0; 2]]
        .concat()
}

/// Both sizes, the name's length and that of nothing behind it.
fn sizes(data: &[u8], name: &str) -> Vec<u8> {
    let size = (data.len() as u32).to_le_bytes();
    [&size[..], &size, &(name.len() as u16).to_le_bytes(), &[0; 2]].concat()
}

/// A pickle of `{"w": tensor}` over storage 0. `shape` and `strides` as opcodes.
pub fn tensor(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let head =
        b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x08tQ";
    [head, offset, shape, strides, b"\x89)tRs."].concat()
}
