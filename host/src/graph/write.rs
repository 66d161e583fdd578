//! [`Graph`] to RON text, in the one form in which Weft writes graphs.

use std::fmt::Write;

use super::{Graph, Input, Node};

impl Graph {
    /// The text of the graph's file.
    pub fn to_ron(&self) -> String {
        let mut text = self.header.clone();
        text.push_str("Graph(\n");
        field(&mut text, "format", &super::file::FORMAT.to_string());
        text.push_str("    nodes: {\n");
        for (id, node) in &self.nodes {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "        {}: {},", quote(id), node_text(node));
        }
        text.push_str("    },\n");
        for (name, value) in &self.other {
            field(&mut text, name, value);
        }
        text.push_str(")\n");
        text
    }
}

fn field(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "    {name}: {value},");
}

fn node_text(node: &Node) -> String {
    let inputs: Vec<String> =
        node.inputs.iter().map(|(name, input)| format!("{}: {}", quote(name), input_text(input))).collect();
    let inputs = if inputs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", inputs.join(", ")) };
    let other: String = node.other.iter().map(|(name, value)| format!(", {name}: {value}")).collect();
    format!("(kind: {}, inputs: {inputs}{other})", quote(&node.kind))
}

fn input_text(input: &Input) -> String {
    match input {
        Input::Link(link) => format!("Link({})", quote(&format!("{}.{}", link.node, link.output))),
        Input::Value(text) => text.clone(),
    }
}

fn quote(text: &str) -> String {
    // Writing a str as RON cannot fail.
    ron::to_string(text).unwrap_or_default()
}
