//! Graph files that cannot be read or are not right.

use super::{Case, Place, assert_all};
use crate::program::text_to_image;

/// The usual graph with one piece of its text changed.
fn with(from: &str, to: &str) -> String {
    let graph = text_to_image();
    assert!(graph.contains(from), "`{from}` is not in the graph");
    graph.replacen(from, to, 1)
}

/// A sampler's `steps` of this value.
fn steps(value: &str) -> String {
    with("\"steps\": 4", &format!("\"steps\": {value}"))
}

fn cut(share: usize) -> String {
    let graph = text_to_image();
    graph[..graph.len() * share / 100].to_owned()
}

#[test]
fn files_that_cannot_be_read() {
    assert_all(&[
        Case {
            name: "no file",
            arrange: |at| vec!["check".into(), at.path("none.ron")],
            code: 3,
            says: &["none.ron cannot be read", "no such file", "help: give the path"],
        },
        Case {
            name: "a folder",
            arrange: |at| vec!["check".into(), at.path("")],
            code: 3,
            says: &["cannot be read", "directory"],
        },
        Case { name: "empty", arrange: |at| at.check(""), code: 3, says: &["graph.ron is empty", "graphs/"] },
        Case {
            name: "only comments",
            arrange: |at| at.check(" \n// later\n"),
            code: 3,
            says: &["is not a graph", "graph.ron:2", "Graph("],
        },
        Case {
            name: "truncated",
            arrange: |at| at.check(cut(50)),
            code: 3,
            says: &["is not a graph", "graph.ron:", "ends in the middle"],
        },
        Case {
            name: "the last bracket is missing",
            arrange: |at| at.check(text_to_image().trim_end().trim_end_matches(')')),
            code: 3,
            says: &["graph.ron:", "ends in the middle"],
        },
        Case {
            name: "not text",
            arrange: |at| at.check([0x7f, b'E', b'L', b'F', 0xff, 0xfe]),
            code: 3,
            says: &["is not text", "byte at 4", "RON text file"],
        },
        Case {
            name: "UTF-16",
            arrange: |at| at.check(text_to_image().encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
            code: 3,
            says: &["is not a graph"],
        },
        Case { name: "zeros", arrange: |at| at.check([0; 4096]), code: 3, says: &["is not a graph", "graph.ron:1:1"] },
        Case {
            name: "a byte order mark is no fault",
            arrange: |at| at.check(format!("\u{feff}{}", text_to_image())),
            code: 0,
            says: &["\"nodes\":6"],
        },
        Case {
            name: "text behind the graph",
            arrange: |at| at.check(text_to_image() + "more"),
            code: 3,
            says: &["graph.ron:11:2", "more text behind the end"],
        },
        Case {
            name: "another graph behind the graph",
            arrange: |at| at.check(text_to_image() + &text_to_image()),
            code: 3,
            says: &["graph.ron:11:2", "more text behind the end"],
        },
        Case {
            name: "nested too deep",
            arrange: |at| at.check(with("\"model\" }", &format!("{}{} }}", "[".repeat(5000), "]".repeat(5000)))),
            code: 3,
            says: &["graph.ron:4:", "deeper than 32 levels"],
        },
        Case {
            name: "a deep unknown field",
            arrange: |at| {
                at.check(with("    nodes:", &format!("    x: {}{},\n    nodes:", "(".repeat(99), ")".repeat(99))))
            },
            code: 3,
            says: &["graph.ron:3:"],
        },
        Case {
            name: "a hundred thousand brackets",
            arrange: |at| at.check("(".repeat(100_000)),
            code: 3,
            says: &["is not a graph"],
        },
        Case {
            name: "a hundred thousand comments",
            arrange: |at| at.check("/*".repeat(100_000)),
            code: 3,
            says: &["ends in the middle"],
        },
        Case {
            name: "too large",
            arrange: |at| at.check(text_to_image() + &" ".repeat(65 << 20)),
            code: 3,
            says: &["too large", "at most 64 MiB"],
        },
        Case { name: "too many nodes", arrange: too_many_nodes, code: 3, says: &["has 200001 nodes", "help: "] },
        Case {
            name: "JSON of another program",
            arrange: |at| at.check(r#"{"last_node_id": 9, "nodes": [{"id": 1, "type": "KSampler"}]}"#),
            code: 3,
            says: &["is not a graph", "JSON", "workflow"],
        },
        Case {
            name: "a web page",
            arrange: |at| at.check("<!DOCTYPE html><html></html>"),
            code: 3,
            says: &["is not a graph", "web page"],
        },
    ]);
}

fn too_many_nodes(at: &Place) -> Vec<String> {
    let nodes: String = (0..200_001).map(|i| format!("\"{i}\":(kind:\"a/B\"),")).collect();
    at.check(format!("Graph(format: 1, nodes: {{{nodes}}})"))
}

#[test]
fn forms_that_are_no_graph() {
    assert_all(&[
        Case {
            name: "an id twice",
            arrange: |at| at.check(with("\"prompt\": (", "\"model\": (")),
            code: 3,
            says: &["graph.ron:5:", "`model` stands there twice"],
        },
        Case {
            name: "an input twice",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": \"a\", \"path\": \"b\"")),
            code: 3,
            says: &["graph.ron:4:", "`path` stands there twice"],
        },
        Case {
            name: "a field twice",
            arrange: |at| at.check(with("format: 1,", "format: 1, format: 1,")),
            code: 3,
            says: &["graph.ron:2:", "`format` stands there twice"],
        },
        Case {
            name: "no nodes",
            arrange: |at| at.check("Graph(format: 1)"),
            code: 3,
            says: &["graph.ron:1:", "`nodes` is missing"],
        },
        Case {
            name: "no format",
            arrange: |at| at.check(with("    format: 1,\n", "")),
            code: 3,
            says: &["`format` is missing"],
        },
        Case {
            name: "a node without a kind",
            arrange: |at| at.check(with("kind: \"vae/DecodeLatent\", ", "")),
            code: 3,
            says: &["graph.ron:8:", "`kind` is missing"],
        },
        Case {
            name: "a future format",
            arrange: |at| at.check(with("format: 1", "format: 2")),
            code: 3,
            says: &["format 2", "reads 1", "newer version"],
        },
        Case {
            name: "a future format of another form",
            arrange: |at| at.check("Graph(format: 7, nodes: [1, 2])"),
            code: 3,
            says: &["format 7", "newer version"],
        },
        Case {
            name: "a format that never was",
            arrange: |at| at.check(with("format: 1", "format: 0")),
            code: 3,
            says: &["format 0", "format: 1"],
        },
        Case {
            name: "a format in words",
            arrange: |at| at.check(with("format: 1", "format: \"one\"")),
            code: 3,
            says: &["graph.ron:2:", "integer"],
        },
        Case {
            name: "nodes as a list",
            arrange: |at| at.check("Graph(format: 1, nodes: [])"),
            code: 3,
            says: &["graph.ron:1:", "`{`"],
        },
        Case {
            name: "a number for a kind",
            arrange: |at| at.check(with("kind: \"vae/DecodeLatent\"", "kind: 3")),
            code: 3,
            says: &["graph.ron:8:", "string"],
        },
        Case {
            name: "a link without an output",
            arrange: |at| at.check(with("Link(\"model.vae\")", "Link(\"model\")")),
            code: 3,
            says: &["graph.ron:8:", "Link(\"node.output\")"],
        },
        Case {
            name: "a link of two",
            arrange: |at| at.check(with("Link(\"model.vae\")", "Link(\"model.vae\", \"a.b\")")),
            code: 3,
            says: &["graph.ron:8:", "Link(\"node.output\")"],
        },
        Case {
            name: "an id without letters",
            arrange: |at| at.check(with("\"prompt\": (", "\"\": (")),
            code: 3,
            says: &["graph.ron:5:", "1 to 256 bytes"],
        },
        Case {
            name: "an id that is too long",
            arrange: |at| at.check(with("\"prompt\": (", &format!("\"{}\": (", "p".repeat(300)))),
            code: 3,
            says: &["graph.ron:5:", "1 to 256 bytes"],
        },
        Case {
            name: "an id that moves the cursor",
            arrange: |at| at.check(with("\"prompt\": (", "\"a\\u{1b}[2J\": (")),
            code: 3,
            says: &["graph.ron:5:", "no control characters"],
        },
        Case {
            name: "a text that is too long",
            arrange: |at| at.check(with("a red fox", &"x".repeat(2 << 20))),
            code: 3,
            says: &["graph.ron:5:", "longer than 1048576 bytes"],
        },
    ]);
}

