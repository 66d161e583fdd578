//! What a file or folder is: told by what is in it, never by its name.

use std::path::Path;

use weft_formats::layout::Part;
use weft_formats::lemica::Calibration;
use weft_formats::{gguf, lora, pickle, upscaler};

use super::part::PartFacts;
use super::{ModelFacts, config, place};
use crate::error::{Code, Error, Result};
use crate::library::lora::tensors;
use crate::weights::{self, Weights};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    WholeModel,
    DiffusionModel,
    TextEncoder,
    Vae,
    Lora,
    Upscaler,
    Schedule,
    Unknown,
}

impl Kind {
    /// In the words of people, and of `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WholeModel => "whole model",
            Self::DiffusionModel => "diffusion model",
            Self::TextEncoder => "text encoder",
            Self::Vae => "VAE",
            Self::Lora => "LoRA",
            Self::Upscaler => "upscaler",
            Self::Schedule => "schedule",
            Self::Unknown => "unknown",
        }
    }

    pub const fn of(part: Part) -> Self {
        match part {
            Part::Diffusion => Self::DiffusionModel,
            Part::TextEncoder => Self::TextEncoder,
            Part::Vae => Self::Vae,
        }
    }
}

/// Bytes of a calibration.
const SCHEDULE_BYTES: u64 = 16 << 20;

pub fn read(path: &Path) -> Result<ModelFacts> {
    match path {
        path if path.extension().is_some_and(|ending| ending == "json") => schedule(path),
        path if !path.is_dir() => file(path),
        path if place::is_whole(path) => diffusers(path),
        path if place::is_part(path) => part_folder(path),
        path => split(path),
    }
}

