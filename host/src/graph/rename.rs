//! The names of files in a graph's values: in file inputs, in rows, and in the tags of prompts.

use plugin_api::{Folder, InputKind, InputSpec};

use super::prompt;
use super::{Graph, Input};
use crate::plugins::Catalog;

impl Graph {
    /// Asks for every file that a value names, with its folder and the extensions that it may have, whether it is to have another
    /// name. Values without a new one stay as they are written.
    pub fn rename_files(
        &mut self,
        catalog: &Catalog,
        mut change: impl FnMut(&Folder, &[String], &str) -> Option<String>,
    ) {
        for node in self.nodes.values_mut() {
            let Some(spec) = catalog.node(&node.kind) else { continue };
            for input in spec.inputs.iter().filter(|input| names_files(&input.kind)) {
                let Some(Input::Value(raw)) = node.inputs.get_mut(&input.name) else { continue };
                let Ok(mut value) = ron::from_str::<ron::Value>(raw) else { continue };
                if renamed(&mut value, &input.kind, &mut change)
                    && let Ok(text) = ron::to_string(&value)
                {
                    *raw = text;
                }
            }
        }
    }
}

fn names_files(kind: &InputKind) -> bool {
    matches!(kind, InputKind::File { .. } | InputKind::Prompt { .. } | InputKind::Rows { .. })
}

/// What is asked for the new name of a file.
type Change<'a> = dyn FnMut(&Folder, &[String], &str) -> Option<String> + 'a;

/// Whether any name in the value is another now.
fn renamed(value: &mut ron::Value, kind: &InputKind, change: &mut Change<'_>) -> bool {
    match (kind, value) {
        (InputKind::File { folder, extensions, .. }, ron::Value::String(name)) => {
            change(folder, extensions, name).is_some_and(|new| replace(name, new))
        }
        (InputKind::Prompt { folder, extensions, .. }, ron::Value::String(text)) => {
            let new = prompt::rename(text, |name| change(folder, extensions, name).unwrap_or_else(|| name.to_owned()));
            replace(text, new)
        }
        (InputKind::Rows { columns }, ron::Value::Seq(rows)) => {
            rows.iter_mut().map(|row| renamed_row(row, columns, change)).fold(false, |any, one| any | one)
        }
        _ => false,
    }
}

fn renamed_row(row: &mut ron::Value, columns: &[InputSpec], change: &mut Change<'_>) -> bool {
    let ron::Value::Map(cells) = row else { return false };
    let mut any = false;
    for (key, value) in cells.iter_mut() {
        let column = columns.iter().find(|column| *key == ron::Value::String(column.name.clone()));
        any |= column.is_some_and(|column| renamed(value, &column.kind, change));
    }
    any
}

fn replace(text: &mut String, by: String) -> bool {
    let is_other = *text != by;
    *text = by;
    is_other
}
