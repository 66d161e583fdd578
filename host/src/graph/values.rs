//! Values and links against what an input takes.

use plugin_api::{Folder, InputKind, InputSpec};

use super::plan::Param;
use super::{Link, Roots, prompt};
use crate::error::{Code, Error};
use crate::text;

/// The value as the input's kind, or why it is none.
pub(super) fn param(roots: &Roots, value: &ron::Value, kind: &InputKind) -> Result<Param, String> {
    use ron::Value;
    match (kind, value) {
        (InputKind::Link(_), Value::Seq(_)) => Err("it is a list, but an input takes one link".to_owned()),
        (InputKind::Link(kind), _) => Err(format!("it takes a link of the kind {kind}, not a value")),
        (InputKind::Bool { .. }, Value::Bool(value)) => Ok(Param::Bool(*value)),
        (InputKind::Int { range, multiple, .. }, Value::Number(_)) => whole(value, *range, *multiple),
        (InputKind::Seed { .. }, Value::Number(_)) => whole(value, (0, i64::MAX), 1),
        (InputKind::Float { range, .. }, Value::Number(number)) => float(number.into_f64(), *range),
        (InputKind::Text { .. }, Value::String(value)) => Ok(Param::Text(value.clone())),
        (InputKind::Text { .. }, Value::Number(number)) => Ok(Param::Text(plain(number.into_f64()))),
        (InputKind::Choice { options, .. }, value) => choice(value, options),
        (InputKind::File { folder, extensions, .. }, Value::String(name)) => {
            roots.find(folder, extensions, name).map(Param::File)
        }
        (InputKind::Prompt { folder, extensions, .. }, Value::String(text)) => {
            prompt::param(roots, text, folder, extensions)
        }
        (InputKind::Rows { columns }, Value::Seq(rows)) => {
            rows.iter().map(|row| row_of(roots, row, columns)).collect::<Result<_, _>>().map(Param::Rows)
        }
        (_, other) => Err(format!("it is {}", type_name(other))),
    }
}

fn row_of(roots: &Roots, row: &ron::Value, columns: &[InputSpec]) -> Result<Vec<(String, Param)>, String> {
    let ron::Value::Map(map) = row else { return Err(format!("a row is {}", type_name(row))) };
    let field = |name: &str| map.iter().find(|(key, _)| **key == ron::Value::String(name.to_owned()));
    // A row that is off needs no file: people turn off what they have not got.
    let is_off = matches!(field("enabled"), Some((_, ron::Value::Bool(false))));
    let mut cells = Vec::new();
    for column in columns {
        let is_file = matches!(column.kind, InputKind::File { .. });
        let cell = match field(&column.name) {
            Some((_, value)) if is_off && is_file => param(roots, value, &column.kind).ok(),
            Some((_, value)) => {
                Some(param(roots, value, &column.kind).map_err(|why| format!("`{}`: {why}", column.name))?)
            }
            None if column.required => return Err(format!("a row has no `{}`", column.name)),
            None => default(&column.kind),
        };
        cells.extend(cell.map(|cell| (column.name.clone(), cell)));
    }
    let known = |key: &ron::Value| columns.iter().any(|column| *key == ron::Value::String(column.name.clone()));
    match map.iter().find(|(key, _)| !known(key)) {
        Some((key, _)) => Err(format!("a row has no column {}", ron::to_string(key).unwrap_or_default())),
        None => Ok(cells),
    }
}

/// Whether an output of the kind `from` may go where links of the kind `wanted` are taken.
pub fn fits(from: &str, wanted: &str) -> bool {
    match wanted {
        "FLOAT" => matches!(from, "FLOAT" | "INT" | "*"),
        kind => kind == from || kind == "*" || from == "*",
    }
}

pub(super) fn missing(spec: &InputSpec) -> Error {
    let what = format!("the input `{}` is missing", spec.name);
    Error::new(Code::Invalid, what).help(takes(&spec.kind))
}

pub(super) fn wrong_kind(link: &Link, from: &str, input: &InputSpec) -> Error {
    let Some(takes) = input.kind.link() else {
        let error =
            Error::new(Code::Invalid, format!("`{}.{}` is linked to an input without a link", link.node, link.output));
        let error = if matches!(input.kind, InputKind::Prompt { .. }) {
            error.cause(
                "its tags name files, which are looked for before anything runs; a linked text is known too late",
            )
        } else {
            error
        };
        return error.help(self::takes(&input.kind));
    };
    Error::new(Code::Invalid, format!("`{}.{}` is {from}, but {takes} is needed", link.node, link.output))
        .help(format!("link an output of the kind {takes}"))
}

