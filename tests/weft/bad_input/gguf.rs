//! GGUF files whose header lies.

use super::{Case, Place, assert_all};

const F32: u32 = 0;
const Q4_0: u32 = 2;

/// Name, sides, type of numbers and offset of a tensor.
type Stored<'a> = (&'a str, &'a [u64], u32, u64);

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// A file of this version with `count` values, given as bytes, these tensors, and 64 bytes of numbers.
fn file(version: u32, (count, values): (u64, &[u8]), tensors: &[Stored<'_>]) -> Vec<u8> {
    let mut file = [b"GGUF".as_slice(), &version.to_le_bytes()].concat();
    file.extend([tensors.len() as u64, count].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(values);
    for (name, sides, kind, offset) in tensors {
        file.extend(text(name));
        file.extend((sides.len() as u32).to_le_bytes());
        file.extend(sides.iter().flat_map(|side| side.to_le_bytes()));
        file.extend(kind.to_le_bytes());
        file.extend(offset.to_le_bytes());
    }
    file.resize(file.len().next_multiple_of(32) + 64, 0);
    file
}

/// A value with this name, of this kind.
fn value(name: &str, kind: u32, bytes: &[u8]) -> Vec<u8> {
    [&text(name), &kind.to_le_bytes()[..], bytes].concat()
}

/// A run that loads the file as a diffusion model.
fn loaded(at: &Place, bytes: &[u8]) -> Vec<String> {
    at.write("models/diffusion_models/some.gguf", bytes);
    let graph = r#"Graph(format: 1, nodes: {
        "model": (kind: "model-loader/LoadDiffusionModel", inputs: { "path": "some.gguf" }),
        "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 64, "height": 64 }),
        "save": (kind: "model-merge/SaveModel", inputs: { "model": Link("model.model"), "name": "mix" }) })"#;
    [at.run(graph), ["--models", &at.path("models")].map(str::to_owned).to_vec()].concat()
}

fn of(at: &Place, tensors: &[Stored<'_>]) -> Vec<String> {
    loaded(at, &file(3, (0, b""), tensors))
}

#[test]
fn headers_that_lie() {
    assert_all(&[
        Case {
            name: "an older version",
            arrange: |at| loaded(at, &file(1, (0, b""), &[])),
            code: 6,
            says: &["some.gguf", "version 1", "versions 2 and 3", "node `model`", "help: make it again"],
        },
        Case {
            name: "a future version",
            arrange: |at| loaded(at, &file(9, (0, b""), &[])),
            code: 6,
            says: &["some.gguf", "version 9", "node `model`"],
        },
        Case {
            name: "a header of 2⁶⁰ tensors",
            arrange: |at| {
                let count = (1u64 << 60).to_le_bytes();
                loaded(at, &[b"GGUF\x03\0\0\0".as_slice(), &count, &[0; 100]].concat())
            },
            code: 6,
            says: &["some.gguf", "is damaged", "node `model`"],
        },
        Case {
            name: "a name that is longer than the file",
            arrange: |at| {
                loaded(
                    at,
                    &[b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &[0xff; 7], &[0; 50]].concat(),
                )
            },
            code: 6,
            says: &["some.gguf", "cut off within its header", "node `model`"],
        },
        Case {
            name: "a value of an unknown type",
            arrange: |at| loaded(at, &file(3, (1, &value("a", 77, b"")), &[])),
            code: 6,
            says: &["some.gguf", "unknown type 77", "node `model`"],
        },
        Case {
            name: "lists in lists without end",
            arrange: |at| {
                let list = [9u32.to_le_bytes().as_slice(), &1u64.to_le_bytes()].concat();
                loaded(at, &file(3, (1, &value("a", 9, &list.repeat(1000))), &[]))
            },
            code: 6,
            says: &["some.gguf", "is damaged", "node `model`"],
        },
        Case {
            name: "an alignment that is none",
            arrange: |at| loaded(at, &file(3, (1, &value("general.alignment", 4, &3u32.to_le_bytes())), &[])),
            code: 6,
            says: &["some.gguf", "alignment", "node `model`"],
        },
        Case {
            name: "a tensor twice",
            arrange: |at| of(at, &[("a", &[4], F32, 0), ("a", &[4], F32, 32)]),
            code: 6,
            says: &["some.gguf", "`a` twice", "node `model`"],
        },
        Case {
            name: "more axes than there are",
            arrange: |at| of(at, &[("a", &[1; 99], F32, 0)]),
            code: 6,
            says: &["some.gguf", "99 axes", "node `model`"],
        },
        Case {
            name: "numbers beyond the file",
            arrange: |at| of(at, &[("a", &[4096], F32, 0)]),
            code: 6,
            says: &["some.gguf", "`a` reaches beyond the file", "node `model`"],
        },
        Case {
            name: "an offset that wraps around",
            arrange: |at| of(at, &[("a", &[4], F32, u64::MAX - 8)]),
            code: 6,
            says: &["some.gguf", "`a` lies outside", "node `model`"],
        },
        Case {
            name: "a size that wraps around",
            arrange: |at| of(at, &[("a", &[1 << 40, 1 << 40], F32, 0)]),
            code: 6,
            says: &["some.gguf", "`a` is too large", "node `model`"],
        },
        Case {
            name: "half a block",
            arrange: |at| of(at, &[("a", &[33], Q4_0, 0)]),
            code: 6,
            says: &["some.gguf", "`a` has rows that are no whole blocks", "node `model`"],
        },
        Case {
            name: "packed in a way that nobody knows",
            arrange: |at| of(at, &[("a", &[32], 999, 0)]),
            code: 6,
            says: &["some.gguf", "node `model`", "help: "],
        },
        Case {
            name: "weights of nothing known",
            arrange: |at| of(at, &[("a", &[4], F32, 0)]),
            code: 6,
            says: &["unknown family", "node `model`"],
        },
    ]);
}
