//! Upscaler files: which network they hold.

use std::path::Path;

use weft_formats::upscaler;

use super::lora::tensors;
use crate::error::{Code, Error, Result};
use crate::weights;

/// The network of a file in a few words: "RRDB, 4×, 23 blocks of 64 features, new names".
///
/// # Errors
/// A file that cannot be read, or holds no network that Weft reads; the message says what it is instead.
pub fn about(path: &Path) -> Result<String> {
    let tensors = tensors(&weights::open(path)?);
    upscaler::read(&tensors).map(|rrdb| rrdb.about()).map_err(|refusal| {
        let what = format!("{} is {refusal}; Weft reads RRDB networks", path.display());
        Error::new(Code::File, what).help("use an ESRGAN, Real-ESRGAN or BSRGAN upscaler")
    })
}