/// What an input gets that nobody set. A file input without a default stays empty.
pub(super) fn default(kind: &InputKind) -> Option<Param> {
    match kind {
        InputKind::Link(_) | InputKind::File { .. } => None,
        InputKind::Bool { default } => Some(Param::Bool(*default)),
        InputKind::Int { default, .. } | InputKind::Seed { default } => Some(Param::Int(*default)),
        InputKind::Float { default, .. } => Some(Param::Float(*default)),
        InputKind::Text { default, .. } | InputKind::Choice { default, .. } => Some(Param::Text(default.clone())),
        InputKind::Rows { .. } => Some(Param::Rows(Vec::new())),
        InputKind::Prompt { default, .. } => Some(prompt::plain(default)),
    }
}

/// "it takes a whole number from 1 to 1000": the help for a value that does not fit.
pub(super) fn takes(kind: &InputKind) -> String {
    match kind {
        InputKind::Link(kind) => format!("it takes a link of the kind {kind}"),
        InputKind::Bool { .. } => "it takes true or false".to_owned(),
        InputKind::Int { range: (low, high), multiple: 1, .. } => {
            format!("it takes a whole number from {low} to {high}")
        }
        InputKind::Int { range: (low, high), multiple, .. } => {
            format!("it takes a multiple of {multiple} from {low} to {high}")
        }
        InputKind::Float { range: (low, high), .. } => format!("it takes a number from {low} to {high}"),
        InputKind::Text { .. } => "it takes text in quotes".to_owned(),
        InputKind::Choice { options, .. } => format!("it takes one of {}", text::list(options)),
        InputKind::File { folder: Folder::Input, .. } => {
            "it takes the path of a file in quotes, below the graph's folder or one that --input names".to_owned()
        }
        InputKind::File { .. } => {
            "it takes a path in quotes, below models/ or a folder that --models or WEFT_MODELS names".to_owned()
        }
        InputKind::Seed { .. } => "it takes a whole number from 0".to_owned(),
        InputKind::Prompt { .. } => {
            "it takes text in quotes, with <lora:NAME:WEIGHT> for each file of models/loras that it uses".to_owned()
        }
        InputKind::Rows { .. } => "it takes a list of rows: [(…), (…)]".to_owned(),
    }
}

fn whole(value: &ron::Value, (low, high): (i64, i64), multiple: i64) -> Result<Param, String> {
    let number: i64 = value.clone().into_rust().map_err(|_| match value {
        ron::Value::Number(number) if number.into_f64().abs() >= i64::MAX as f64 => "it is out of range".to_owned(),
        _ => "it is not a whole number".to_owned(),
    })?;
    if !(low..=high).contains(&number) {
        return Err("it is out of range".to_owned());
    }
    if number % multiple != 0 {
        let below = number - number % multiple;
        return Err(format!("it is not a multiple of {multiple}; near are {below} and {}", below + multiple));
    }
    Ok(Param::Int(number))
}

fn float(number: f64, (low, high): (f64, f64)) -> Result<Param, String> {
    match number {
        number if !number.is_finite() => Err("it is not finite".to_owned()),
        number if number < low || number > high => Err("it is out of range".to_owned()),
        number => Ok(Param::Float(number)),
    }
}

fn choice(value: &ron::Value, options: &[String]) -> Result<Param, String> {
    let name = match value {
        ron::Value::String(name) => name.clone(),
        ron::Value::Number(number) => plain(number.into_f64()),
        other => return Err(format!("it is {}", type_name(other))),
    };
    if options.contains(&name) {
        return Ok(Param::Text(name));
    }
    let near = text::nearest(&name, options.iter().map(String::as_str));
    Err(near.map_or("it is no choice".to_owned(), |near| format!("it is no choice; `{near}` is")))
}

/// 8 for 8.0: a number where a word is taken.
fn plain(number: f64) -> String {
    format!("{number}")
}

fn type_name(value: &ron::Value) -> &'static str {
    match value {
        ron::Value::Bool(_) => "true or false",
        ron::Value::Number(_) => "a number",
        ron::Value::String(_) | ron::Value::Char(_) => "text",
        ron::Value::Seq(_) => "a list",
        ron::Value::Map(_) => "a map",
        _ => "of another type",
    }
}
