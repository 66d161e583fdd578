//! Files with packed numbers against what the reference makes of them, bit for bit.

use std::path::{Path, PathBuf};

use plugin_api::{Dtype, View};
use safetensors::SafeTensors;

use super::{Weights, open, quantize};
use crate::table::{mlx, to_bytes};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/packed").join(name)
}

fn numbers(weights: &Weights, name: &str) -> Vec<f32> {
    let array = weights.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(array.dtype(), mlx_rs::Dtype::Float32, "{name}");
    array.try_as_slice::<f32>().unwrap().to_vec()
}

/// Compares every tensor of a file in float32.
fn check(file: &str, expected: &str) {
    mlx::start(None).unwrap();
    let weights = open(&golden(file)).unwrap().cast(Dtype::Float32);
    let bytes = std::fs::read(golden(expected)).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let names: Vec<&str> = weights.entries().iter().map(|entry| entry.name.as_str()).collect();
    let mut all: Vec<&str> = expected.iter().map(|(name, _)| name).collect();
    all.sort_unstable();
    assert_eq!(names, all);
    for (name, view) in expected.iter() {
        let shape: Vec<usize> = weights.find(name).unwrap().shape.iter().map(|side| *side as usize).collect();
        assert_eq!(shape, view.shape(), "{name}");
        let found: Vec<u8> = numbers(&weights, name).iter().flat_map(|number| number.to_le_bytes()).collect();
        assert!(found == view.data(), "{name}");
    }
}

#[test]
fn packed_numbers_are_those_of_the_reference() {
    check("blocks.gguf", "blocks.safetensors");
    check("float8.safetensors", "float8.expected.safetensors");
}

#[test]
fn packed_matrices_stay_packed_and_mean_the_same() {
    mlx::start(None).unwrap();
    let weights = open(&golden("affine.safetensors")).unwrap();
    let bytes = std::fs::read(golden("affine.expected.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    for bits in [3, 4, 6, 8] {
        let name = format!("bits{bits}.weight");
        assert_eq!(weights.find(&name).unwrap().shape, [4, 128]);
        let array = weights.tensor(&name).unwrap().as_dtype(mlx_rs::Dtype::Float32).unwrap();
        let found: Vec<u8> = array.try_as_slice::<f32>().unwrap().iter().flat_map(|x| x.to_le_bytes()).collect();
        assert!(found == expected.tensor(&name).unwrap().data(), "{bits} bits");
    }
    assert!(weights.find("bits4.scales").is_none());
}

/// As quantize-on-load and SaveModel pack them: the same words, scales and biases as MLX's own.
#[test]
fn matrices_are_packed_as_mlx_packs_them() {
    mlx::start(None).unwrap();
    let whole = open(&golden("affine.whole.safetensors")).unwrap();
    let bytes = std::fs::read(golden("affine.safetensors")).unwrap();
    let packed = SafeTensors::deserialize(&bytes).unwrap();
    let expected = std::fs::read(golden("affine.expected.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    for bits in [3, 4, 6, 8] {
        let name = format!("bits{bits}.weight");
        // From the file's own type and from float32, with scales rounded to that type.
        for dtype in [Dtype::Bfloat16, Dtype::Float32] {
            let parts = quantize(&whole.cast(dtype).tensor(&name).unwrap(), bits).unwrap();
            let types = [Dtype::Uint32, Dtype::Bfloat16, Dtype::Bfloat16];
            for ((part, dtype), end) in parts.iter().zip(types).zip(["weight", "scales", "biases"]) {
                let found = to_bytes(part, dtype).unwrap();
                assert!(found == packed.tensor(&format!("bits{bits}.{end}")).unwrap().data(), "{bits} bits: {end}");
            }
        }
        let read = whole.quantize(bits).tensor(&name).unwrap();
        let found = to_bytes(&read, Dtype::Float32).unwrap();
        assert!(found == expected.tensor(&name).unwrap().data(), "{bits} bits when read");
    }
}

#[test]
fn axes_change_their_places() {
    mlx::start(None).unwrap();
    let weights = open(&golden("affine.whole.safetensors")).unwrap().cast(Dtype::Float32);
    let name = "bits4.weight";
    let turned = weights.transpose(name, &[1, 0]).unwrap();
    assert_eq!(turned.find(name).unwrap().shape, [128, 4]);
    let (before, after) = (numbers(&weights, name), numbers(&turned, name));
    assert!((0..512).all(|at| after[at] == before[at % 4 * 128 + at / 4]));
    assert!(numbers(&turned.transpose(name, &[1, 0]).unwrap(), name) == before);
    for axes in [&[0][..], &[0, 0], &[0, 2], &[0, 1, 2]] {
        assert!(weights.transpose(name, axes).is_err(), "{axes:?}");
    }
    let packed = open(&golden("affine.safetensors")).unwrap();
    assert!(packed.transpose(name, &[1, 0]).unwrap_err().message.contains("is packed"));
    assert!(weights.transpose("gone", &[0]).is_err());
}

#[test]
fn rows_of_packed_tensors_are_rows_of_their_numbers() {
    mlx::start(None).unwrap();
    for (file, name) in [
        ("blocks.gguf", "Q4_K"),
        ("blocks.gguf", "Q5_1"),
        ("blocks.gguf", "F16"),
        ("float8.safetensors", "rows.weight"),
        ("float8.safetensors", "old.weight"),
        ("affine.safetensors", "bits6.weight"),
    ] {
        let weights = open(&golden(file)).unwrap().cast(Dtype::Float32);
        let shape = &weights.find(name).unwrap().shape;
        let rows = |first_row: usize, rows: i32| View {
            name: "part".to_owned(),
            of: name.to_owned(),
            first_row,
            shape: vec![rows, shape[1]],
        };
        let part = weights.views([rows(1, 2)].into_iter()).unwrap();
        let columns = shape[1] as usize;
        assert!(numbers(&part, "part") == numbers(&weights, name)[columns..3 * columns], "{name}");
        for view in [rows(1, shape[0]), rows(usize::MAX, 1), View { shape: vec![-1], ..rows(0, 1) }] {
            assert!(weights.views([view].into_iter()).is_err(), "{name}");
        }
    }
}
