//! Files that come back byte for byte, and nodes that do not run.

use plugin_api::{InputKind, NodeSpec};
use proptest::prelude::*;

use super::*;
use crate::plugins::Catalog;

/// Choices, one byte each; 0 when there are no more, so that shorter tapes make smaller things.
pub(crate) struct Tape<'a>(pub std::slice::Iter<'a, u8>);

impl Tape<'_> {
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % count
    }

    pub fn pick<'b>(&mut self, from: &[&'b str]) -> &'b str {
        from[self.below(from.len())]
    }
}

pub(crate) const VALUES: [&str; 14] = [
    "1",
    "\"text // no comment, \\\" no end\"",
    "r#\"raw \" } \"#",
    "[1, 2, // two )\n 3]",
    "'}'",
    "'\\''",
    "(a: 1, b: \"(\")",
    "{ \"k\": [(1)] }",
    "Some(\"{\")",
    "-1.5e3",
    "true",
    "None",
    "\"two\nlines\"",
    "\"a text so long that no line has room for it, for which the node that it belongs to has to be written on several\"",
];

const NOISE: [&str; 12] = [
    "",
    "",
    " ",
    "",
    "\n        ",
    " // a comment \"([{\n",
    "/* } /* nested */ , */",
    "\r\n\r\n",
    "\t",
    " // é\r\n  ",
    "/* over\n two lines */",
    "",
];

