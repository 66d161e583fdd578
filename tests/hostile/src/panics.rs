//! Panics with every payload, in a node, in what fills a folder, and where a value of its own is dropped.

use plugin_api::{Dtype, InputKind, Node, NodeSpec, Opaque, Record, Result, Run, Tensor, TensorInfo};

use crate::{Thing, node, what};

pub const PAYLOADS: [&str; 4] = ["text", "literal", "anything", "dropping"];

/// A payload that panics again when somebody drops it.
struct Dropping;

impl Drop for Dropping {
    fn drop(&mut self) {
        panic!("a payload's drop");
    }
}

/// Panics with this payload.
pub fn panic_with(payload: &str) -> ! {
    match payload {
        "text" => panic!("as the test asks: {payload}"),
        "literal" => panic!("as the test asks"),
        "anything" => std::panic::panic_any(7_u8),
        _ => std::panic::panic_any(Dropping),
    }
}

pub fn payload() -> InputKind {
    InputKind::choice(&PAYLOADS)
}

/// A panic in the node itself.
pub struct Panic;

impl Node for Panic {
    fn spec() -> NodeSpec {
        node("Panic", &PAYLOADS)
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        panic_with(&what(inputs)?)
    }
}

/// A panic while a folder is filled, or while a tensor for one of its files is made.
pub struct Folder;

impl Node for Folder {
    fn spec() -> NodeSpec {
        node("Folder", &["fill", "tensor"]).param("payload", payload(), "")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let (what, payload) = (what(inputs)?, inputs.get::<String>("payload")?);
        run.write_folder("half", |folder| {
            folder.write("first.txt", b"half of it")?;
            if what == "fill" {
                panic_with(&payload);
            }
            let tensor = |name: &str| TensorInfo {
                name: name.to_owned(),
                dtype: Some(Dtype::Float32),
                shape: vec![1],
                stored: String::new(),
            };
            folder.write_tensors("model.safetensors", &Record::new(), &[tensor("a"), tensor("b")], |index| {
                if index == 1 { panic_with(&payload) } else { Ok(Tensor::zeros(&[1], Dtype::Float32)) }
            })
        })?;
        Ok(Record::new())
    }
}

/// A value of its own kind whose drop panics.
pub struct Owned;

struct Owner(String);

impl Drop for Owner {
    fn drop(&mut self) {
        panic_with(&self.0);
    }
}

impl Node for Owned {
    fn spec() -> NodeSpec {
        node("Owned", &PAYLOADS).output("thing", "hostile/THING")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        Ok(Record::new().with("thing", Opaque::new(Thing(Owner(what(inputs)?)))))
    }
}
