//! What became of a file's keys, for people and scripts. Nothing is left out in silence.

use std::path::Path;

use plugin_api::{Error, Result, Run};
use weft_formats::lora::{Fit, Key, State};

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
pub fn check(row: &Row, fit: &Fit, options: Options) -> Result<()> {
    let name = Path::new(&row.file).display();
    let Some(problem) = fit.problem() else { return Ok(()) };
    let problem = problem.trim_end_matches('.');
    if fit.adapters.is_empty() {
        return Err(Error::file(format!("{name} changes nothing in this model: {problem}")).help(help(fit, false)));
    }
    if options.allow_partial {
        return Ok(());
    }
    Err(Error::file(format!("{name} fits only in part: {problem}")).help(help(fit, true)))
}

fn help(fit: &Fit, some_fits: bool) -> &'static str {
    let mut left = fit.keys.iter().filter(|key| !key.state.is_applied());
    match (left.all(|key| key.state == State::NoTextEncoder), some_fits) {
        (true, true) => "link the model's text encoder to this node, or turn on allow_partial to leave that part out",
        (true, false) => "link the model's text encoder to this node",
        (false, true) => "turn on allow_partial to apply the rest, or use a LoRA that was made for this model",
        (false, false) => "use a LoRA that was made for this model",
    }
}
