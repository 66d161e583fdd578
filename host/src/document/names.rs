//! Names for new nodes.

use std::collections::{HashMap, HashSet};

use crate::graph::Graph;
use crate::limits;

/// Finds names that no node of a graph has, nor any that it gave before.
pub struct Names<'a> {
    graph: &'a Graph,
    given: HashSet<String>,
    /// Where the search goes on, by the name without its number.
    next: HashMap<String, usize>,
}

impl<'a> Names<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        Self { graph, given: HashSet::new(), next: HashMap::new() }
    }

    /// `wish`, or with the next number: `sample-2` where there is a `sample`.
    pub fn free(&mut self, wish: &str) -> String {
        let is_free =
            |name: &str, given: &HashSet<String>| !self.graph.nodes.contains_key(name) && !given.contains(name);
        let mut name = wish.to_owned();
        if !is_free(&name, &self.given) {
            // Room for the number.
            let stem = shorten(without_number(wish), limits::ID_BYTES - 8);
            let next = self.next.entry(stem.to_owned()).or_insert(2);
            while {
                name = format!("{stem}-{next}");
                *next += 1;
                !is_free(&name, &self.given)
            } {}
        }
        self.given.insert(name.clone());
        name
    }
}

/// What a new node of this kind is called: `save-image` for `image-io/SaveImage`.
pub fn of_kind(kind: &str) -> String {
    let mut name = String::new();
    let mut was_small = false;
    for c in kind.rsplit('/').next().unwrap_or(kind).chars().filter(|c| !c.is_control()) {
        if c.is_uppercase() && was_small {
            name.push('-');
        }
        was_small = c.is_lowercase() || c.is_numeric();
        name.extend(c.to_lowercase());
    }
    let name = shorten(&name, limits::ID_BYTES);
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}

/// `sample` for `sample-2`.
fn without_number(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match stem.strip_suffix('-') {
        Some(plain) if stem.len() < name.len() && !plain.is_empty() => plain,
        _ => name,
    }
}

fn shorten(name: &str, bytes: usize) -> &str {
    let mut end = name.len().min(bytes);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_make_names() {
        assert_eq!(of_kind("sampler/Sample"), "sample");
        assert_eq!(of_kind("image-io/SaveImage"), "save-image");
        assert_eq!(of_kind("x/Load2Images"), "load2-images");
        assert_eq!(of_kind("x/"), "node");
    }

    #[test]
    fn names_are_never_given_twice() {
        let mut graph = Graph::default();
        graph.nodes.insert("sample".to_owned(), crate::graph::Node::new("a/B"));
        let mut names = Names::new(&graph);
        assert_eq!(names.free("sample"), "sample-2");
        assert_eq!(names.free("sample-2"), "sample-3");
        assert_eq!(names.free("other"), "other");
        assert_eq!(names.free("other"), "other-2");
        let long = "ö".repeat(limits::ID_BYTES / 2);
        assert_eq!(names.free(&long), long);
        assert!(crate::graph::is_name(&names.free(&long)));
    }
}
