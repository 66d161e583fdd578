//! Files that torch saves: read as data, so that none of them does anything.

use std::path::Path;

use safetensors::SafeTensors;

use super::{Case, Place, assert_all, end};
use crate::program::{command, golden};

const TRANSFORMER: &str = "models/model/transformer/diffusion_pytorch_model.safetensors";
/// What marks torch's old format, its version, and an empty description of the machine.
const OLD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";

/// A model whose transformer is a file of torch's old format around this pickle.
fn old(at: &Place, pickle: &[u8]) -> Vec<String> {
    let arguments = at.own_model("plain");
    at.write(TRANSFORMER, [OLD, b"\x80\x02", pickle, b".\x80\x02]."].concat());
    arguments
}

/// A function called with a text.
fn call(function: &str, argument: &str) -> Vec<u8> {
    let text = [&(argument.len() as u32).to_le_bytes(), argument.as_bytes()].concat();
    [b"c", function.as_bytes(), b"\nX", &text, b"\x85R"].concat()
}

#[test]
fn files_that_are_more_than_data() {
    assert_all(&[
        Case {
            name: "a command",
            arrange: |at| old(at, &call("os\nsystem", "true")),
            code: 6,
            says: &[
                "diffusion_pytorch_model.safetensors asks for `os.system`",
                "node `model`",
                "use a .safetensors file",
            ],
        },
        Case {
            name: "code as text",
            arrange: |at| old(at, &call("builtins\nexec", "1")),
            code: 6,
            says: &["asks for `builtins.exec`", "not data"],
        },
        Case {
            name: "a class of numpy",
            arrange: |at| old(at, &call("numpy.core.multiarray\nscalar", "f8")),
            code: 6,
            says: &["asks for `numpy.core.multiarray.scalar`"],
        },
        Case {
            name: "an object",
            arrange: |at| old(at, b"ccollections\nOrderedDict\n)\x81"),
            code: 6,
            says: &["makes objects (NEWOBJ)"],
        },
        Case { name: "no tensors", arrange: |at| old(at, b"}"), code: 6, says: &["holds no tensors", "node `model`"] },
        Case {
            name: "a pickle that torch did not write",
            arrange: |at| {
                let arguments = at.own_model("plain");
                at.write(TRANSFORMER, b"\x80\x02}q\0.                    ");
                arguments
            },
            code: 6,
            says: &["is a pickle", "not one that torch.save wrote", "help: "],
        },
        Case {
            name: "half an archive",
            arrange: |at| {
                let arguments = at.own_model("plain");
                let whole = std::fs::read(golden("pth/flat.zip.pth")).expect("a golden file");
                at.write(TRANSFORMER, &whole[..whole.len() / 2]);
                arguments
            },
            code: 6,
            says: &["incomplete download", "node `model`"],
        },
        Case {
            name: "weights of another family",
            arrange: |at| {
                let arguments = at.own_model("plain");
                std::fs::copy(golden("pth/flat.zip.pth"), at.path(TRANSFORMER)).expect("a golden file");
                arguments
            },
            code: 6,
            says: &["unknown family", "node `model`"],
        },
    ]);
}

#[test]
fn a_file_that_would_create_another_creates_none() {
    for function in ["os\nsystem", "posix\nsystem", "subprocess\ngetoutput"] {
        let at = Place::new();
        let canary = at.path("canary");
        let arguments = old(&at, &call(function, &format!("touch {canary}")));
        let said = end(&mut command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())).expect("it ends");
        assert_eq!(said.code, Some(6), "{}", said.stderr);
        assert!(said.stderr.contains(&function.replace('\n', ".")), "{}", said.stderr);
        assert!(!Path::new(&canary).exists(), "{function} ran");
    }
}

/// A safetensors file in torch's old format.
fn as_torch(path: &str) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a golden model");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let (mut object, mut keys, mut storages) = (b"}(".to_vec(), b"](".to_vec(), Vec::new());
    for (index, (name, view)) in file.iter().enumerate() {
        assert_eq!(view.dtype(), safetensors::Dtype::F32);
        let count = view.data().len() / 4;
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        let strides: Vec<i64> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
        let key = text(&index.to_string());
        object.extend([text(name), b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(), text("storage")].concat());
        object.extend([b"ctorch\nFloatStorage\n".to_vec(), key.clone(), text("cpu"), int(count as i64)].concat());
        object.extend([b"tQK\0".to_vec(), tuple(&shape), tuple(&strides), b"\x89}tR".to_vec()].concat());
        keys.extend(key);
        storages.extend([&(count as u64).to_le_bytes(), view.data()].concat());
    }
    [OLD, b"\x80\x02", &object, b"u.\x80\x02", &keys, b"e.", &storages].concat()
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(number: i64) -> Vec<u8> {
    [b"J", &(number as i32).to_le_bytes()[..]].concat()
}

fn tuple(numbers: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().flat_map(|number| int(*number)).collect(), b"t".to_vec()].concat()
}

#[test]
fn a_model_as_torch_saves_it_draws_the_same_picture() {
    let drawn = |change: fn(&Place)| {
        let at = Place::new();
        let arguments = at.own_model("plain");
        change(&at);
        let said = end(&mut command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())).expect("it ends");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        image::open(at.path("out/fox.png")).expect("the picture").to_rgb8()
    };
    let as_pth = |at: &Place| {
        for part in ["transformer", "vae"] {
            let path = at.path(&format!("models/model/{part}/diffusion_pytorch_model"));
            let file = as_torch(&format!("{path}.safetensors"));
            std::fs::write(format!("{path}.bin"), file).expect("a file");
            std::fs::remove_file(format!("{path}.safetensors")).expect("a golden model");
        }
    };
    assert!(drawn(|_| {}) == drawn(as_pth));
}
