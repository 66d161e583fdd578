//! Whether models can be merged: one architecture, one configuration, the same tensors.

use plugin_api::{Error, Result, TensorInfo};
use serde_json::{Map, Value};

use crate::source::Source;

/// How many tensors a message names before it only counts.
const NAMED: usize = 4;

/// # Errors
/// What keeps `other` from being merged with `base`.
pub fn check(base: &Source, other: &Source) -> Result<()> {
    check_architecture(base, other)?;
    check_config(base, other)?;
    check_tensors(base, other)
}

fn check_architecture(base: &Source, other: &Source) -> Result<()> {
    if base.architecture == other.architecture {
        return Ok(());
    }
    let what = format!("{} is of another architecture ({})", unmergeable(base, other), other.architecture);
    Err(Error::invalid(what).help(format!("link models of {}", base.architecture)))
}

/// Keys that only one of them has count as equal: programs write more or fewer defaults.
fn check_config(base: &Source, other: &Source) -> Result<()> {
    let read = |source: &Source| serde_json::from_str::<Map<String, Value>>(source.config.as_deref()?).ok();
    let (Some(ours), Some(theirs)) = (read(base), read(other)) else { return Ok(()) };
    let differs = |(key, _): &(&String, &Value)| theirs.get(*key).is_some_and(|their| *their != ours[*key]);
    // Those with an underscore say who wrote the file.
    match ours.iter().filter(|(key, _)| !key.starts_with('_')).find(differs) {
        None => Ok(()),
        Some((key, our)) => {
            let what = format!("its configuration has `{key}` {} instead of {our}", theirs[key]);
            Err(Error::invalid(format!("{} is of another make: {what}", unmergeable(base, other)))
                .help("link models with the same configuration"))
        }
    }
}

fn check_tensors(base: &Source, other: &Source) -> Result<()> {
    let (ours, theirs) = (base.weights.list(), other.weights.list());
    let fault = |our: &TensorInfo| match other.weights.find(&our.name) {
        None => Some(format!("`{}` is missing", our.name)),
        Some(their) if their.shape != our.shape => {
            Some(format!("`{}` is {:?} instead of {:?}", our.name, their.shape, our.shape))
        }
        Some(_) => None,
    };
    let more = theirs.iter().filter(|their| !base.weights.contains(&their.name));
    let more = more.map(|their| format!("`{}` is too many", their.name));
    let faults: Vec<String> = ours.iter().filter_map(fault).chain(more).collect();
    if faults.is_empty() {
        return Ok(());
    }
    let named = faults[..faults.len().min(NAMED)].join(", ");
    let rest = faults.len().saturating_sub(NAMED);
    let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    let what = format!("{} has other tensors: {named}{rest}", unmergeable(base, other));
    Err(Error::file(what)
        .help("merge models of the same family and size; load files of another layout with LoadDiffusionModel"))
}

fn unmergeable(base: &Source, other: &Source) -> String {
    format!("{} and {} cannot be merged: the latter", base.name, other.name)
}
