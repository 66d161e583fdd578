//! Files by the names that people call them: without the extension, and without the folder that they were sorted into.
//! `ink` is `styles/ink.safetensors` as long as no other file has that name.

use crate::text;
use crate::walk::{Entry, has_extension};

/// The file that `name` means, in the first of `lists` (one for each root) that has it: by its path without the
/// extension or else, where the name has no `/`, by its own name in any folder.
///
/// # Errors
/// Several of one list have that name; the sentence names them.
pub fn find<'a>(lists: &'a [Vec<Entry>], extensions: &[String], name: &str) -> Result<Option<&'a Entry>, String> {
    let has_path = |entry: &Entry| bare(&entry.name, extensions) == name;
    let has_name = |entry: &Entry| {
        let file = file_name(&entry.name);
        !name.contains('/') && (file == name || bare(file, extensions) == name)
    };
    match first(lists, name, has_path)? {
        None => first(lists, name, has_name),
        found => Ok(found),
    }
}

/// The file whose own name is most like that of `name`.
pub fn nearest<'a>(lists: &'a [Vec<Entry>], extensions: &[String], name: &str) -> Option<&'a Entry> {
    let called = |entry: &'a Entry| bare(file_name(&entry.name), extensions);
    let near = text::nearest(bare(file_name(name), extensions), lists.iter().flatten().map(called))?;
    lists.iter().flatten().find(|entry| called(entry) == near)
}

fn first<'a>(lists: &'a [Vec<Entry>], name: &str, is_it: impl Fn(&Entry) -> bool) -> Result<Option<&'a Entry>, String> {
    for list in lists {
        let found: Vec<&Entry> = list.iter().filter(|entry| is_it(entry)).collect();
        match found[..] {
            [] => {}
            [entry] => return Ok(Some(entry)),
            _ => {
                let names = text::list(found.iter().map(|entry| &entry.name));
                return Err(format!("`{name}` may be {names}: give the folder or the extension as well"));
            }
        }
    }
    Ok(None)
}

fn file_name(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, file)| file)
}

/// Without its extension, where it has one of these.
fn bare<'a>(name: &'a str, extensions: &[String]) -> &'a str {
    match name.rsplit_once('.') {
        Some((bare, ending)) if has_extension(name, extensions) && !ending.contains('/') => bare,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<Entry> {
        let entry = |name: &&str| Entry { name: (*name).into(), path: name.into(), is_folder: false, bytes: 0 };
        names.iter().map(entry).collect()
    }

    #[test]
    fn names_without_folder_and_extension() {
        let first = list(&["styles/ink.safetensors", "characters/Fox.v2.SafeTensors", "a/b.safetensors"]);
        let second = list(&["ink.safetensors", "styles/oil.safetensors", "a/b.gguf", "oil/b.safetensors"]);
        let lists = [first, second];
        let extensions = ["safetensors".to_owned(), "gguf".to_owned()];
        let found = |name| find(&lists, &extensions, name).map(|found| found.map(|entry| entry.name.as_str()));
        for (name, file) in [
            ("styles/ink", Some("styles/ink.safetensors")),
            // A whole path goes before a name, also in a later root.
            ("ink", Some("ink.safetensors")),
            ("ink.safetensors", Some("styles/ink.safetensors")),
            ("Fox.v2", Some("characters/Fox.v2.SafeTensors")),
            ("oil", Some("styles/oil.safetensors")),
            // The first root has one of this name, so that the second does not matter.
            ("b", Some("a/b.safetensors")),
            ("Fox", None),
            ("other/ink", None),
            ("", None),
        ] {
            assert_eq!(found(name), Ok(file), "{name}");
        }
        let lists = &lists[1..];
        let why = find(lists, &extensions, "b").unwrap_err();
        assert_eq!(why, "`b` may be `a/b.gguf`, `oil/b.safetensors`: give the folder or the extension as well");
        assert!(find(lists, &extensions, "a/b").is_ok_and(|found| found.is_some()));
        let near = |name| nearest(lists, &extensions, name).map(|entry| entry.name.as_str());
        assert_eq!(near("styles/inkk.safetensors"), Some("ink.safetensors"));
        assert_eq!(near("watercolour"), None);
    }

    #[test]
    fn any_extension_where_none_is_named() {
        let lists = [list(&["a/x4.pth", "a.b/c"])];
        let found = |name| find(&lists, &[], name).unwrap().map(|entry| entry.name.as_str());
        assert_eq!([found("x4"), found("c"), found("a")], [Some("a/x4.pth"), Some("a.b/c"), None]);
    }
}
