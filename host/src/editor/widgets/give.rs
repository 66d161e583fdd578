//! Gives a file to a node, where it takes one: as the value of an input, or as one more row of a list.

use plugin_api::{Folder, InputKind, InputSpec};

use super::value::{self, Row};
use super::{follow, tags};
use crate::editor::files::{Files, is_lora};
use crate::editor::lora;
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
        InputKind::Prompt { default, folder: of, .. } if of == folder => {
            let text = value::read(now(&input.name), default.clone(), value::text).ok()?;
            let weight = if is_lora(folder) { lora::recommended(&files.facts_now(&entry.path)) } else { None };
            Some(vec![(input.name.clone(), Some(value::print(&tags::with(&text, &entry.name, weight))))])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::files::fake::{Fake, facts};

    fn spec(name: &str, kind: InputKind) -> InputSpec {
        InputSpec { name: name.to_owned(), kind, required: false, help: String::new() }
    }

    fn file() -> InputKind {
        let extensions = vec!["safetensors".to_owned()];
        InputKind::File { default: String::new(), folder: Folder::Models("loras".to_owned()), extensions }
    }

    /// The values that `ink.safetensors` gives to a node with these inputs and, by name, this value.
    fn given(inputs: &[InputSpec], now: Option<(&str, &str)>) -> Option<Vec<(String, String)>> {
        let mut files = Fake::of(&["ink.safetensors"]);
        files.facts.insert("ink.safetensors".into(), facts(&[], Some(0.8), None));
        let now = |name: &str| now.filter(|(known, _)| *known == name).map(|(_, value)| value);
        let values = values(&files, inputs, now, &Folder::Models("loras".to_owned()), &files.entries[0])?;
        Some(values.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn a_file_takes_its_weight_along() {
        let weight = spec("weight", InputKind::float(1.0, (-2.0, 2.0), 0.05));
        let inputs = [spec("text", InputKind::text("")), spec("file", file()), weight.clone()];
        let name = r#""ink.safetensors""#;
        assert_eq!(given(&inputs, None), pairs(&[("file", name), ("weight", "0.8")]));
        assert_eq!(given(&inputs, Some(("weight", "0.3"))), pairs(&[("file", name)]), "set by hand");
        let rows = [spec("rows", InputKind::Rows { columns: vec![spec("file", file()), weight] })];
        let row = r#"{"file": "ink.safetensors", "weight": 0.8}"#;
        assert_eq!(given(&rows, None), pairs(&[("rows", &format!("[{row}]"))]));
        assert_eq!(given(&rows, Some(("rows", "[{}]"))), pairs(&[("rows", &format!("[{{}}, {row}]"))]));
        assert_eq!(given(&rows, Some(("rows", "17"))), None, "what is no list stays as it is");
        let prompt = InputKind::Prompt {
            default: String::new(),
            folder: Folder::Models("loras".to_owned()),
            extensions: vec![],
        };
        let added = given(&[spec("prompt", prompt)], Some(("prompt", r#""a fox""#)));
        assert_eq!(added, pairs(&[("prompt", r#""a fox <lora:ink:0.8>""#)]));
        assert_eq!(given(&[spec("text", InputKind::text(""))], None), None);
    }
}
