//! Any edits of any file, there and back.

use proptest::prelude::*;

use super::*;
use crate::graph::tests::{Tape, VALUES, noisy};

fn node(document: &Document, tape: &mut Tape<'_>) -> String {
    let nodes = &document.graph().nodes;
    match nodes.get_index(tape.below(nodes.len() + 1)) {
        Some((id, _)) => id.clone(),
        None => "nobody".to_owned(),
    }
}

fn some_edit(document: &Document, tape: &mut Tape<'_>, depth: usize) -> Edit {
    let names = ["i0", "i1", "seed"];
    let points = [[0.0, 0.0], [1.5, -2.0], [f32::NAN, 0.0], [1e30, 7.0], [-0.0, f32::INFINITY]];
    let input = tape.pick(&names).to_owned();
    let at = points[tape.below(points.len())];
    let id = node(document, tape);
    let nodes = vec![node(document, tape), id.clone()];
    match tape.below(15) {
        0 => Edit::Add {
            kind: tape.pick(&["x/SaveImage", "x/", "n0"]).to_owned(),
            at,
            inputs: vec![(input, Input::text("t"))],
        },
        1 => Edit::Remove(nodes),
        2 | 3 => {
            let from = Link { node: id, output: "out".to_owned() };
            Edit::Connect { from, node: node(document, tape), input }
        }
        4 => Edit::Disconnect { node: id, input },
        5 => {
            let value = tape.pick(&VALUES).to_owned();
            Edit::Set { node: id, input, value: Some(value).filter(|_| tape.below(3) > 0) }
        }
        6 => Edit::Move(vec![(id, at), (nodes[0].clone(), [tape.below(9) as f32, 1.0])]),
        7 => Edit::Mode { nodes, mode: [Mode::Active, Mode::Muted, Mode::Bypassed][tape.below(3)] },
        8 => {
            let mode = [SeedMode::Fixed, SeedMode::Increment, SeedMode::Random][tape.below(3)];
            Edit::Seed { node: id, input, mode }
        }
        9 => Edit::Rename { node: id, to: tape.pick(&["new", "n0", "a.b", "", "ü\\\""]).to_owned() },
        10 => Edit::Collapse { nodes, collapsed: tape.below(2) == 0 },
        11 => {
            let text = if tape.below(3) == 0 { noisy(tape) } else { document.copy(&nodes) };
            Edit::Paste { text, at: Some(at).filter(|_| tape.below(2) == 0), links: tape.below(2) == 0 }
        }
        12 => Edit::Replace { node: id, kind: tape.pick(&["x/B", "\"", ""]).to_owned() },
        13 => Edit::Paste { text: "no graph".to_owned(), at: None, links: false },
        _ if depth > 2 => Edit::All(Vec::new()),
        _ => Edit::All((0..tape.below(4)).map(|_| some_edit(document, tape, depth + 1)).collect()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn undo_and_redo_are_exact(tape in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut tape = Tape(tape.iter());
        let text = noisy(&mut tape);
        let mut document = Document::untitled(Graph::parse(&text, "g").unwrap(), None);
        prop_assert_eq!(document.text(), text.as_str());
        let settles = tape.below(2) == 0;
        let mut texts = vec![text.clone()];
        for _ in 0..tape.below(30) {
            let revision = document.revision();
            if tape.below(8) == 0 {
                document.draw_seeds();
            } else if tape.below(8) == 0 {
                document.undo();
                document.redo();
            } else {
                let edit = some_edit(&document, &mut tape, 0);
                let before = document.text();
                let shown = format!("{edit:?}");
                if document.edit(edit).is_err() {
                    prop_assert_eq!(document.text(), before, "{}", shown);
                }
                if settles {
                    document.settle();
                }
            }
            if document.revision() != revision {
                let text = document.text();
                if texts.last() != Some(&text) {
                    texts.push(text);
                }
            }
            let now = document.text();
            let again = Graph::parse(&now, "g");
            prop_assert!(again.is_ok(), "{now}\n{again:?}");
            prop_assert_eq!(&again.unwrap(), document.graph());
            for id in document.graph().nodes.keys() {
                prop_assert!(layout::is_finite(document.position(id)));
            }
        }
        let last = document.text();
        texts.dedup();
        let mut seen = vec![last.clone()];
        while document.undo() {
            seen.push(document.text());
        }
        prop_assert_eq!(document.text(), text.as_str());
        prop_assert!(!document.is_changed());
        if settles {
            seen.reverse();
            seen.dedup();
            prop_assert_eq!(&seen, &texts);
        }
        while document.redo() {}
        prop_assert_eq!(document.text(), last);
    }
}

const FOX: &str = r#"Graph(
    format: 1,
    nodes: {
        "model": (kind: "model-loader/LoadModel", inputs: { "path": "demo" }),
        // How many steps is a matter of taste.
        "sample": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "steps": 8, "seed": 1 }),
        "save": (kind: "image-io/SaveImage", inputs: { "image": Link("sample.image") }),
    },
    editor: {
        "model": (0, 0), // at the left
        "sample": (NaN, 0),
    },
)
"#;

