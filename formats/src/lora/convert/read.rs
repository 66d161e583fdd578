//! Reads the adapters of a file, with their bytes.

use std::collections::BTreeMap;

use super::ConvertError;
use super::data::Data;
use super::module::Module;
use crate::lora::group::{Group, groups};
use crate::lora::suffix::{Kind, Role};
use crate::lora::{Adapter, Alpha, Key, Metadata, Targets, family, fit, names};
use crate::{Dtype, Tensor};

/// Gives a tensor's bytes by its name.
type Read<'a, E> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, E>;

/// The adapters of the file with their bytes, in its order.
pub(super) fn modules<E>(
    file: &[Tensor],
    metadata: &Metadata,
    read: Read<'_, E>,
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

fn complaint(file: &[Tensor], lost: &[&Key]) -> String {
    let line = |key: &&Key| format!("\n  {}: {}", key.name, key.why.as_deref().unwrap_or_default());
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
    read: Read<'_, E>,
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

fn data<E>(tensor: &Tensor, role: Role, read: Read<'_, E>) -> Result<Data, ConvertError<E>> {
    let bytes = read(&tensor.name).map_err(ConvertError::Read)?;
    let data = Data { dtype: tensor.dtype, shape: tensor.shape.clone(), bytes };
    if role == Role::Alpha { alpha(tensor, data) } else { sized(tensor, data) }
}

fn sized<E>(tensor: &Tensor, data: Data) -> Result<Data, ConvertError<E>> {
    let width = tensor.dtype.bytes().unwrap_or_default();
    if tensor.shape.iter().fold(width, |bytes, axis| bytes.saturating_mul(*axis)) == data.bytes.len() {
        return Ok(data);
    }
    let (bytes, shape, dtype) = (data.bytes.len(), &tensor.shape, tensor.dtype.name());
    Err(ConvertError::Tensor(format!("`{}` has {bytes} bytes, which is not {shape:?} of type {dtype}.", tensor.name)))
}

/// Alpha as it is. One that some trainers write as a whole number becomes a float32.
fn alpha<E>(tensor: &Tensor, data: Data) -> Result<Data, ConvertError<E>> {
    let whole = tensor.dtype == Dtype::Other && matches!(data.bytes.len(), 1 | 2 | 4 | 8);
    let data = if whole { Data::number(data.values()[0], None).reshaped(data.shape) } else { sized(tensor, data)? };
    match data.values()[..] {
        [alpha] if alpha.is_finite() => Ok(data),
        _ => Err(ConvertError::Tensor(format!("`{}` is no finite number.", tensor.name))),
    }
}
