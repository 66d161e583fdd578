//! Gives a file to a node, where it takes one: as the value of an input, or as one more row of a list.

use plugin_api::{Folder, InputKind, InputSpec};

use super::follow;
use super::value::{self, Row};
use crate::editor::files::Files;
use crate::library::Entry;

/// What a file becomes on a node with these inputs: their new values as RON text, by name. None where no input takes it.
/// `now` gives the text of a value that the node has.
pub fn values<'a>(
    files: &dyn Files,
    inputs: &[InputSpec],
    now: impl Fn(&str) -> Option<&'a str>,
    folder: &Folder,
    entry: &Entry,
) -> Option<Vec<(String, Option<String>)>> {
    let name = value::print(&entry.name);
    inputs.iter().find_map(|input| match &input.kind {
        kind if takes(kind, folder, entry) => {
            let weight = follow::weight_of(inputs, input);
            let weight = weight.and_then(|weight| {
                let next = follow::weight(files, input, (now(&input.name), Some(&name)), weight, now(&weight.name))?;
                Some((weight.name.clone(), next))
            });
            Some(std::iter::once((input.name.clone(), Some(name.clone()))).chain(weight).collect())
        }
        InputKind::Rows { columns } => {
            let column = columns.iter().find(|column| takes(&column.kind, folder, entry))?;
            let mut rows = value::rows(now(&input.name)).ok()?;
            let mut row = Row::default();
            row.set(&column.name, Some(name.clone()));
            if let Some(weight) = follow::weight_of(columns, column)
                && let Some(next) = follow::weight(files, column, (None, Some(&name)), weight, None)
            {
                row.set(&weight.name, next);
            }
            rows.push(row);
            Some(vec![(input.name.clone(), Some(value::print_rows(&rows, columns)))])
        }
        _ => None,
    })
}

fn takes(kind: &InputKind, of: &Folder, entry: &Entry) -> bool {
    let InputKind::File { folder, extensions, .. } = kind else { return false };
    let extension = entry.path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let fits = extension.is_some_and(|extension| extensions.contains(&extension));
    folder == of && (extensions.is_empty() || entry.is_folder || fits)
}
