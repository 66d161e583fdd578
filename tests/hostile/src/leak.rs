//! Handles that are never given back, and a node that does nothing wrong.

use plugin_api::{Dtype, Node, NodeSpec, Opaque, Record, Result, Run, Tensor, Value};

use crate::{Thing, node, unknown, what};

pub struct Keep;

impl Node for Keep {
    fn spec() -> NodeSpec {
        node("Keep", &["tensors", "values", "inputs", "run"]).output("number", "INT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let what = what(inputs)?;
        match what.as_str() {
            "tensors" => (0..3).for_each(|_| std::mem::forget(Tensor::zeros(&[4], Dtype::Float32))),
            "values" => std::mem::forget(Value::from("a text that stays")),
            "inputs" => std::mem::forget(inputs.clone()),
            "run" => crate::threads::keep(run),
            _ => return unknown(&what),
        }
        Ok(Record::new().with("number", 1_i64))
    }
}

/// Makes and drops a few of everything, as nodes do.
pub struct Sound;

impl Node for Sound {
    fn spec() -> NodeSpec {
        node("Sound", &["nothing"]).output("image", "IMAGE").output("thing", "hostile/THING")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let image = crate::wrong::picture(8) * 0.5 + 0.25;
        run.progress(1, 2, Some(&image))?;
        run.preview(&image.reshape(&[8, 8, 3]))?;
        run.note("all is well");
        let list = [Value::from(what(inputs)?), Value::from(&image), run.info().into()];
        let thing = Opaque::new(Thing(Value::from(list.as_slice())));
        Ok(Record::new().with("image", image).with("thing", thing))
    }
}