/// The text of a graph with noise wherever there may be some.
pub(crate) fn noisy(tape: &mut Tape<'_>) -> String {
    fn n(tape: &mut Tape<'_>) -> &'static str {
        tape.pick(&NOISE)
    }
    fn list(tape: &mut Tape<'_>, open: &str, entries: Vec<String>, close: &str) -> String {
        let mut text = open.to_owned() + n(tape);
        let last = entries.len().saturating_sub(1);
        for (index, entry) in entries.into_iter().enumerate() {
            let comma = if index < last || tape.below(2) == 0 { "," } else { "" };
            text += &[&entry, n(tape), comma, n(tape)].concat();
        }
        text + close
    }
    fn entry(tape: &mut Tape<'_>, key: &str, value: &str) -> String {
        [key, n(tape), ":", n(tape), value].concat()
    }
    let keys = ["\"n0\"", "\"a b\"", "r#\"raw\"#", "\"\\u{fc}b\\\\\"", "\"n4\""];
    let count = tape.below(keys.len() + 1);
    let nodes = keys[..count].iter().map(|key| {
        let inputs = (0..tape.below(4)).map(|input| {
            let link = format!("Link(\"{}.out\")", ["n0", "a b", "nobody"][tape.below(3)]);
            let value = if tape.below(3) == 0 { link } else { tape.pick(&VALUES).to_owned() };
            entry(tape, &format!("\"i{input}\""), &value)
        });
        let inputs: Vec<String> = inputs.collect();
        let inputs = list(tape, "{", inputs, "}");
        let mut fields = vec![entry(tape, "kind", "\"x/A\""), entry(tape, "inputs", &inputs)];
        for other in [("mode", "Muted"), ("seeds", "{\"i0\": Random, \"i9\": Later}"), ("r#strange", "Some([1, 2])")] {
            if tape.below(4) == 1 {
                fields.push(entry(tape, other.0, other.1));
            }
        }
        let node = list(tape, "(", fields, ")");
        entry(tape, key, &node)
    });
    let nodes: Vec<String> = nodes.collect();
    let nodes = list(tape, "{", nodes, "}");
    let places = ["(1, 2)", "(NaN, 0)", "(-3.5, 4e2)", "[9]", "(inf, 1)"];
    let mut place = |key: &&str| {
        let place = tape.pick(&places);
        entry(tape, key, place)
    };
    let places: Vec<String> = keys.iter().map(&mut place).collect();
    let places = list(tape, "{", places, "}");
    let mut fields = vec![entry(tape, "format", "1"), entry(tape, "nodes", &nodes)];
    match tape.below(4) {
        1 => fields.push(entry(tape, "editor", "Some(3)")),
        2 => fields.push(entry(tape, "editor", &places)),
        3 => fields.insert(0, entry(tape, "editor", "{}")),
        _ => {}
    }
    if tape.below(2) == 1 {
        fields.push(entry(tape, "future", "Some([1, \")\"])"));
    }
    let mark = ["", "\u{feff}"][tape.below(2)];
    let attribute = tape.pick(&["", "", "#![enable(implicit_some)]"]);
    let name = tape.pick(&["Graph", "Graph", ""]);
    let begin = [mark, n(tape), attribute, n(tape), name, n(tape), "("].concat();
    list(tape, &begin, fields, ")") + n(tape)
}

proptest! {
    #[test]
    fn any_file_comes_back_byte_for_byte(tape in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = noisy(&mut Tape(tape.iter()));
        let graph = Graph::parse(&text, "g").unwrap();
        prop_assert!(graph.source.is_some(), "{text}");
        prop_assert_eq!(graph.to_ron(), text);
        let other = Graph { source: None, ..graph.clone() };
        prop_assert_eq!(&Graph::parse(&other.to_ron(), "g").unwrap(), &graph);
    }

    #[test]
    fn what_is_changed_can_be_read(tape in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut tape = Tape(tape.iter());
        let text = noisy(&mut tape);
        let mut graph = Graph::parse(&text, "g").unwrap();
        for _ in 0..tape.below(6) {
            let nodes = graph.nodes.len();
            match tape.below(4) {
                0 => drop(graph.nodes.insert(format!("new{nodes}"), Node::new("x/B"))),
                1 if nodes > 0 => drop(graph.nodes.shift_remove_index(tape.below(nodes))),
                2 if nodes > 0 => drop(graph.nodes.swap_remove_index(tape.below(nodes))),
                _ if nodes > 0 => {
                    let node = &mut graph.nodes[tape.below(nodes)];
                    node.inputs.insert("v".to_owned(), Input::Value(tape.pick(&VALUES).to_owned()));
                }
                _ => drop(graph.other.insert("editor".to_owned(), "{}".to_owned())),
            }
            graph.other.shift_remove(tape.pick(&["editor", "future", "x"]));
        }
        let text = graph.to_ron();
        let again = Graph::parse(&text, "g");
        prop_assert!(again.is_ok(), "{text}\n{again:?}");
        prop_assert_eq!(&again.unwrap(), &graph);
    }
}

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../graphs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_graphs_that_ship_come_back_byte_for_byte() {
    let folder = std::fs::read_dir(format!("{}/../graphs", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut seen = 0;
    for name in names.filter(|name| name.ends_with(".ron")) {
        let (unix, dos) = (file(&name), file(&name).replace('\n', "\r\n"));
        for text in [&unix, &dos, &format!("\u{feff}{dos}"), &format!("{unix}// the end")] {
            assert_eq!(&Graph::parse(text, &name).unwrap().to_ron(), text, "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn only_the_node_that_changed_is_written_anew() {
    let text = file("image-to-image.ron");
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        let mut graph = Graph::parse(&text, "g").unwrap();
        graph.set("sample.seed=2").unwrap();
        assert_eq!(graph.to_ron(), text.replace("\"seed\": 1,", "\"seed\": 2,"));
        graph.set("model.path=other").unwrap();
        assert_eq!(graph.to_ron(), text.replace("\"seed\": 1,", "\"seed\": 2,").replace("\"demo\"", "\"other\""));
        graph.set("sample.seed=1").unwrap();
        graph.set("model.path=demo").unwrap();
        assert_eq!(graph.to_ron(), text);
    }
}

#[test]
fn nodes_come_and_go_with_their_comments() {
    let text = "Graph(\n  format: 1,\n  nodes: { // all\n    // one\n    \"a\": (kind: \"x/A\"), // first\n\n    // two\n    \"b\": (kind: \"x/B\") // last\n  }\n)";
    let mut graph = Graph::parse(text, "g").unwrap();
    let a = graph.nodes.shift_remove("a").unwrap();
    assert_eq!(graph.to_ron(), text.replace("\n    // one\n    \"a\": (kind: \"x/A\"), // first", ""));
    graph.nodes.shift_insert(0, "a".to_owned(), a);
    assert_eq!(graph.to_ron(), text);
    graph.nodes.insert("c".to_owned(), Node::new("x/C"));
    let with = "\"b\": (kind: \"x/B\"), // last\n    \"c\": (kind: \"x/C\", inputs: {}),\n  }";
    assert_eq!(graph.to_ron(), text.replace("\"b\": (kind: \"x/B\") // last\n  }", with));
    let mut line = Graph::parse("Graph(format: 1, nodes: {\"a\": (kind: \"x/A\")})", "g").unwrap();
    line.nodes.insert("c".to_owned(), Node::new("x/C"));
    let with = "Graph(format: 1, nodes: {\"a\": (kind: \"x/A\"), \"c\": (kind: \"x/C\", inputs: {})})";
    assert_eq!(line.to_ron(), with);
    let mut empty = Graph::parse("Graph(\n    format: 1,\n    nodes: {},\n)\n", "g").unwrap();
    assert_eq!(Graph::default().to_ron(), empty.to_ron());
    empty.nodes.insert("c".to_owned(), Node::new("x/C"));
    assert_eq!(empty.to_ron(), Graph { source: None, ..empty.clone() }.to_ron());
}

#[test]
fn comments_around_values_are_no_values() {
    let text = "Graph(format: 1, nodes: {\"a\": (kind: \"x/A\", inputs: {\"l\": /* l */ Link(\"b.c\") // d\n, \"v\": 8 // e\n})})";
    let graph = Graph::parse(text, "g").unwrap();
    assert_eq!(graph.nodes["a"].inputs["v"], Input::Value("8".to_owned()));
    assert!(matches!(graph.nodes["a"].inputs["l"], Input::Link(_)));
}

#[test]
fn values_from_outside_are_looked_at() {
    for (text, value) in [("8 // x", "8"), (" \"a\\nb\" ", "\"a\\nb\""), ("[(1), {}]", "[(1), {}]")] {
        assert_eq!(Input::parse(text).unwrap(), Input::Value(value.to_owned()));
    }
    assert!(matches!(Input::parse("Link(\"a.b\")"), Ok(Input::Link(_))));
    let deep = "[".repeat(40) + &"]".repeat(40);
    for text in
        ["", "fox", "1 2", "1, \"j\": 2", "1}), \"m\": (kind: \"k\", inputs: {\"i\": 2", "1}, x: {\"a\": 2", &deep]
    {
        assert!(Input::parse(text).is_err(), "{text}");
    }
}

fn catalog() -> Catalog {
    let any = NodeSpec::new("Load", "", "").param("x", InputKind::int(3, (0, 9)), "").output("value", "INT");
    let save = NodeSpec::new("Save", "", "").link("value", "INT", "").sink();
    let mix = NodeSpec::new("Mix", "", "")
        .link("text", "TEXT", "")
        .link("value", "INT", "")
        .optional_link("more", "INT", "")
        .param("count", InputKind::int(1, (0, 9)), "")
        .output("value", "INT");
    Catalog::of("t", vec![any, save, mix])
}

fn graph(nodes: &str) -> Graph {
    Graph::parse(&format!("Graph(format: 1, nodes: {{{nodes}}})"), "g").unwrap()
}

/// The steps with what they take, or the errors.
fn run(nodes: &str) -> std::result::Result<Vec<String>, String> {
    let plan = check(&graph(nodes), &catalog(), &Roots::default(), &[]);
    let plan = plan.map_err(|errors| errors.iter().map(Error::to_string).collect::<String>())?;
    Ok(told(&plan))
}

fn told(plan: &Plan) -> Vec<String> {
    let step = |step: &Step| {
        let source = |(name, source): &(String, Source)| match source {
            Source::Step { step, .. } => Some(format!(" {name}={}", plan.steps()[*step].node)),
            Source::Param(_) => None,
        };
        step.node.clone() + &step.inputs.iter().filter_map(source).collect::<String>()
    };
    plan.steps().iter().map(step).collect()
}

const LOAD: &str = r#""l": (kind: "t/Load"), "m": (kind: "t/Load", mode: Muted), "#;

#[test]
fn muted_nodes_do_not_run_nor_does_what_needs_them() {
    let good = r#""s": (kind: "t/Save", inputs: { "value": Link("l.value") }), "#;
    let needs = r#""a": (kind: "t/Mix", inputs: { "text": 3, "value": Link("m.value") }),
        "b": (kind: "t/Save", inputs: { "value": Link("a.value"), "wrong": 3 }), "#;
    assert_eq!(run(&[LOAD, good, needs].concat()).unwrap(), ["l", "s value=l"]);
    let broken = r#""x": (kind: "no/Such", mode: Muted), "y": (kind: "t/Load", inputs: {"x": 99}, mode: Muted), "#;
    assert_eq!(run(&[LOAD, good, broken].concat()).unwrap(), ["l", "s value=l"]);
    let told = run(&[LOAD, needs].concat()).unwrap_err();
    assert!(told.contains("nothing to run") && told.contains("muted"), "{told}");
    let optional = r#""t": (kind: "t/Text"), "o": (kind: "t/Save", inputs: { "value": Link("p.value") }),
        "p": (kind: "t/Load", inputs: { "x": Link("m.value") }), "#;
    let optional = optional.replace(r#""t": (kind: "t/Text"), "#, "");
    assert_eq!(run(&[LOAD, &optional].concat()).unwrap(), ["p", "o value=p"], "the default in the link's place");
    let mode = run(r#""l": (kind: "t/Load", mode: Mutd)"#).unwrap_err();
    assert!(mode.contains("Mutd") && mode.contains("node `l`"), "{mode}");
}

#[test]
fn bypassed_nodes_pass_on_what_they_take() {
    let chain = r#"
        "a": (kind: "t/Mix", inputs: { "value": Link("l.value") }, mode: Bypassed),
        "b": (kind: "t/Mix", inputs: { "more": Link("a.value"), "count": Link("m.value") }, mode: Bypassed),
        "s": (kind: "t/Save", inputs: { "value": Link("b.value") }), "#;
    assert_eq!(run(&[LOAD, chain].concat()).unwrap(), ["l", "s value=l"]);
    let muted = chain.replace("l.value", "m.value");
    assert!(run(&[LOAD, &muted].concat()).unwrap_err().contains("nothing to run"));
    let circle = chain.replace("l.value", "b.value");
    assert!(run(&[LOAD, &circle].concat()).unwrap_err().contains("nothing to run"));
    let nowhere = chain.replace("l.value", "nobody.value");
    assert!(run(&[LOAD, &nowhere].concat()).unwrap_err().contains("`nobody`"));
}

#[test]
fn the_rest_of_a_graph_runs_without_a_plugin() {
    let graph = graph(
        r#"
        "l": (kind: "t/Load"),
        "d": (kind: "depth/Estimate", inputs: { "any": 1 }),
        "e": (kind: "t/Save", inputs: { "value": Link("d.value") }),
        "m": (kind: "t/Load", mode: Muted),
        "s": (kind: "t/Save", inputs: { "value": Link("l.value") }),
        "u": (kind: "t/Load", inputs: { "x": 99 }),
    "#,
    );
    let partly = check_partly(&graph, &catalog(), &Roots::default());
    assert_eq!(told(&partly.plan.unwrap()), ["l", "s value=l"]);
    let skipped: Vec<String> = partly.skipped.iter().map(|(id, why)| format!("{id}: {why}")).collect();
    let needs = "e: needs `depth/Estimate`, whose plugin is not loaded";
    assert_eq!(skipped, ["d: it is of `depth/Estimate`, whose plugin is not loaded", needs, "m: it is muted"]);
    assert_eq!(partly.errors.len(), 1);
    assert_eq!(partly.errors[0].0.as_deref(), Some("u"));
    assert!(check(&graph, &catalog(), &Roots::default(), &[]).is_err(), "without a window nothing is left out");
}

#[test]
fn what_runs_without_a_plugin_that_the_graph_names() {
    let present = |nodes: &str| {
        let named =
            format!("Graph(format: 1, nodes: {{{nodes}}}, plugins: {{\"depth\": (version: \"2\", sha256: \"abc\")}})");
        check_present(&Graph::parse(&named, "g").unwrap(), &catalog(), &Roots::default(), &[])
    };
    let missing = r#""d": (kind: "depth/Estimate"), "e": (kind: "t/Save", inputs: { "value": Link("d.value") }),"#;
    let whole = r#""l": (kind: "t/Load"), "s": (kind: "t/Save", inputs: { "value": Link("l.value") }),"#;
    let rest = present(&[missing, whole].concat()).unwrap();
    assert_eq!(told(&rest.plan), ["l", "s value=l"]);
    assert_eq!((rest.skipped.len(), rest.missing.len()), (2, 1));
    assert_eq!(rest.missing[0].code, Code::Plugin);
    assert!(rest.missing[0].help.contains("depth 2 (SHA-256 abc)"), "{}", rest.missing[0]);
    assert!(present(whole).unwrap().missing.is_empty());
    assert_eq!(present(missing).unwrap_err()[0].code, Code::Plugin, "nothing is left to run");
    let slip = r#""x": (kind: "t/Laod"),"#;
    let errors = present(&[missing, whole, slip].concat()).unwrap_err();
    assert_eq!(errors.len(), 2, "what is wrong beside it stops everything: {errors:?}");
}

#[test]
fn an_output_that_does_not_run_cannot_be_written() {
    let graph = graph(&(LOAD.to_owned() + r#""s": (kind: "t/Save", inputs: { "value": Link("l.value") })"#));
    let wanted = [Link::parse("m.value").unwrap()];
    let errors = check(&graph, &catalog(), &Roots::default(), &wanted).unwrap_err();
    assert!(errors[0].to_string().contains("muted") && errors[0].place == "--dump", "{}", errors[0]);
}

#[test]
fn ten_thousand_nodes_come_back_byte_for_byte() {
    let node = |i: usize| {
        let from = i.saturating_sub(1);
        format!(
            "        // number {i}\n        \"n{i}\": (kind: \"t/Mix\", inputs: {{ \"value\": Link(\"n{from}.value\"), \"count\": {} }}),\n",
            i % 9
        )
    };
    let nodes: String = (0..10_000).map(node).collect();
    let text = format!("Graph(\n    format: 1,\n    nodes: {{\n{nodes}    }},\n)\n");
    let mut graph = Graph::parse(&text, "g").unwrap();
    assert!(graph.to_ron() == text);
    graph.set("n5000.count=0").unwrap();
    let (one, other) = ("Link(\"n4999.value\"), \"count\": 5 }", "Link(\"n4999.value\"), \"count\": 0 }");
    assert!(graph.to_ron() == text.replace(one, other));
}
