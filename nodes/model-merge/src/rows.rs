//! Further models of a merge, as rows of files.

use plugin_api::{Folder, InputKind, InputSpec, Record, Result, Value};

use crate::source::Source;

/// The rows that are on and have a file, with their weights.
pub fn active(inputs: &Record) -> Result<Vec<(Source, f64)>> {
    let rows: Vec<Value> = inputs.get("rows")?;
    rows.iter().filter_map(|row| read(row).transpose()).collect()
}

fn read(row: &Value) -> Result<Option<(Source, f64)>> {
    let row = Record::new().with("row", row.clone()).get::<Record>("row")?;
    let (path, weight): (Option<String>, f64) = (row.find("path")?, row.get("weight")?);
    let path = path.filter(|_| weight != 0.0 && row.get("enabled").unwrap_or(true));
    path.map(|path| Ok((Source::file(&path)?, weight))).transpose()
}

/// Columns `enabled`, `path` and `weight`.
pub fn kind(weight: InputKind) -> InputKind {
    InputKind::rows(vec![
        InputSpec::new("enabled", InputKind::bool(true), "Whether the row counts."),
        InputSpec::new(
            "path",
            InputKind::file(Folder::AnyModel),
            "A diffusers folder below models/, its transformer's folder, or a file with the same names.",
        ),
        InputSpec::new("weight", weight, "The share of this model in the result."),
    ])
}