#[test]
fn graphs_that_are_not_right() {
    assert_all(&[
        Case {
            name: "an unknown node",
            arrange: |at| at.check(with("vae/DecodeLatent", "vae/DecodeLatnet")),
            code: 4,
            says: &["no node `vae/DecodeLatnet`", "where: node `decode`", "did you mean `vae/DecodeLatent`"],
        },
        Case {
            name: "a node without its plugin",
            arrange: |at| at.check(with("vae/DecodeLatent", "DecodeLatent")),
            code: 4,
            says: &["no node `DecodeLatent`", "where: node `decode`", "a slash", "did you mean `vae/DecodeLatent`"],
        },
        Case {
            name: "a node of no plugin",
            arrange: |at| at.check(with("vae/DecodeLatent", "blur/Gauss")),
            code: 4,
            says: &["no node `blur/Gauss`", "where: node `decode`", "`blur` is not loaded", "--plugins"],
        },
        Case {
            name: "an unknown input",
            arrange: |at| at.check(with("\"steps\"", "\"stpes\"")),
            code: 4,
            says: &["no input `stpes`", "node `sample`", "`steps`"],
        },
        Case {
            name: "an unknown output",
            arrange: |at| at.check(with("sample.latent", "sample.image")),
            code: 4,
            says: &["no output `image`", "node `decode`", "input `latent`", "its outputs are"],
        },
        Case {
            name: "a link to nowhere",
            arrange: |at| at.check(with("Link(\"sample.latent\")", "Link(\"smaple.latent\")")),
            code: 4,
            says: &["`smaple`", "node `decode`", "did you mean `sample`"],
        },
        Case {
            name: "a wrong kind",
            arrange: |at| at.check(with("Link(\"model.vae\")", "Link(\"model.model\")")),
            code: 4,
            says: &["is MODEL, but VAE is needed", "node `decode`", "input `vae`", "link an output"],
        },
        Case {
            name: "two links on one input",
            arrange: |at| at.check(with("Link(\"model.vae\")", "[Link(\"model.vae\"), Link(\"model.vae\")]")),
            code: 4,
            says: &["node `decode`", "input `vae`", "one link"],
        },
        Case {
            name: "a value for a link",
            arrange: |at| at.check(with("Link(\"model.vae\")", "3")),
            code: 4,
            says: &["node `decode`", "input `vae`", "a link of the kind VAE"],
        },
        Case {
            name: "a link for a value of another kind",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": Link(\"latent.latent\")")),
            code: 4,
            says: &["is LATENT, but TEXT is needed", "input `path`"],
        },
        Case { name: "a cycle", arrange: cycle, code: 4, says: &["cycle", "prompt → ", "remove one of these links"] },
        Case {
            name: "a node that takes its own output",
            arrange: |at| at.check(with("Link(\"latent.latent\")", "Link(\"sample.latent\")")),
            code: 4,
            says: &["cycle", "sample → sample"],
        },
        Case {
            name: "a missing input",
            arrange: |at| at.check(with("\"vae\": Link(\"model.vae\"), ", "")),
            code: 4,
            says: &["`vae` is missing", "node `decode`", "VAE"],
        },
        Case {
            name: "nothing to run",
            arrange: |at| at.check("Graph(format: 1, nodes: {})"),
            code: 4,
            says: &["nothing to run", "SaveImage"],
        },
        Case {
            name: "nothing that is shown or saved",
            arrange: |at| at.check("Graph(format: 1, nodes: { \"a\": (kind: \"sampler/EmptyLatent\") })"),
            code: 4,
            says: &["nothing to run", "no node saves"],
        },
        Case {
            name: "all errors at once",
            arrange: |at| {
                at.check(steps("-1").replace("model.vae", "model.vea").replace("\"width\": 64", "\"width\": 65"))
            },
            code: 4,
            says: &["input `steps`", "no output `vea`", "input `width`"],
        },
        Case { name: "errors without number", arrange: many_errors, code: 4, says: &["node `0` (a/B)", "errors more"] },
    ]);
}

