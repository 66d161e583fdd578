//! Writes a file in another layout. Bytes are moved, not computed: what the file does to a model stays the same to the
//! last bit, and a file that comes back is the file that went.

mod config;
mod data;
mod float;
mod fuse;
mod layout;
mod module;
mod readers;
mod split;

use std::collections::BTreeMap;
use std::fmt;

use self::data::Data;
use self::module::Module;
use super::group::{Group, groups};
use super::suffix::{Kind, Role};
use super::{Adapter, Alpha, Metadata, Targets, family, fit, names, peft};
use crate::{Dtype, Tensor};

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
    let (modules, mut notes) = relayout(modules(file, metadata, read)?, layout);
    let mut modules = modules;
    let mut metadata = metadata.clone();
    if layout == Layout::Diffusers {
        notes.extend(readers::diffusers(&mut modules));
        config::move_alphas(&mut modules, &mut metadata);
    } else if metadata.remove(peft::KEY).is_some() {
        notes.push(format!("`{}` is left out of the metadata: alpha stands in tensors now", peft::KEY));
    }
    Ok(Converted { tensors: modules.into_iter().flat_map(|module| write(module, layout)).collect(), metadata, notes })
}

/// The adapters of the file with their bytes, in its order.
fn modules<E>(
    file: &[Tensor],
    metadata: &Metadata,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<Module>, ConvertError<E>> {
    let fit = fit(file, metadata, &Targets::of_any_z_image(file));
    let lost: Vec<_> = fit.keys.iter().filter(|key| !key.state.is_applied()).collect();
    if !lost.is_empty() || fit.adapters.is_empty() {
        return Err(ConvertError::Keys(complaint(file, &lost)));
    }
    let (groups, _) = groups(file);
    let groups: BTreeMap<&str, &Group<'_>> = groups.iter().map(|group| (group.module, group)).collect();
    fit.adapters.iter().map(|adapter| load(file, adapter, groups[adapter.module.as_str()], read)).collect()
}

fn complaint(file: &[Tensor], lost: &[&super::Key]) -> String {
    let line = |key: &&super::Key| format!("\n  {}: {}", key.name, key.why.as_deref().unwrap_or_default());
    let family = family(file.iter().map(|tensor| tensor.name.as_str())).filter(|_| lost.len() == file.len());
    let family = family.map_or_else(String::new, |family| format!(" By its names it is {family}."));
    let lines: String = lost.iter().map(line).collect();
    format!("{} of {} keys cannot be converted, and none may get lost.{family}{lines}", lost.len(), file.len())
}

/// Reads the tensors of an adapter. The one of a module's bias has a key of its own.
fn load<E>(
    file: &[Tensor],
    adapter: &Adapter,
    group: &Group<'_>,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Module, ConvertError<E>> {
    let bias = adapter.targets.iter().any(|target| target.tensor.ends_with(".bias"));
    let own = group.roles.iter().filter(|(role, _)| (role.kind() == Some(Kind::Bias)) == bias);
    let mut tensors = BTreeMap::new();
    for (&role, &key) in own {
        tensors.insert(role, data(&file[key], role, read)?);
    }
    if let Alpha::Number(alpha) = adapter.alpha {
        tensors.insert(Role::Alpha, Data::number(alpha, None));
    }
    Ok(Module { part: adapter.part, name: name(adapter), tensors, rank: adapter.rank })
}

/// diffusers' name of what the adapter changes.
fn name(adapter: &Adapter) -> String {
    let first = adapter.targets.first().map_or("", |target| target.tensor.as_str());
    let first = first.strip_suffix(".weight").or_else(|| first.strip_suffix(".bias")).unwrap_or(first);
    match first.strip_suffix(names::QKV[0]) {
        Some(stem) if adapter.targets.len() == names::QKV.len() => format!("{stem}{}", names::FUSED),
        _ => first.to_owned(),
    }
}

fn data<E>(
    tensor: &Tensor,
    role: Role,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Data, ConvertError<E>> {
    let bytes = read(&tensor.name).map_err(ConvertError::Read)?;
    let count = tensor.shape.iter().product::<usize>();
    let data = Data { dtype: tensor.dtype, shape: tensor.shape.clone(), bytes };
    match tensor.dtype {
        // Some trainers write alpha as a whole number.
        Dtype::Other if role == Role::Alpha => {
            let alpha = data.values().first().copied().unwrap_or_default();
            Ok(Data::number(alpha, None).reshaped(data.shape))
        }
        dtype if dtype.bytes().map(|bytes| bytes.saturating_mul(count)) == Some(data.bytes.len()) => Ok(data),
        dtype => Err(ConvertError::Tensor(format!(
            "`{}` has {} bytes, which is not {} numbers of type {}.",
            tensor.name,
            data.bytes.len(),
            count,
            dtype.name()
        ))),
    }
}

/// Splits or fuses q, k and v as the layout has them. What cannot be said so stays as it is, with a note.
fn relayout(modules: Vec<Module>, layout: Layout) -> (Vec<Module>, Vec<String>) {
    if layout.fuses() { fuse_all(modules) } else { split_all(modules) }
}

fn split_all(modules: Vec<Module>) -> (Vec<Module>, Vec<String>) {
    let (mut done, mut notes) = (Vec::new(), Vec::new());
    for module in modules {
        match module.place().filter(|(_, at)| *at == names::QKV.len()).map(|(stem, _)| split::split(&module, stem)) {
            Some(Ok(parts)) => done.extend(parts),
            Some(Err(why)) => {
                notes.push(why);
                done.push(module);
            }
            None => done.push(module),
        }
    }
    (done, notes)
}

fn fuse_all(modules: Vec<Module>) -> (Vec<Module>, Vec<String>) {
    let mut blocks: BTreeMap<String, fuse::Parts> = BTreeMap::new();
    let mut order = Vec::new();
    for module in modules {
        match module.place().map(|(stem, at)| (stem.to_owned(), at)) {
            Some((stem, at)) if at < names::QKV.len() => {
                if !blocks.contains_key(&stem) {
                    order.push(Err(stem.clone()));
                }
                blocks.entry(stem).or_default()[at] = Some(module);
            }
            _ => order.push(Ok(module)),
        }
    }
    let (mut done, mut notes) = (Vec::new(), Vec::new());
    for entry in order {
        let stem = match entry {
            Ok(module) => {
                done.push(module);
                continue;
            }
            Err(stem) => stem,
        };
        let parts = blocks.remove(&stem).unwrap_or_default();
        match fuse::fuse(&parts, &stem) {
            Ok((module, note)) => {
                done.push(module);
                notes.extend(note);
            }
            Err(why) => {
                notes.push(why);
                done.extend(parts.into_iter().flatten());
            }
        }
    }
    (done, notes)
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
