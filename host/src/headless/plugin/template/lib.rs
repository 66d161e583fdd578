//! A plugin for Weft: one node, which changes the contrast of a picture. For a second node write another `struct` with
//! `impl Node`, and put it into the list behind `nodes` below.

use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, Tensor, export_plugin};

/// Moves colours away from grey, or towards it.
struct Contrast;

impl Node for Contrast {
    /// What people see of the node. In graphs it is called `my-plugin/Contrast`, for ever: what behaves otherwise gets
    /// another name.
    fn spec() -> NodeSpec {
        NodeSpec::new("Contrast", "image", "Makes light parts of a picture lighter and dark parts darker.")
            // A wire must lead here. An IMAGE is numbers from 0 to 1 in the shape [pictures, height, width, 3].
            .link("image", "IMAGE", "The picture.")
            // A slider: where it stands at first, the range that no value leaves, and its step.
            .param("amount", InputKind::float(1.5, (0.0, 4.0), 0.05), "1 leaves the picture as it is, 0 makes it grey.")
            .output("image", "IMAGE")
    }

    /// What the node does. The same inputs must give the same outputs, because Weft keeps them and does not call this
    /// again while nothing changes.
    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let image: Tensor = inputs.get("image")?;
        let amount: f32 = inputs.get("amount")?;
        // This only describes the result. Weft computes it when the node is done, on the GPU if there is one, and tells
        // then what went wrong on the way.
        let changed = (image - 0.5) * amount + 0.5;
        Ok(Record::new().with("image", changed.clip(0.0, 1.0)))
    }
}

export_plugin! { id: "my-plugin", nodes: [Contrast] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::TestRun;

    /// On a host in plain Rust: neither Weft nor a GPU is needed.
    #[test]
    fn light_becomes_lighter_and_dark_darker() -> Result<()> {
        let image = Tensor::from_slice(&[0.5f32, 0.625, 0.25], &[1, 1, 1, 3]);
        let outputs = TestRun::new().run::<Contrast>(&Record::new().with("image", image).with("amount", 2.0))?;
        assert_eq!(outputs.get::<Tensor>("image")?.to_vec::<f32>()?, [0.5, 0.75, 0.0]);
        Ok(())
    }
}
