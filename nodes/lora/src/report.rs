//! What became of a file's keys, for people and scripts. Nothing is left out in silence.

use std::path::Path;

use plugin_api::{Error, Result, Run};
use weft_formats::Tensor;
use weft_formats::lora::{self, Fit, Key, State};

use crate::row::{Options, Row};

/// Shows the fate of every key on the node.
pub fn tell(run: &Run, row: &Row, fit: &Fit) -> Result<()> {
    let cells = |key: &Key| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![key.name.clone(), key.state.name().to_owned(), text(&key.target), text(&key.why)]
    };
    let rows: Vec<Vec<String>> = fit.keys.iter().map(cells).collect();
    let applied = fit.keys.iter().filter(|key| key.state.is_applied()).count();
    let title = format!("{}: {applied} of {} keys applied", row.name(), rows.len());
    run.report(&title, &["key", "state", "target", "why"], &rows)?;
    run.note(&title);
    Ok(())
}

/// # Errors
/// A file that changes nothing; one that fits in part, unless that is allowed.
pub fn check(row: &Row, file: &[Tensor], fit: &Fit, options: Options) -> Result<()> {
    let name = Path::new(&row.file).display();
    if fit.adapters.is_empty() {
        let problem = fit.problem().unwrap_or_else(|| "it has no keys".to_owned());
        let error = Error::file(format!("{name} changes nothing in this model: {problem}"));
        return Err(match lora::family(file.iter().map(|tensor| tensor.name.as_str())) {
            Some(family) => error.help(format!("it is {family}; use a LoRA that was made for this model")),
            None => error.help("use a LoRA that was made for this model"),
        });
    }
    match fit.problem() {
        Some(problem) if !options.allow_partial => {
            Err(Error::file(format!("{name} fits only in part: {problem}")).help(help(fit)))
        }
        _ => Ok(()),
    }
}

fn help(fit: &Fit) -> &'static str {
    let is_text = |key: &&Key| !key.state.is_applied() && key.state == State::NoTextEncoder;
    let left = fit.keys.iter().filter(|key| !key.state.is_applied()).count();
    if fit.keys.iter().filter(is_text).count() == left {
        return "link the model's text encoder to this node, or turn on allow_partial to leave that part out";
    }
    "turn on allow_partial to apply the rest, or use a LoRA that was made for this model"
}
