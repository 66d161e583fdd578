//! GGUF files against what the package `gguf` makes of them, and against damage.

use std::path::Path;

use proptest::prelude::*;
use safetensors::SafeTensors;
use weft_formats::gguf::{self, Packing};
use weft_formats::source::Source;
use weft_formats::{Dtype, float};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/packed").join(name)).unwrap()
}

fn numbers(bytes: &[u8], tensor: &gguf::Stored) -> Vec<f32> {
    let data = bytes.read(tensor.start, tensor.bytes).unwrap();
    match Packing::named(tensor.dtype) {
        Some(packing) => gguf::unpack(packing, &data),
        None => {
            let dtype = Dtype::named(tensor.dtype);
            data.chunks_exact(dtype.bytes().unwrap()).map(|number| float::read(dtype, number) as f32).collect()
        }
    }
}

#[test]
fn numbers_are_those_of_the_reference_in_every_bit() {
    let bytes = file("blocks.gguf");
    let header = gguf::read(bytes.as_slice()).unwrap();
    assert_eq!(header.metadata["general.name"], "some name");
    let expected = file("blocks.safetensors");
    let expected = SafeTensors::deserialize(&expected).unwrap();
    assert_eq!(header.tensors.len(), 14);
    for tensor in &header.tensors {
        let view = expected.tensor(&tensor.name).unwrap();
        assert_eq!(tensor.shape, view.shape(), "{}", tensor.name);
        let found: Vec<u8> = numbers(&bytes, tensor).iter().flat_map(|number| number.to_le_bytes()).collect();
        assert!(found == view.data(), "{}", tensor.name);
    }
}

/// A file without metadata and with one tensor, whose kind and sides are these.
fn one(kind: u32, sides: &[u64]) -> Vec<u8> {
    let axes = sides.iter().flat_map(|side| side.to_le_bytes()).collect::<Vec<_>>();
    let head = [b"GGUF".as_slice(), &3u32.to_le_bytes(), &1u64.to_le_bytes(), &0u64.to_le_bytes()].concat();
    let tensor = [&1u64.to_le_bytes()[..], b"w", &(sides.len() as u32).to_le_bytes(), &axes].concat();
    let mut file = [head, tensor, kind.to_le_bytes().to_vec(), vec![0; 8]].concat();
    file.resize(file.len().next_multiple_of(32) + 64, 0);
    file
}

#[test]
fn what_cannot_be_read_is_named() {
    assert_eq!(gguf::read(one(0, &[4, 4]).as_slice()).unwrap().tensors[0].shape, [4, 4]);
    let mut old = one(0, &[4]);
    old[4] = 1;
    let rows: [(Vec<u8>, &str); 9] = [
        (old, "version 1"),
        (one(16, &[256]), "packed as IQ2_XXS (`w`)"),
        (one(39, &[32]), "packed as MXFP4"),
        (one(99, &[32]), "packed as type 99"),
        (one(0, &[17]), "reaches beyond the file"),
        (one(0, &[1 << 40, 1 << 40]), "too large"),
        (one(2, &[33]), "no whole blocks"),
        (one(0, &[1, 1, 1, 1, 1]), "5 axes"),
        (one(0, &[4])[..40].to_vec(), "cut off within its header"),
    ];
    for (file, says) in rows {
        let what = gguf::read(file.as_slice()).unwrap_err().what;
        assert!(what.contains(says), "{says}: {what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_end_in_a_refusal_or_in_tensors_that_lie_in_them(
        changes in prop::collection::vec((0usize..1200, any::<u8>()), 1..6),
        length in prop::sample::select(vec![400usize, 1000, usize::MAX]),
    ) {
        let mut bytes = file("blocks.gguf");
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes.truncate(length);
        if let Ok(header) = gguf::read(bytes.as_slice()) {
            for tensor in header.tensors {
                prop_assert!(tensor.start + tensor.bytes as u64 <= bytes.len() as u64);
            }
        }
    }
}