fn fox() -> Document {
    Document::untitled(Graph::parse(FOX, "fox").unwrap(), None)
}

fn set(document: &mut Document, value: &str) {
    let value = Some(value.to_owned());
    document.edit(Edit::Set { node: "sample".into(), input: "steps".into(), value }).unwrap();
}

#[test]
fn edits_of_one_gesture_are_one_step() {
    let mut document = fox();
    set(&mut document, "9");
    set(&mut document, "10");
    document.settle();
    set(&mut document, "11");
    assert_eq!(document.text(), FOX.replace("\"steps\": 8", "\"steps\": 11"));
    assert!(document.undo());
    assert_eq!(document.text(), FOX.replace("\"steps\": 8", "\"steps\": 10"));
    assert!(document.undo());
    assert_eq!(document.text(), FOX);
    assert!(!document.undo() && document.can_redo() && !document.is_changed());
    for x in [1.0, 2.0, 3.0] {
        document.edit(Edit::Move(vec![("model".into(), [x, 0.5])])).unwrap();
    }
    assert_eq!(document.text(), FOX.replace("(0, 0), // at", "(3, 0.5), // at"));
    document.undo();
    assert_eq!(document.text(), FOX);
}

#[test]
fn a_cut_link_leaves_the_value_that_was_there() {
    let mut document = fox();
    let from = || Link::parse("model.steps").unwrap();
    let connect = || Edit::Connect { from: from(), node: "sample".into(), input: "steps".into() };
    let disconnect = || Edit::Disconnect { node: "sample".into(), input: "steps".into() };
    document.edit(connect()).unwrap();
    assert!(document.text().contains("\"steps\": Link(\"model.steps\")"));
    document.edit(disconnect()).unwrap();
    assert_eq!(document.text(), FOX);
    document.undo();
    document.undo();
    document.redo();
    document.edit(Edit::Remove(vec!["model".into()])).unwrap();
    assert!(document.text().contains("inputs: { \"steps\": 8, \"seed\": 1 }"), "{}", document.text());
    document.undo();
    let back = Edit::Connect { from: Link::parse("save.path").unwrap(), node: "model".into(), input: "path".into() };
    let error = document.edit(back).unwrap_err();
    assert!(error.to_string().contains("`save` already takes from `model`"), "{error}");
}

#[test]
fn a_new_name_is_taken_over_by_links_and_places() {
    let mut document = fox();
    document.edit(Edit::Rename { node: "sample".into(), to: "ks".into() }).unwrap();
    let expected = FOX.replace("\"sample\"", "\"ks\"").replace("sample.image", "ks.image");
    assert_eq!(document.text(), expected, "the comment stays");
    assert!(document.edit(Edit::Rename { node: "ks".into(), to: "model".into() }).is_err());
    document.undo();
    assert_eq!(document.text(), FOX);
}

#[test]
fn another_kind_takes_over_name_values_and_links() {
    let mut document = fox();
    document.edit(Edit::Replace { node: "sample".into(), kind: "sampler/Other".into() }).unwrap();
    assert_eq!(document.text(), FOX.replace("sampler/Sample", "sampler/Other"));
    document.undo();
    assert_eq!(document.text(), FOX);
}

#[test]
fn copies_get_names_places_and_links_of_their_own() {
    let mut document = fox();
    let text = document.copy(&["sample".into(), "save".into()]);
    let alone = document.edit(Edit::Paste { text: text.clone(), at: None, links: false }).unwrap();
    assert_eq!(alone, ["sample-2", "save-2"]);
    assert_eq!(document.graph().nodes["save-2"].inputs["image"], Input::Link(Link::parse("sample-2.image").unwrap()));
    assert!(!document.graph().nodes["sample-2"].inputs.contains_key("model"));
    let [x, y] = document.position("sample");
    assert_eq!(document.position("sample-2"), [x + 30.0, y + 30.0]);
    let linked = document.edit(Edit::Paste { text, at: Some([500.0, 600.0]), links: true }).unwrap();
    assert_eq!(linked, ["sample-3", "save-3"]);
    assert_eq!(document.graph().nodes["sample-3"].inputs["model"], Input::Link(Link::parse("model.model").unwrap()));
    let corner = linked.iter().map(|id| document.position(id)).reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1])]);
    assert_eq!(corner, Some([500.0, 600.0]));
}

