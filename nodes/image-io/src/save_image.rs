use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, Tensor};

use crate::metadata::{self, Metadata};
use crate::picture::{self, Picture};
use crate::{encode, exif};

/// Pictures into files.
pub struct SaveImage;

impl Node for SaveImage {
    fn spec() -> NodeSpec {
        NodeSpec::new("SaveImage", "image", "Writes each picture to a file below the output folder.")
            .link("image", "IMAGE", "What to save.")
            .optional_link("mask", "MASK", "Where it is 1 the picture gets transparent; LoadImage's. Not in a jpeg.")
            .param("name", InputKind::text("image"), "File name without ending; may have folders, as in a/b.")
            .param("format", InputKind::choice(&["png", "jpeg", "webp"]), "png and webp lose nothing.")
            .param("quality", InputKind::int(90, (1, 100)), "Of a jpeg; png and webp lose nothing.")
            .param("metadata", InputKind::choice(&["graph", "none"]), "graph: the picture can be run again.")
            .output("path", "TEXT")
            .sink()
    }

    /// The paths of several pictures are joined by line ends.
    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let name: String = inputs.get("name")?;
        let mask = inputs.find::<Tensor>("mask")?;
        let pictures = picture::pictures(&inputs.get::<Tensor>("image")?, mask.as_ref())?;
        if mask.is_some() && inputs.get::<String>("format")? == "jpeg" {
            run.note("a JPEG has no transparency: the mask is left out; png and webp keep it");
        }
        let write = |(index, picture)| {
            let (extension, bytes) = file(run, inputs, picture, index)?;
            run.write(&name, extension, &bytes)
        };
        let paths: Vec<String> = pictures.iter().enumerate().map(write).collect::<Result<_>>()?;
        Ok(Record::new().with("path", paths.join("\n")))
    }
}

fn file(run: &Run, inputs: &Record, picture: &Picture, index: usize) -> Result<(&'static str, Vec<u8>)> {
    let metadata = match inputs.get::<String>("metadata")?.as_str() {
        "none" => None,
        _ => metadata::of(&run.info(), picture, index)?.or_else(|| left_out(run, "8 MiB of text")),
    };
    let metadata = metadata.as_ref();
    Ok(match inputs.get::<String>("format")?.as_str() {
        "jpeg" => ("jpg", jpeg(run, inputs, picture, metadata)?),
        "webp" => ("webp", encode::webp(picture, metadata)?),
        _ => ("png", encode::png(picture, metadata)?),
    })
}

fn jpeg(run: &Run, inputs: &Record, picture: &Picture, metadata: Option<&Metadata>) -> Result<Vec<u8>> {
    if metadata.is_some_and(|metadata| exif::user_comment(&metadata.graph).len() > encode::LARGEST_EXIF) {
        left_out(run, "the 64 KiB of a JPEG");
    }
    encode::jpeg(picture, inputs.get::<i64>("quality")? as u8, metadata)
}

fn left_out(run: &Run, limit: &str) -> Option<Metadata> {
    run.note(&format!("the graph is larger than {limit}: the picture was saved without it"));
    None
}
