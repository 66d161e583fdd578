use plugin_api::{Node, NodeSpec, Record, Result, Run, Tensor};

use crate::picture;

/// Shows a picture and keeps nothing.
pub struct PreviewImage;

impl Node for PreviewImage {
    fn spec() -> NodeSpec {
        NodeSpec::new("PreviewImage", "image", "Shows the first picture on the node, without saving it.")
            .link("image", "IMAGE", "What to show.")
            .sink()
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let image: Tensor = inputs.get("image")?;
        let [_, height, width] = picture::size(&image)?;
        run.preview(&image.narrow(0, 0, 1).reshape(&[height, width, 3]))?;
        Ok(Record::new())
    }
}
