//! What each [`Edit`] does.

use std::collections::HashSet;

use super::facts::{set_collapsed, set_mode, set_seed_mode};
use super::history::Change;
use super::layout::{Place, is_finite};
use super::names::{Names, of_kind};
use super::{Document, Edit, Point, clipboard};
use crate::error::{Code, Error, Result};
use crate::graph::{Graph, Input, Link, Node, is_name, name_rule};
use crate::limits;

impl Document {
    /// Makes the changes and keeps them in `self.changes`. On an error some of them may be made.
    pub(super) fn carry_out(&mut self, edit: Edit) -> Result<Vec<String>> {
        match edit {
            Edit::Add { kind, at, inputs } => return self.add(&kind, at, inputs).map(|name| vec![name]),
            Edit::Paste { text, at, links } => return self.paste(&text, at, links),
            Edit::All(edits) => {
                let mut made = Vec::new();
                for edit in edits {
                    made.extend(self.carry_out(edit)?);
                }
                return Ok(made);
            }
            Edit::Remove(nodes) => self.remove(&nodes),
            Edit::Connect { from, node, input } => self.connect(from, &node, &input)?,
            Edit::Disconnect { node, input } => self.disconnect(&node, &input),
            Edit::Set { node, input, value } => self.set(&node, &input, value.as_deref())?,
            Edit::Move(places) => places.into_iter().for_each(|(node, to)| self.move_to(&node, to)),
            Edit::Mode { nodes, mode } => nodes.iter().for_each(|id| self.change_node(id, |node| set_mode(node, mode))),
            Edit::Seed { node, input, mode } => {
                check_name(&input)?;
                self.change_node(&node, |node| set_seed_mode(node, &input, mode));
            }
            Edit::Replace { node, kind } => self.change_node(&node, |node| node.kind = kind),
            Edit::Rename { node, to } => self.rename(&node, to)?,
            Edit::Collapse { nodes, collapsed } => {
                nodes.iter().for_each(|id| self.change_node(id, |node| set_collapsed(node, collapsed)));
            }
        }
        Ok(Vec::new())
    }

    fn make(&mut self, change: Change) {
        change.clone().redo(&mut self.graph, &mut self.layout);
        self.changes.push(change);
    }

    /// Changes a node that is there. Where it stays as it was, nothing was done.
    pub(super) fn change_node(&mut self, id: &str, change: impl FnOnce(&mut Node)) {
        let Some((index, _, old)) = self.graph.nodes.get_full(id) else { return };
        let mut node = old.clone();
        change(&mut node);
        if node != *old {
            let before = Some((index, old.clone()));
            self.make(Change::Node { id: id.to_owned(), before, after: Some((index, node)) });
        }
    }

    fn append(&mut self, id: &str, node: Node, at: Point) {
        self.replaced.remove(id);
        let after = Some((self.graph.nodes.len(), node));
        self.make(Change::Node { id: id.to_owned(), before: None, after });
        self.move_to(id, at);
    }

    fn add(&mut self, kind: &str, at: Point, inputs: Vec<(String, Input)>) -> Result<String> {
        self.check_room(1)?;
        let mut node = Node::new(kind);
        for (name, input) in inputs {
            check_name(&name)?;
            let input = match input {
                Input::Value(text) => Input::parse(&text)?,
                Input::Link(link) => Input::Link(check_link(link)?),
            };
            node.inputs.insert(name, input);
        }
        let name = Names::new(&self.graph).free(&of_kind(kind));
        self.append(&name, node, if is_finite(at) { at } else { Point::default() });
        Ok(name)
    }

    fn paste(&mut self, text: &str, at: Option<Point>, links: bool) -> Result<Vec<String>> {
        let pasted = clipboard::read(text, &self.graph, at.filter(|&at| is_finite(at)), links)?;
        self.check_room(pasted.len())?;
        let names = pasted.iter().map(|(name, ..)| name.clone()).collect();
        for (name, node, at) in pasted {
            self.append(&name, node, at);
        }
        Ok(names)
    }

