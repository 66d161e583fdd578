//! One node that sorts, and with the feature `newer` one that does it with an operation of 1.1.

use plugin_api::{export_plugin, Error, InputKind, Node, NodeSpec, Record, Result, Run, Tensor};

/// Writes the numbers of a text as they are sorted by an algorithm.
fn sorted(run: &Run, inputs: &Record, algorithm: fn(&Tensor) -> Tensor) -> Result<Record> {
    let text: String = inputs.get("numbers")?;
    let number = |word: &str| word.parse().map_err(|error| Error::invalid(format!("`{word}`: {error}")));
    let numbers = text.split(' ').map(number).collect::<Result<Vec<f32>>>()?;
    let sorted = algorithm(&Tensor::from_slice(&numbers, &[numbers.len() as i32])).to_vec::<f32>()?;
    run.write("sorted", "txt", format!("{sorted:?}").as_bytes())?;
    Ok(Record::new())
}

fn spec(name: &str) -> NodeSpec {
    let help = "Numbers with a space between them.";
    NodeSpec::new(name, "tests", "Sorts numbers.").param("numbers", InputKind::text("3 1 2"), help).sink()
}

struct Sort;

impl Node for Sort {
    fn spec() -> NodeSpec {
        spec("Sort")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        sorted(run, inputs, |numbers| numbers.take(&numbers.argsort(0), 0))
    }
}

/// Adds one to the largest number there is: with overflow checks it panics, which must not leave the plugin.
struct Overflow;

impl Node for Overflow {
    fn spec() -> NodeSpec {
        spec("Overflow")
    }

    fn run(_: &Run, inputs: &Record) -> Result<Record> {
        let length = inputs.get::<String>("numbers")?.len() as u8;
        let over = (u8::MAX - length) + length + u8::from(length > 0);
        Err(Error::failed(format!("{over} is no sum")))
    }
}

#[cfg(feature = "newer")]
struct SortAlong;

#[cfg(feature = "newer")]
impl Node for SortAlong {
    fn spec() -> NodeSpec {
        spec("SortAlong")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        sorted(run, inputs, |numbers| numbers.take_along_axis(&numbers.argsort(0), 0))
    }
}

#[cfg(not(feature = "newer"))]
export_plugin! { id: "other-rust", nodes: [Sort, Overflow] }

#[cfg(feature = "newer")]
export_plugin! { id: "other-rust", nodes: [Sort, Overflow, SortAlong] }