fn schedule(path: &Path) -> Result<ModelFacts> {
    let bad = |why: String| {
        let error = Error::new(Code::File, format!("{} is no calibration of `weft calibrate`", path.display()));
        error.cause(why).help("make it again with `weft calibrate`")
    };
    let size = path.metadata().map_err(|error| Error::reading(Code::File, path, &error))?.len();
    if size > SCHEDULE_BYTES {
        return Err(bad(format!("it has {size} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Error::reading(Code::File, path, &error))?;
    let calibration = Calibration::parse(&text).map_err(bad)?;
    let layout = format!("calibration of {} steps", calibration.steps());
    Ok(ModelFacts::of(Kind::Schedule, layout, Vec::new()))
}

fn file(path: &Path) -> Result<ModelFacts> {
    let weights = weights::open(path)?;
    let parts = PartFacts::all(path, &weights);
    let container = container(path);
    let facts = match &parts[..] {
        [] => return Ok(other(path, &weights, &container)),
        [one] => {
            let kind = one.role.map_or(Kind::Unknown, Kind::of);
            ModelFacts::of(kind, join("one file", &container), parts)
        }
        _ => ModelFacts::of(Kind::WholeModel, join("all in one file", &container), parts),
    };
    Ok(with_missing(facts))
}

/// A file in which there is no part of a model.
fn other(path: &Path, weights: &Weights, container: &str) -> ModelFacts {
    let part = PartFacts::of(path.to_owned(), weights, None);
    let tensors = tensors(weights);
    let refusal = match upscaler::read(&tensors) {
        Ok(rrdb) => return ModelFacts::of(Kind::Upscaler, join(&rrdb.about(), container), vec![part]),
        Err(refusal) => refusal,
    };
    let targets = lora::Targets::of_any_z_image(&tensors);
    let fit = lora::fit(&tensors, &weights.metadata(), &targets);
    let summary = lora::summary(&tensors, &fit);
    let family = lora::family(tensors.iter().map(|tensor| tensor.name.as_str()));
    let is_lora = !fit.adapters.is_empty() || family.is_some_and(|family| family.starts_with("a LoRA"));
    if is_lora {
        let facts = ModelFacts::of(Kind::Lora, join(&summary.layout, container), vec![part]);
        return ModelFacts { problem: fit.problem(), ..facts };
    }
    let what = match refusal {
        upscaler::Refusal::Unknown => "nothing that Weft knows by its tensors".to_owned(),
        refusal => format!("{refusal}, which Weft does not load"),
    };
    let facts = ModelFacts::of(Kind::Unknown, join("one file", container), vec![part]);
    ModelFacts { problem: Some(format!("it is {what}")), ..facts }
}

/// What contains the tensors; nothing for safetensors, which is the usual.
fn container(path: &Path) -> String {
    let mut head = vec![0; 256];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut head));
    head.truncate(read.unwrap_or(0));
    match &head {
        head if head.starts_with(gguf::MAGIC) => "GGUF".to_owned(),
        head if pickle::is_torch(head) => "torch".to_owned(),
        _ => String::new(),
    }
}

fn join(what: &str, more: &str) -> String {
    [what, more].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// `transformer/`, `text_encoder/` and `vae/`, as far as they are there.
fn diffusers(folder: &Path) -> Result<ModelFacts> {
    let mut parts = Vec::new();
    let mut missing = Vec::new();
    for role in Part::ALL {
        let inside = folder.join(role.folder());
        if inside.is_dir() {
            parts.push(of_folder(&inside, Some(role))?);
        } else {
            missing.push(format!("{}/", role.folder()));
        }
    }
    if !folder.join("tokenizer").is_dir() {
        missing.push("tokenizer/".to_owned());
    }
    let layout = join(if folder_is_cached(folder) { "Hugging Face cache" } else { "diffusers folder" }, mlx(&parts));
    let facts = with_missing(ModelFacts::of(Kind::WholeModel, layout, parts));
    let class = config::read(&folder.join("model_index.json")).get("_class_name").cloned();
    let other = class.as_ref().and_then(|class| class.as_str()).filter(|class| !class.starts_with("ZImage"));
    let problem = other.map(|class| format!("it is a {class}, and Weft loads those of Z-Image"));
    Ok(ModelFacts { missing: [missing, facts.missing].concat(), problem: problem.or(facts.problem), ..facts })
}

/// Weights with a `config.json`, or with an index of shards.
fn part_folder(folder: &Path) -> Result<ModelFacts> {
    let parts = match of_folder(folder, None) {
        Ok(part) => vec![part],
        // One with a configuration and the files of several parts is no part.
        Err(_) if place::files(folder).len() > 1 && !place::has_index(folder) => return split(folder),
        Err(error) => return Err(error),
    };
    let layout = join(if folder_is_cached(folder) { "Hugging Face cache" } else { "folder of one part" }, mlx(&parts));
    let kind = parts[0].role.map_or(Kind::Unknown, Kind::of);
    let facts = ModelFacts::of(kind, layout, parts);
    let class = config::read(&folder.join("config.json"));
    let class = ["_class_name", "model_type"].iter().find_map(|key| class.get(*key)?.as_str().map(str::to_owned));
    let unknown = (kind == Kind::Unknown).then(|| {
        class.map_or("it is nothing that Weft knows by its tensors".to_owned(), |class| {
            format!("it is of the class {class}, which Weft does not load")
        })
    });
    Ok(with_missing(ModelFacts { problem: facts.problem.clone().or(unknown), ..facts }))
}

/// The part of a folder. One in a diffusers folder is what its folder is called.
fn of_folder(folder: &Path, role: Option<Part>) -> Result<PartFacts> {
    let weights = weights::open(folder)?;
    let place = folder.to_owned();
    let found = PartFacts::all(&place, &weights).into_iter().find(|part| role.is_none() || part.role == role);
    Ok(found.unwrap_or_else(|| {
        let part = PartFacts::of(place, &weights, role);
        let problem = role.map(|role| format!("{}/ holds no {} that Weft knows", role.folder(), Kind::of(role).name()));
        PartFacts { problem, config: config::read(&folder.join("config.json")), ..part }
    }))
}

/// Files with a part each.
fn split(folder: &Path) -> Result<ModelFacts> {
    let files = place::split_files(folder);
    if files.is_empty() {
        let error = Error::new(Code::File, format!("{} holds no file of weights", folder.display()));
        return Err(error.help("give a model's folder, or the path of a file"));
    }
    let parts = files.iter().map(|file| Ok(PartFacts::all(file, &weights::open(file)?)));
    let parts: Vec<PartFacts> = parts.collect::<Result<Vec<_>>>()?.concat();
    let layout = join("folder of split files", mlx(&parts));
    let twice = Part::ALL.into_iter().find(|role| parts.iter().filter(|part| part.role == Some(*role)).count() > 1);
    let facts = with_missing(ModelFacts::of(Kind::WholeModel, layout, parts));
    let problem = twice.map(|role| format!("several of its files hold a {}", Kind::of(role).name()));
    Ok(ModelFacts { problem: problem.or(facts.problem), ..facts })
}

/// Whether a folder is a snapshot in a download cache.
fn folder_is_cached(folder: &Path) -> bool {
    folder.parent().is_some_and(|parent| parent.ends_with("snapshots"))
}

/// Said of folders with packed matrices of MLX.
fn mlx(parts: &[PartFacts]) -> &'static str {
    let is_packed = |part: &PartFacts| part.dtypes.iter().any(|(name, _)| name.ends_with("affine"));
    if parts.iter().any(is_packed) { "MLX" } else { "" }
}

/// With the parts that a whole model lacks, and the tensors that parts lack.
fn with_missing(facts: ModelFacts) -> ModelFacts {
    let mut missing: Vec<String> = facts.parts.iter().flat_map(|part| part.missing.clone()).collect();
    let is_folder = facts.layout.starts_with("diffusers") || facts.layout.starts_with("Hugging");
    if facts.kind == Kind::WholeModel && !is_folder {
        let lacks = Part::ALL.into_iter().filter(|part| !facts.has(*part));
        missing.extend(lacks.map(|part| Kind::of(part).name().to_owned()));
    }
    ModelFacts { missing, ..facts }
}
