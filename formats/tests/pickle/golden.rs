//! What torch saved against the same tensors as safetensors. `tests/reference/make_pth.py` made both.

use std::path::Path;

use safetensors::SafeTensors;
use weft_formats::pickle::{self, Stored, gather};

pub fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/pth")
}

/// `(name, type, shape, numbers)` of each tensor, by name.
type Content = Vec<(String, String, Vec<usize>, Vec<u8>)>;

fn content(bytes: &[u8], tensors: &[Stored]) -> Content {
    let numbers = |tensor: &Stored| {
        let start = tensor.start as usize;
        let data = &bytes[start..start + tensor.bytes];
        let width = tensor.dtype.trim_start_matches(char::is_alphabetic).parse::<usize>().map_or(1, |bits| bits / 8);
        match &tensor.strides {
            Some(strides) => gather(data, width, &tensor.shape, strides),
            None => data.to_vec(),
        }
    };
    tensors.iter().map(|t| (t.name.clone(), t.dtype.to_owned(), t.shape.clone(), numbers(t))).collect()
}

fn expected(name: &str) -> Content {
    let bytes = std::fs::read(folder().join(format!("{name}.safetensors"))).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut content: Content = file
        .iter()
        .map(|(name, view)| (name.to_owned(), view.dtype().to_string(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    content.sort();
    content
}

#[test]
fn every_file_of_torch_holds_the_same_as_its_safetensors_file() {
    let mut compared = 0;
    for entry in std::fs::read_dir(folder()).unwrap().flatten() {
        let file = entry.file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".pth") else { continue };
        let name = name.split('.').next().unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(pickle::is_torch(&bytes), "{file}");
        let tensors = pickle::tensors(bytes.as_slice()).unwrap_or_else(|error| panic!("{file}: {error:?}"));
        assert_eq!(content(&bytes, &tensors), expected(name), "{file}");
        compared += 1;
    }
    assert_eq!(compared, 28);
}

#[test]
fn views_share_one_storage() {
    let bytes = std::fs::read(folder().join("views.zip.pth")).unwrap();
    let tensors = pickle::tensors(bytes.as_slice()).unwrap();
    let find = |name: &str| tensors.iter().find(|tensor| tensor.name == name).unwrap();
    assert_eq!(find("whole").start + 20 * 4, find("rows").start);
    assert_eq!(find("rows").strides, None);
    assert_eq!(find("transposed").strides, Some(vec![4, 40]));
}

#[test]
fn a_header_s_length_is_no_pickle() {
    for head in [&b"\x80\x02}q\0(X\x05"[..], b"\x80\x04\x95\0\0\0\0", b"PK\x03\x04"] {
        assert!(pickle::is_torch(head));
    }
    for length in [640u64, 896, 1152, 1408] {
        assert!(!pickle::is_torch(&[&length.to_le_bytes()[..], b"{\"a\""].concat()), "{length}");
    }
}
