use plugin_api::{Error, ErrorKind, Folder, InputKind, Node, NodeSpec, Record, Result, Run, Tensor};

use crate::decode::{self, Decoded};

/// A file above this size is not read at all.
const LARGEST_FILE: u64 = 2 << 30;

/// A picture from a file.
pub struct LoadImage;

impl Node for LoadImage {
    fn spec() -> NodeSpec {
        let file = InputKind::file(Folder::Input).extensions(&["png", "jpg", "jpeg", "webp"]);
        let help =
            "Reads a PNG, JPEG or WebP, turned as its EXIF says. The mask is 1 where the picture is transparent.";
        NodeSpec::new("LoadImage", "image", help)
            .required_param("file", file, "Beside the graph or below an --input folder.")
            .output("image", "IMAGE")
            .output("mask", "MASK")
    }

    fn run(_: &Run, inputs: &Record) -> Result<Record> {
        let path: String = inputs.get("file")?;
        let picture = read(&path).and_then(|bytes| decode::decode(&bytes)).map_err(|error| error.about(&path))?;
        let Decoded { width, height, rgb, mask } = picture;
        Ok(Record::new()
            .with("image", Tensor::from_slice(&rgb, &[1, height, width, 3]))
            .with("mask", Tensor::from_slice(&mask, &[1, height, width])))
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        Error::file(format!("the picture cannot be read: {error}")).help("check that the file is there and may be read")
    };
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST_FILE {
        return Err(
            Error::new(ErrorKind::Limit, "the picture's file is larger than 2 GiB").help("give a smaller picture")
        );
    }
    std::fs::read(path).map_err(unreadable)
}