fn cycle(at: &Place) -> Vec<String> {
    let back = "\"text\": \"a red fox in the snow\"";
    at.check(with(back, "\"text\": Link(\"save.path\")"))
}

fn many_errors(at: &Place) -> Vec<String> {
    let nodes: String = (0..1000).map(|i| format!("\"{i}\":(kind:\"a/B\"),")).collect();
    at.check(format!("Graph(format: 1, nodes: {{{nodes}}})"))
}

#[test]
fn values_that_do_not_fit() {
    assert_all(&[
        Case {
            name: "not a number",
            arrange: |at| at.check(with("\"steps\": 4", "\"guidance\": NaN")),
            code: 4,
            says: &["`NaN`", "node `sample`", "input `guidance`", "not finite", "from 0 to 30"],
        },
        Case {
            name: "infinity",
            arrange: |at| at.check(with("\"steps\": 4", "\"guidance\": inf")),
            code: 4,
            says: &["`inf`", "input `guidance`", "not finite"],
        },
        Case {
            name: "an infinity in digits",
            arrange: |at| at.check(with("\"steps\": 4", "\"guidance\": 1e999")),
            code: 4,
            says: &["`1e999`", "input `guidance`", "not finite"],
        },
        Case {
            name: "below the range",
            arrange: |at| at.check(steps("-1")),
            code: 4,
            says: &["`-1`", "node `sample`", "input `steps`", "out of range", "from 0 to 1000"],
        },
        Case {
            name: "above the range",
            arrange: |at| at.check(steps("1001")),
            code: 4,
            says: &["`1001`", "input `steps`", "out of range"],
        },
        Case {
            name: "half a step",
            arrange: |at| at.check(steps("2.5")),
            code: 4,
            says: &["`2.5`", "input `steps`", "not a whole number"],
        },
        Case {
            name: "not finite where whole",
            arrange: |at| at.check(steps("NaN")),
            code: 4,
            says: &["`NaN`", "input `steps`", "not a whole number"],
        },
        Case {
            name: "a wrong type",
            arrange: |at| at.check(steps("\"four\"")),
            code: 4,
            says: &["\"four\"", "input `steps`", "it is text", "a whole number from 0"],
        },
        Case {
            name: "a list for a number",
            arrange: |at| at.check(steps("[4]")),
            code: 4,
            says: &["input `steps`", "it is a list"],
        },
        Case {
            name: "a seed below 0",
            arrange: |at| at.check(with("\"seed\": 1", "\"seed\": -1")),
            code: 4,
            says: &["input `seed`", "out of range", "from 0"],
        },
        Case {
            name: "a seed of more than 63 bits",
            arrange: |at| at.check(with("\"seed\": 1", "\"seed\": 18446744073709551615")),
            code: 4,
            says: &["input `seed`", "out of range"],
        },
        Case {
            name: "a number of 30 digits",
            arrange: |at| at.check(with("\"seed\": 1", "\"seed\": 100000000000000000000000000000")),
            code: 4,
            says: &["input `seed`", "out of range"],
        },
        Case {
            name: "no multiple",
            arrange: |at| at.check(with("\"width\": 64", "\"width\": 65")),
            code: 4,
            says: &["input `width`", "near are 64 and 80", "multiple of 16"],
        },
        Case {
            name: "an unknown choice",
            arrange: |at| at.check(with("\"steps\": 4", "\"sampler\": \"eulre\"")),
            code: 4,
            says: &["\"eulre\"", "input `sampler`", "`euler`"],
        },
        Case {
            name: "a model that is not there",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": \"none\"")),
            code: 4,
            says: &["`none` is in none of", "input `path`", "--models"],
        },
        Case {
            name: "a model whose name is mistyped",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": \"modle\"")),
            code: 4,
            says: &["`modle` is in none of", "; there is `model`", "input `path`"],
        },
        Case {
            name: "a model outside",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": \"../plain/model\"")),
            code: 4,
            says: &["input `path`", "leaves its folder with `..`"],
        },
        Case {
            name: "a model at an address",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": \"https://example.org/model\"")),
            code: 4,
            says: &["input `path`", "is in none of"],
        },
        Case {
            name: "a model without a name",
            arrange: |at| at.check(with("\"path\": \"model\"", "\"path\": \"\"")),
            code: 4,
            says: &["input `path`", "no file is given"],
        },
        Case {
            name: "a prompt that is too long",
            arrange: |at| at.run(&with("a red fox", &"fox ".repeat(20_000))),
            code: 7,
            says: &["the prompt has", "node `prompt`", "shorten the prompt"],
        },
    ]);
}
