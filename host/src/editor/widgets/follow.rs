//! A number called `weight` follows the LoRA beside it: what its author recommends, as long as nobody has set another.

use std::path::{Path, PathBuf};

use plugin_api::{InputKind, InputSpec};

use super::scale::{Number, Scale};
use super::value;
use crate::editor::files::{Files, has_facts, is_lora};
use crate::editor::lora;

/// The LoRA or upscaler that the text of a value names; none where the input takes neither or the file is not there.
pub fn described(files: &dyn Files, kind: &InputKind, value: Option<&str>) -> Option<PathBuf> {
    let InputKind::File { default, folder, extensions } = kind else { return None };
    let name =
        value::read(value, default.clone(), value::name).ok().filter(|name| has_facts(folder) && !name.is_empty())?;
    let listed = files.find(folder, extensions, &name).map(|entry| entry.path);
    listed.or_else(|| Some(PathBuf::from(&name)).filter(|_| Path::new(&name).is_absolute()))
}

/// The input among `specs` that holds the weight of the file that `file` takes.
pub fn weight_of<'a>(specs: &'a [InputSpec], file: &InputSpec) -> Option<&'a InputSpec> {
    let takes_lora = matches!(&file.kind, InputKind::File { folder, .. } if is_lora(folder));
    let is_weight = |spec: &&InputSpec| spec.name == "weight" && matches!(spec.kind, InputKind::Float { .. });
    specs.iter().find(is_weight).filter(|_| takes_lora)
}

/// What the weight becomes when another file is picked, as RON text or none for the default; `None` where it stays.
pub fn weight(
    files: &dyn Files,
    file: &InputSpec,
    (before, after): (Option<&str>, Option<&str>),
    weight: &InputSpec,
    now: Option<&str>,
) -> Option<Option<String>> {
    let scale = Scale::of(&weight.kind)?;
    let recommended = |value: Option<&str>| {
        let path = described(files, &file.kind, value)?;
        lora::recommended(&files.facts_now(&path)).map(|weight| scale.clamped(Number::Float(weight)))
    };
    let now = scale.read(now).ok()?;
    let is_untouched = now == scale.default() || recommended(before) == Some(now);
    let next = recommended(after).unwrap_or(scale.default());
    (is_untouched && next != now).then(|| (next != scale.default()).then(|| next.ron()))
}
