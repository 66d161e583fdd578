//! Outputs that are not what the node declares.

use plugin_api::{Dtype, Error, Node, NodeSpec, Opaque, Payload, Record, Result, Run, Tensor, Value};

use crate::{Thing, node, what};

/// A value of another kind than declared.
struct Other;

impl Payload for Other {
    const KIND: &'static str = "hostile/OTHER";
}

fn zeros(shape: &[i32]) -> Value {
    Tensor::zeros(shape, Dtype::Float32).into()
}

/// `[1, side, side, 3]`, from black to white: a picture of one colour would not be saved.
pub fn picture(side: i32) -> Tensor {
    let count = side * side * 3;
    let numbers: Vec<f32> = (0..count).map(|index| index as f32 / count as f32).collect();
    Tensor::from_slice(&numbers, &[1, side, side, 3])
}

fn filled(shape: &[i32], value: f32) -> Value {
    Tensor::full(shape, value, Dtype::Float32).into()
}

/// What can be wrong with any output. `sound` is one that is right.
fn common(what: &str, sound: Value) -> Value {
    match what {
        "text" => "a text".into(),
        "null" => Value::null(),
        "list" => [sound].as_slice().into(),
        "opaque" => Opaque::new(Other).into(),
        "failed" => Tensor::failed(Error::failed("it failed on the way")).into(),
        _ => sound,
    }
}

macro_rules! wrong {
    ($($(#[$doc:meta])* $name:ident, $output:literal, $kind:literal, $sound:expr, { $($what:literal => $value:expr),* $(,)? })*) => { $(
        $(#[$doc])*
        pub struct $name;

        impl Node for $name {
            fn spec() -> NodeSpec {
                let faults = ["missing", "extra", "text", "null", "list", "opaque", "failed", "sound" $(, $what)*];
                node(stringify!($name), &faults).output($output, $kind)
            }

            fn run(_run: &Run, inputs: &Record) -> Result<Record> {
                let what = what(inputs)?;
                let sound: Value = $sound;
                let value = match what.as_str() {
                    "missing" => return Ok(Record::new().with("another", sound)),
                    "extra" => return Ok(Record::new().with($output, sound).with("another", 1_i64)),
                    $($what => $value,)*
                    other => common(other, sound),
                };
                Ok(Record::new().with($output, value))
            }
        }
    )* };
}

wrong! {
    /// IMAGE.
    Image, "image", "IMAGE", picture(2).into(), {
        "two axes" => zeros(&[64, 64]),
        "four colours" => zeros(&[1, 2, 2, 4]),
        "no pixels" => zeros(&[1, 0, 2, 3]),
        "NaN" => filled(&[1, 2, 2, 3], f32::NAN),
        "infinity" => filled(&[1, 2, 2, 3], f32::INFINITY),
        "huge" => filled(&[1, 2, 2, 3], f32::MAX),
        "shapes that do not fit" => (Tensor::zeros(&[2], Dtype::Float32) + Tensor::zeros(&[3], Dtype::Float32)).into(),
    }
    /// MASK.
    Mask, "mask", "MASK", zeros(&[1, 2, 2]), {
        "two axes" => zeros(&[2, 2]),
        "NaN" => filled(&[1, 2, 2], f32::NAN),
    }
    /// LATENT.
    Latent, "latent", "LATENT", Record::new().with("samples", zeros(&[1, 16, 8, 8])).into(), {
        "no samples" => Record::new().with("noise_mask", zeros(&[1, 8, 8])).into(),
        "three axes" => Record::new().with("samples", zeros(&[16, 8, 8])).into(),
        "samples of text" => Record::new().with("samples", "many").into(),
        "NaN" => Record::new().with("samples", filled(&[1, 16, 8, 8], f32::NAN)).into(),
        "a wrong mask" => Record::new().with("samples", zeros(&[1, 16, 8, 8])).with("noise_mask", zeros(&[8])).into(),
        "a tensor" => zeros(&[1, 16, 8, 8]),
    }
    /// CONDITIONING.
    Conditioning, "conditioning", "CONDITIONING", Record::new().with("embeds", zeros(&[1, 4, 8])).into(), {
        "no embeds" => Record::new().into(),
        "two axes" => Record::new().with("embeds", zeros(&[4, 8])).into(),
        "infinity" => Record::new().with("embeds", filled(&[1, 4, 8], f32::INFINITY)).into(),
    }
    /// A kind of its own.
    Own, "own", "hostile/THING", Opaque::new(Thing(1_u8)).into(), {}
}