#[test]
fn seeds_are_drawn_as_one_step() {
    let mut document = fox();
    assert_eq!(document.draw_seeds(), []);
    document.edit(Edit::Seed { node: "sample".into(), input: "seed".into(), mode: SeedMode::Increment }).unwrap();
    assert!(document.text().contains("seeds: {\"seed\": Increment}"));
    assert_eq!(document.draw_seeds(), [("sample".to_owned(), "seed".to_owned(), 2)]);
    document.undo();
    document
        .edit(Edit::Set { node: "sample".into(), input: "seed".into(), value: Some(i64::MAX.to_string()) })
        .unwrap();
    assert_eq!(document.draw_seeds()[0].2, 0);
    document.edit(Edit::Seed { node: "sample".into(), input: "seed".into(), mode: SeedMode::Random }).unwrap();
    let drawn: Vec<i64> = (0..50).map(|_| document.draw_seeds()[0].2).collect();
    assert!(drawn.iter().all(|seed| (0..=1 << 53).contains(seed)));
    assert!(drawn.iter().any(|seed| *seed != drawn[0]));
    document.edit(Edit::Seed { node: "sample".into(), input: "seed".into(), mode: SeedMode::Fixed }).unwrap();
    assert!(!document.text().contains("seeds"));
}

#[test]
fn saving_makes_the_file_and_nothing_is_left_to_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fox.ron");
    let mut document = fox();
    assert!(!document.is_changed());
    assert_eq!(document.title(), "untitled");
    set(&mut document, "9");
    assert!(document.is_changed());
    document.save(&path).unwrap();
    assert_eq!((document.is_changed(), document.title().as_str()), (false, "fox.ron"));
    assert_eq!(document.folder(), folder.path());
    document.undo();
    assert!(document.is_changed());
    document.redo();
    assert!(!document.is_changed());
    assert_eq!(Document::open(&path).unwrap().text(), document.text());
    let error = document.save(&folder.path().join("none/fox.ron")).unwrap_err();
    assert_eq!(error.code, Code::Output);
    assert_eq!(document.path(), Some(path.as_path()));
}

#[test]
fn ten_thousand_nodes_are_undone_and_done_again() {
    let node = |i: usize| {
        let from = i.saturating_sub(1);
        format!("\"n{i}\": (kind: \"x/A\", inputs: {{ \"v\": Link(\"n{from}.v\"), \"w\": {i} }}),\n")
    };
    let nodes: String = (0..10_000).map(node).collect();
    let places: String = (0..9_000).map(|i| format!("\"n{i}\": ({i}, 0),\n")).collect();
    let text = format!("Graph(format: 1, nodes: {{\n{nodes}}}, editor: {{\n{places}}})");
    let mut document = Document::untitled(Graph::parse(&text, "g").unwrap(), None);
    document.edit(Edit::Move(vec![("n5".into(), [3.0, 3.0])])).unwrap();
    let all: Vec<String> = document.graph().nodes.keys().cloned().collect();
    document.edit(Edit::Move(all.iter().map(|id| (id.clone(), [1.0, 1.0])).collect())).unwrap();
    let copy = document.copy(&all);
    document.edit(Edit::Paste { text: copy, at: None, links: false }).unwrap();
    document.edit(Edit::Remove(all.iter().step_by(2).cloned().collect())).unwrap();
    document.edit(Edit::Rename { node: "n1".into(), to: "first".into() }).unwrap();
    let changed = document.text();
    while document.undo() {}
    assert!(document.text() == text);
    while document.redo() {}
    assert!(document.text() == changed);
}

#[test]
fn nodes_without_a_place_do_not_cover_each_other_once_their_heights_are_known() {
    let text = r#"Graph(format: 1, nodes: { "a": (kind: "x/A"), "b": (kind: "x/B"), "c": (kind: "x/C") }, editor: { "c": (7, 9) })"#;
    let mut document = Document::untitled(Graph::parse(text, "g").unwrap(), None);
    document.arrange(|_| Some(500.0));
    let ([left, top], [other_left, below]) = (document.position("a"), document.position("b"));
    assert!(left == other_left && below >= top + 500.0 && top >= 509.0, "{top} {below}");
    assert_eq!(document.position("c"), [7.0, 9.0]);
    assert_eq!(document.text(), text);
}
