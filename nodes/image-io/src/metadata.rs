//! What a picture says of itself: the graph it came from, in forms that we and other tools read, and that a machine
//! made it. Nothing that changes from run to run: the same graph gives the same bytes.

use plugin_api::{Record, Result};
use serde_json::json;

use crate::parameters;
use crate::picture::Picture;

/// A text chunk above this size is not read again, so it is not written either.
const LARGEST_TEXT: usize = 8 << 20;

/// The mark of IPTC for pictures that a trained model made.
pub const XMP: &str = concat!(
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>",
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">",
    "<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" ",
    "Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\"/>",
    "</rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
);

/// What goes into a picture file.
#[derive(Debug, Default)]
pub struct Metadata {
    /// The text of the graph; `weft run picture.png` runs it again.
    pub graph: String,
    /// JSON: which Weft made it, its size, and which picture of a batch it is.
    pub facts: String,
    /// What other tools show: prompt, steps, sampler, seed, size. Empty where the graph does not say.
    pub parameters: String,
}

/// The texts for picture `index` of a batch. None where the graph is too large to be kept.
pub fn of(info: &Record, picture: &Picture, index: usize) -> Result<Option<Metadata>> {
    let text = |key| -> Result<String> { Ok(info.find(key)?.unwrap_or_default()) };
    let (graph, node, version) = (text("graph")?, text("node")?, text("version")?);
    if graph.len() > LARGEST_TEXT {
        return Ok(None);
    }
    let (width, height) = (picture.width, picture.height);
    let facts = json!({ "weft": version, "width": width, "height": height, "index": index }).to_string();
    let parameters = parameters::of(&graph, &node, &version, (width, height), index).unwrap_or_default();
    Ok(Some(Metadata { graph, facts, parameters }))
}
