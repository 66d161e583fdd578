//! `weft convert lora`: the same changes under the names of another layout.

use serde_json::json;
use weft_formats::lora::{self, ConvertError, Layout};

use super::super::{Outcome, print, say};
use super::file;
use crate::error::{Code, Error};
use crate::flags::{ConvertLoraFlags, LayoutFlag};
use crate::library::lora::LoraFile;
use crate::text;

pub fn convert(flags: &ConvertLoraFlags) -> Outcome {
    let from = LoraFile::open(&flags.from)?;
    file::check(&flags.from, &flags.to, flags.force)?;
    let mut read = |name: &str| from.bytes_of(name);
    let converted = lora::convert(&from.tensors, &from.metadata, &mut read, flags.layout.into())
        .map_err(|error| refused(flags, error))?;
    let bytes = file::write(&flags.to, &converted.tensors, &converted.metadata, flags.force)?;
    if flags.json {
        let (path, tensors) = (flags.to.to_string_lossy(), converted.tensors.len());
        print(&json!({ "path": path, "tensors": tensors, "bytes": bytes, "notes": converted.notes }).to_string());
    } else {
        print(&text::printable(&flags.to.display().to_string()));
        converted.notes.iter().for_each(|note| say(&text::printable(&format!("note: {note}"))));
    }
    Ok(())
}

fn refused(flags: &ConvertLoraFlags, error: ConvertError<Error>) -> Error {
    if let ConvertError::Read(error) = error {
        return error;
    }
    let what = format!("{} cannot be converted", flags.from.display());
    let error = Error::new(Code::File, what).cause(error.to_string().trim_end_matches('.'));
    error.help("`weft loras FILE` shows what its keys are")
}

impl From<LayoutFlag> for Layout {
    fn from(flag: LayoutFlag) -> Self {
        match flag {
            LayoutFlag::Diffusers => Self::Diffusers,
            LayoutFlag::Comfyui => Self::Comfyui,
            LayoutFlag::Kohya => Self::Kohya,
            LayoutFlag::Native => Self::Native,
        }
    }
}
