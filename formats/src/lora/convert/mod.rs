//! Writes a file in another layout. Bytes are moved, not computed: what the file does to a model stays the same to the
//! last bit, and a file that comes back is the file that went.

mod config;
mod data;
mod fuse;
mod layout;
mod module;
mod read;
mod readers;
mod relayout;
mod split;

use std::fmt;

use self::data::Data;
use self::module::Module;
use super::suffix::Role;
use super::{Metadata, peft};
use crate::Tensor;

pub use layout::Layout;

/// A file in its new layout.
#[derive(Debug, Clone)]
pub struct Converted {
    /// Headers, and bytes in row-major order, little-endian.
    pub tensors: Vec<(Tensor, Vec<u8>)>,
    pub metadata: Metadata,
    /// What a reader may want to know: what stays as it was, what other programs cannot read, what was rounded.
    pub notes: Vec<String>,
}

/// Why a file is not converted.
#[derive(Debug)]
pub enum ConvertError<E> {
    /// Keys that are none of a Z-Image's LoRA, or not whole. They are never left out.
    Keys(String),
    /// A tensor's bytes are not what its header says.
    Tensor(String),
    /// Reading failed.
    Read(E),
}

impl<E: fmt::Display> fmt::Display for ConvertError<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(why) | Self::Tensor(why) => to.write_str(why),
            Self::Read(error) => error.fmt(to),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ConvertError<E> {}

/// Converts a file. `read` gives a tensor's bytes by its name.
pub fn convert<E>(
    file: &[Tensor],
    metadata: &Metadata,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, E>,
    layout: Layout,
) -> Result<Converted, ConvertError<E>> {
    let (mut modules, mut notes) = relayout::relayout(read::modules(file, metadata, read)?, layout);
    let mut metadata = metadata.clone();
    if layout == Layout::Diffusers {
        notes.extend(readers::diffusers(&mut modules));
        config::move_alphas(&mut modules, &mut metadata);
    } else if metadata.remove(peft::KEY).is_some() {
        notes.push(format!("`{}` is left out of the metadata: alpha stands in tensors now", peft::KEY));
    }
    Ok(Converted { tensors: modules.into_iter().flat_map(|module| write(module, layout)).collect(), metadata, notes })
}

/// The keys of a module.
fn write(module: Module, layout: Layout) -> Vec<(Tensor, Vec<u8>)> {
    let (part, by_rows) = (module.part, module.by_rows());
    let key = |role| layout.key(part, &module.name, role, by_rows);
    let write = |(role, data): (Role, Data)| {
        let data = if role == Role::Magnitude && by_rows { magnitude(data, layout) } else { data };
        (Tensor { name: key(role), dtype: data.dtype, shape: data.shape }, data.bytes)
    };
    module.tensors.into_iter().map(write).collect()
}

/// PEFT's magnitudes are a vector, those of others a column.
fn magnitude(data: Data, layout: Layout) -> Data {
    let rows = data.rows();
    data.reshaped(if layout == Layout::Diffusers { vec![rows] } else { vec![rows, 1] })
}
