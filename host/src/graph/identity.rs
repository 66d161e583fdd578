//! What the model files are that a graph names: its field `models` says their size and SHA-256, so that another machine finds
//! them under other names.

use std::collections::BTreeMap;
use std::fmt::Write;

use plugin_api::Folder;
use serde::{Deserialize, Serialize};

use super::Graph;
use super::write::quote;

const FIELD: &str = "models";

/// A file or folder by its content; the docs say what the hash of a folder is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// In lower-case hexadecimal digits.
    pub sha256: String,
    pub bytes: u64,
}

/// Identities by the files' names: as the graph has them, behind the folder below `models/` where names are joined to one, as
/// in `loras/ink.safetensors`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities(BTreeMap<String, Identity>);

impl Identities {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, folder: &Folder, name: &str) -> Option<&Identity> {
        self.0.get(&key(folder, name))
    }

    pub fn insert(&mut self, folder: &Folder, name: &str, identity: Identity) {
        self.0.insert(key(folder, name), identity);
    }

    pub fn rename(&mut self, folder: &Folder, from: &str, to: &str) {
        if from != to
            && let Some(identity) = self.0.remove(&key(folder, from))
        {
            self.insert(folder, to, identity);
        }
    }
}

fn key(folder: &Folder, name: &str) -> String {
    match folder {
        Folder::Models(kind) if !kind.is_empty() => format!("{kind}/{name}"),
        _ => name.to_owned(),
    }
}

impl Graph {
    /// What the graph says of its files. Of a field that is not understood, nothing.
    pub fn identities(&self) -> Identities {
        let read = |text: &String| ron::from_str(text).ok();
        Identities(self.other.get(FIELD).and_then(read).unwrap_or_default())
    }

    /// Writes what is known of its files, or takes the field away where nothing is. It stays as it is written where it says
    /// the same, or what this version does not understand.
    pub fn set_identities(&mut self, identities: &Identities) {
        let is_odd = |text: &String| ron::from_str::<BTreeMap<String, Identity>>(text).is_err();
        if self.identities() == *identities || self.other.get(FIELD).is_some_and(is_odd) {
            return;
        }
        if identities.is_empty() {
            self.other.shift_remove(FIELD);
            return;
        }
        let text = self.text_of(identities);
        self.other.insert(FIELD.to_owned(), text);
    }

    fn text_of(&self, Identities(identities): &Identities) -> String {
        let end = self.line_end();
        let mut text = format!("{{{end}");
        for (name, Identity { sha256, bytes }) in identities {
            // Writing to a String cannot fail.
            let _ = write!(text, "        {}: (sha256: {}, bytes: {bytes}),{end}", quote(name), quote(sha256));
        }
        text + "    }"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(bytes: u64) -> Identity {
        Identity { sha256: "ab".repeat(32), bytes }
    }

    fn loras() -> Folder {
        Folder::Models("loras".to_owned())
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "Graph(\r\n    format: 1,\r\n    nodes: {},\r\n    future: 1,\r\n)\r\n";
        let mut graph = Graph::parse(text, "g").unwrap();
        let mut identities = Identities::default();
        identities.insert(&Folder::AnyModel, "a \"b\"", identity(u64::MAX));
        identities.insert(&loras(), "ink", identity(1));
        graph.set_identities(&identities);
        let written = graph.to_ron();
        let again = Graph::parse(&written, "g").unwrap();
        assert_eq!(again.identities(), identities, "{written}");
        assert_eq!(again.identities().get(&loras(), "ink"), Some(&identity(1)));
        assert!(written.contains("    future: 1,\r\n") && !written.replace("\r\n", "").contains('\n'), "{written}");
        graph.set_identities(&Identities::default());
        assert_eq!(graph.to_ron(), text);
    }

    #[test]
    fn a_field_that_says_the_same_or_something_else_stays() {
        for field in [r#"{"a": (bytes: 1, sha256: "ab")}"#, r#"{"a": (sha256: "ab", bytes: 1, later: 2)}"#, "[1, 2]"] {
            let text = format!("Graph(format: 1, nodes: {{}}, models: {field})");
            let mut graph = Graph::parse(&text, "g").unwrap();
            let mut identities = graph.identities();
            graph.set_identities(&identities);
            assert_eq!(graph.to_ron(), text);
            identities.insert(&Folder::AnyModel, "b", identity(1));
            graph.set_identities(&identities);
            assert_eq!(graph.to_ron() == text, field == "[1, 2]");
        }
    }
}