    fn remove(&mut self, nodes: &[String]) {
        let removed: HashSet<&str> =
            nodes.iter().map(String::as_str).filter(|id| self.graph.nodes.contains_key(*id)).collect();
        if removed.is_empty() {
            return;
        }
        let is_cut = |input: &Input| matches!(input, Input::Link(link) if removed.contains(link.node.as_str()));
        let takers = self
            .graph
            .nodes
            .iter()
            .filter(|(id, node)| !removed.contains(id.as_str()) && node.inputs.values().any(is_cut));
        for taker in takers.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            let values = self.replaced.get(&taker).cloned().unwrap_or_default();
            self.change_node(&taker, |node| {
                let cut: Vec<String> =
                    node.inputs.iter().filter(|(_, input)| is_cut(input)).map(|(name, _)| name.clone()).collect();
                cut.iter().for_each(|name| cut_link(node, name, values.get(name)));
            });
        }
        let all = self.graph.nodes.iter().enumerate().filter(|(_, (id, _))| removed.contains(id.as_str()));
        let nodes = all.map(|(index, (id, node))| (index, id.clone(), node.clone())).collect();
        let place = |id: &&str| {
            let (index, place) = self.layout.get(id)?;
            Some((index, (*id).to_owned(), place))
        };
        let mut places: Vec<(usize, String, Place)> = removed.iter().filter_map(place).collect();
        places.sort_unstable_by_key(|(index, ..)| *index);
        self.make(Change::Removed { nodes, places });
    }

    fn connect(&mut self, from: Link, node: &str, input: &str) -> Result<()> {
        if !self.graph.nodes.contains_key(node) || !self.graph.nodes.contains_key(&from.node) {
            return Ok(());
        }
        check_name(input)?;
        let from = check_link(from)?;
        if reaches(&self.graph, &from.node, node) {
            let error = Error::new(Code::Invalid, "this link would close a circle");
            let cause = if from.node == node {
                format!("`{node}` cannot take its own output")
            } else {
                format!("`{}` already takes from `{node}`, itself or through others", from.node)
            };
            return Err(error.place(format!("{} → {node}", from.node)).cause(cause).help("link another node"));
        }
        match self.graph.nodes[node].inputs.get(input) {
            Some(Input::Link(_)) => {}
            Some(Input::Value(value)) => {
                let value = value.clone();
                self.replaced.entry(node.to_owned()).or_default().insert(input.to_owned(), value);
            }
            None => drop(self.replaced.get_mut(node).and_then(|values| values.remove(input))),
        }
        self.change_node(node, |node| drop(node.inputs.insert(input.to_owned(), Input::Link(from))));
        Ok(())
    }

    fn disconnect(&mut self, node: &str, input: &str) {
        let value = self.replaced.get(node).and_then(|values| values.get(input)).cloned();
        self.change_node(node, |node| {
            if matches!(node.inputs.get(input), Some(Input::Link(_))) {
                cut_link(node, input, value.as_ref());
            }
        });
    }

    fn set(&mut self, node: &str, input: &str, value: Option<&str>) -> Result<()> {
        check_name(input)?;
        let value = value.map(Input::parse).transpose()?;
        if matches!(value, Some(Input::Link(_))) {
            return Err(Error::new(Code::Invalid, "a link is no value").help("draw the link from output to input"));
        }
        self.change_node(node, |node| match value {
            Some(value) => drop(node.inputs.insert(input.to_owned(), value)),
            None => drop(node.inputs.shift_remove(input)),
        });
        Ok(())
    }

    fn move_to(&mut self, node: &str, to: Point) {
        let before = self.layout.get(node);
        let after = Some(self.layout.moved(node, to));
        if is_finite(to) && self.graph.nodes.contains_key(node) && before != after {
            self.make(Change::Place { id: node.to_owned(), before, after });
        }
    }

    fn rename(&mut self, node: &str, to: String) -> Result<()> {
        let Some((index, _, old)) = self.graph.nodes.get_full(node) else { return Ok(()) };
        if node == to {
            return Ok(());
        }
        check_name(&to)?;
        if self.graph.nodes.contains_key(&to) {
            let error = Error::new(Code::Invalid, format!("there is a node `{to}` already"));
            return Err(error.help("choose another name"));
        }
        let old = old.clone();
        if let Some(values) = self.replaced.get(node).cloned() {
            self.replaced.insert(to.clone(), values);
        }
        let is_it = |input: &Input| matches!(input, Input::Link(link) if link.node == node);
        let takers = self.graph.nodes.iter().filter(|(_, taker)| taker.inputs.values().any(is_it));
        for taker in takers.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.change_node(&taker, |taker| {
                for input in taker.inputs.values_mut() {
                    match input {
                        Input::Link(link) if link.node == node => link.node.clone_from(&to),
                        _ => {}
                    }
                }
            });
        }
        self.make(Change::Node { id: node.to_owned(), before: Some((index, old.clone())), after: None });
        self.make(Change::Node { id: to.clone(), before: None, after: Some((index, old)) });
        // An entry that a node of this name left behind would stand there twice.
        if let stale @ Some(_) = self.layout.get(&to) {
            self.make(Change::Place { id: to.clone(), before: stale, after: None });
        }
        if let after @ Some(_) = self.layout.renamed(node, &to) {
            let before = self.layout.get(node);
            self.make(Change::Place { id: node.to_owned(), before, after: None });
            self.make(Change::Place { id: to, before: None, after });
        }
        Ok(())
    }

    fn check_room(&self, more: usize) -> Result<()> {
        if self.graph.nodes.len() + more <= limits::GRAPH_NODES {
            return Ok(());
        }
        let what = format!("a graph has {} nodes at most", limits::GRAPH_NODES);
        Err(Error::new(Code::Limit, what).help("divide it into several graphs"))
    }
}

/// The value that stood there before the link, or the default.
fn cut_link(node: &mut Node, input: &str, value: Option<&String>) {
    match value {
        Some(value) => drop(node.inputs.insert(input.to_owned(), Input::Value(value.clone()))),
        None => drop(node.inputs.shift_remove(input)),
    }
}

/// Whether `node` takes from `source`, itself or through others.
fn reaches(graph: &Graph, node: &str, source: &str) -> bool {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut next = vec![node];
    while let Some(id) = next.pop() {
        if id == source {
            return true;
        }
        let Some(node) = graph.nodes.get(id).filter(|_| seen.insert(id)) else { continue };
        next.extend(node.inputs.values().filter_map(|input| match input {
            Input::Link(link) => Some(link.node.as_str()),
            Input::Value(_) => None,
        }));
    }
    false
}

fn check_name(name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    let error = Error::new(Code::Invalid, "this name cannot be used");
    Err(error.cause(name_rule()).help("choose a shorter one, of letters and digits"))
}

/// A link that a file can hold.
fn check_link(link: Link) -> Result<Link> {
    let is_plain = Link::parse(&format!("{}.{}", link.node, link.output)).as_ref() == Some(&link);
    let what = format!("`{}.{}` names no output", link.node, link.output);
    if is_plain { Ok(link) } else { Err(Error::new(Code::Invalid, what).help("link another output")) }
}
