//! One LoRA: what it says of itself, and what becomes of its keys.

use std::path::{Path, PathBuf};

use plugin_api::Folder;
use serde_json::{Value, json};
use weft_formats::Tensor;
use weft_formats::lora::{Fit, Targets};

use super::super::{Failure, Outcome, print};
use super::{facts, print_line, report};
use crate::error::{Code, Error, Result};
use crate::flags::LoraFlags;
use crate::graph::Roots;
use crate::library::LoraFacts;
use crate::library::lora::{LoraFile, tensors};
use crate::weights;

pub fn show(path: &Path, flags: &LoraFlags, roots: &Roots) -> Outcome {
    let file = LoraFile::open(path)?;
    let targets = flags.model.as_ref().map(|name| targets(&locate_model(name, roots)?)).transpose()?;
    let fit = targets.map_or_else(|| file.fit(), |targets| file.fit_to(&targets));
    let facts = LoraFacts::of(&file, &fit)?;
    let object = object(&file, &facts, &fit);
    if !flags.json {
        print_line(&path.display().to_string());
        facts::lines(&facts, size(path)).iter().for_each(|line| print_line(line));
        print_line("");
        report::lines(&fit, flags.keys).iter().for_each(|line| print_line(line));
    }
    if !fit.keys.iter().any(|key| key.state.is_applied()) {
        return Err(Failure { errors: vec![useless(path, flags, &facts)], done: json!({ "reports": [object] }) });
    }
    if flags.json {
        print(&object.to_string());
    }
    Ok(())
}

fn object(file: &LoraFile, facts: &LoraFacts, fit: &Fit) -> Value {
    let mut object = facts::json(facts);
    object["path"] = file.path.to_string_lossy().into();
    object["bytes"] = size(&file.path).into();
    object["counts"] = report::counts(fit);
    object["metadata"] = json!(file.metadata);
    object["keys"] = report::json(fit);
    object
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// A file that changes nothing.
fn useless(path: &Path, flags: &LoraFlags, facts: &LoraFacts) -> Error {
    let (model, help) = match &flags.model {
        Some(model) => (model.as_str(), "take a LoRA that was made for this model"),
        None => ("a Z-Image", "take a LoRA that was made for Z-Image"),
    };
    let error = Error::new(Code::File, format!("nothing in {} changes {model}", path.display()));
    error.cause(facts.problem.as_deref().unwrap_or_default().trim_end_matches('.')).help(help)
}

/// The model at a path, or the one that a name means in a graph.
fn locate_model(name: &str, roots: &Roots) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.exists() {
        return Ok(path.to_owned());
    }
    roots.find(&Folder::AnyModel, &[], name).map_err(|cause| {
        let error = Error::new(Code::File, format!("there is no model {name}")).place("--model").cause(cause);
        error.help("give the path of a model, or its name below models/")
    })
}

/// The names and shapes of a model: a diffusers folder with its text encoder, or one part alone.
fn targets(model: &Path) -> Result<Targets> {
    let header = |path: &Path| -> Result<Vec<Tensor>> { Ok(tensors(&weights::open(path)?)) };
    let transformer = model.join("transformer");
    if !transformer.is_dir() {
        return Ok(Targets::of(&header(model)?, None));
    }
    let text_encoder = Some(model.join("text_encoder")).filter(|folder| folder.is_dir());
    let text_encoder = text_encoder.map(|folder| header(&folder)).transpose()?;
    Ok(Targets::of(&header(&transformer)?, text_encoder.as_deref()))
}
