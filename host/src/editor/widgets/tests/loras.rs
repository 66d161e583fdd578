//! Files with what is known of them: rows, tags, trigger words, weights.

use super::*;

#[test]
fn rows_are_edited() {
    let mut harness = of(loras(), Some(r#"[{"other": (1, 2), "file": "a.safetensors", "weight": 0.8}]"#));
    click(&mut harness, "n.x 1 enabled");
    let first = r#"{"enabled": false, "file": "a.safetensors", "weight": 0.8, "other": (1, 2)}"#;
    assert_eq!(value(&harness), Some(format!("[{first}]").as_str()));
    click(&mut harness, "n.x add");
    click(&mut harness, "n.x 2 weight");
    harness.get_by_label("n.x 2 weight").type_text("0.35");
    harness.key_press(Key::Enter);
    harness.run();
    click(&mut harness, "n.x 2 file");
    click(&mut harness, "styles/ink.safetensors");
    let second = r#"{"file": "styles/ink.safetensors", "weight": 0.35}"#;
    assert_eq!(value(&harness), Some(format!("[{first}, {second}]").as_str()));
    click(&mut harness, "n.x 2 up");
    assert_eq!(value(&harness), Some(format!("[{second}, {first}]").as_str()));
    click(&mut harness, "n.x 1 down");
    assert_eq!(value(&harness), Some(format!("[{first}, {second}]").as_str()));
    click(&mut harness, "n.x 1 remove");
    assert_eq!(value(&harness), Some(format!("[{second}]").as_str()));
}

/// Rows over LoRAs that say something of themselves: a recommended weight, trigger words, a fault.
fn knowing(value: Option<&str>) -> State {
    let mut state = state(loras(), value);
    let known = [
        ("a.safetensors", facts(&[], None, Some("3 of 9 keys are not applied."))),
        ("styles/ink.safetensors", facts(&["ink wash", "sumi-e"], Some(0.8), None)),
        ("styles/oil.safetensors", facts(&["oil"], Some(0.6), None)),
        ("broken.safetensors", Arc::new(Err(Error::new(Code::File, "it is no LoRA").cause("a web page")))),
    ];
    state.files = Fake::of(&known.each_ref().map(|(name, _)| *name));
    state.files.facts = known.into_iter().map(|(name, facts)| (name.into(), facts)).collect();
    state
}

fn pick(harness: &mut Shown, row: usize, file: &str) {
    click(harness, &format!("n.x {row} file"));
    click(harness, file);
}

#[test]
fn a_weight_follows_its_file_until_somebody_sets_it() {
    let mut harness = show(knowing(Some("[{}]")));
    let after = |harness: &Shown, cells: &str| assert_eq!(value(harness), Some(format!("[{{{cells}}}]").as_str()));
    pick(&mut harness, 1, "styles/ink.safetensors");
    after(&harness, r#""file": "styles/ink.safetensors", "weight": 0.8"#);
    assert_eq!(harness.state().changes.len(), 1, "one step for undo");
    pick(&mut harness, 1, "styles/oil.safetensors");
    after(&harness, r#""file": "styles/oil.safetensors", "weight": 0.6"#);
    pick(&mut harness, 1, "a.safetensors");
    after(&harness, r#""file": "a.safetensors""#);
    click(&mut harness, "n.x 1 weight");
    harness.get_by_label("n.x 1 weight").type_text("0.3");
    harness.key_press(Key::Enter);
    harness.run();
    pick(&mut harness, 1, "styles/ink.safetensors");
    after(&harness, r#""file": "styles/ink.safetensors", "weight": 0.3"#);
}

#[test]
fn trigger_words_are_copied() {
    let mut harness = show(knowing(Some(r#"[{"file": "a.safetensors"}, {"file": "styles/ink.safetensors"}]"#)));
    let words = |row: usize| format!("n.x {row} file trigger words");
    assert_eq!(harness.get_by_label(&words(2)).value().as_deref(), Some("ink wash, sumi-e"));
    assert!(harness.query_by_label(&words(1)).is_none(), "it names none");
    harness.get_by_label(&words(2)).click();
    harness.step();
    let copied = egui::OutputCommand::CopyText("ink wash, sumi-e".to_owned());
    assert!(harness.output().platform_output.commands.contains(&copied));
    assert!(harness.state().changes.is_empty(), "looking changes nothing");
}

#[test]
fn a_prompt_shows_the_words_of_its_tags() {
    let text = "a <lora:styles/ink.safetensors:0.5> fox <lora:gone>, <lora:styles/ink.safetensors>";
    let mut prompt = knowing(Some(&value::print(text)));
    let folder = Folder::Models("loras".to_owned());
    prompt.spec.kind = InputKind::Prompt { default: String::new(), folder, extensions: Vec::new() };
    let mut harness = show(prompt);
    let words = harness.get_by_label("n.x styles/ink.safetensors trigger words");
    assert_eq!(words.value().as_deref(), Some("ink wash, sumi-e"), "once, though it is named twice");
    click(&mut harness, "n.x");
    harness.key_press(Key::End);
    harness.get_by_label("n.x").type_text("!");
    harness.run();
    assert_eq!(value(&harness), Some(value::print(&format!("{text}!")).as_str()));
}

#[test]
fn files_that_are_no_good_say_why() {
    let harness = show(knowing(Some(r#"[{"file": "a.safetensors"}, {"file": "broken.safetensors"}]"#)));
    let said = |row: usize| harness.get_by_label(&format!("n.x {row} file problem")).value();
    assert_eq!(said(1).as_deref(), Some("3 of 9 keys are not applied."));
    assert_eq!(said(2).as_deref(), Some("it is no LoRA: a web page"));
}

#[test]
fn a_single_file_has_its_words_below_it() {
    let mut single = knowing(Some(r#""styles/ink.safetensors""#));
    single.spec.kind = file();
    let mut harness = show(single);
    let (field, words) = (harness.get_by_label("n.x").rect(), harness.get_by_label("n.x trigger words").rect());
    assert!(words.top() >= field.bottom() - 1.0 && words.top() < field.bottom() + 8.0, "{field:?} {words:?}");
    // Schedules have no facts.
    let folder = Folder::Models("schedules".to_owned());
    harness.state_mut().spec.kind = InputKind::File { default: String::new(), folder, extensions: Vec::new() };
    harness.run();
    assert!(harness.query_by_label("n.x trigger words").is_none());
}

#[test]
fn all_rows_are_turned_at_once() {
    let rows = r#"[{"enabled": false, "weight": 0.5}, {}, {"enabled": 7}]"#;
    let mut harness = show(knowing(Some(rows)));
    click(&mut harness, "n.x all");
    assert_eq!(value(&harness), Some(r#"[{"weight": 0.5}, {}, {}]"#));
    click(&mut harness, "n.x all");
    assert_eq!(value(&harness), Some(r#"[{"enabled": false, "weight": 0.5}, {"enabled": false}, {"enabled": false}]"#));
    harness.input_mut().modifiers = Modifiers::ALT;
    click(&mut harness, "n.x 2 enabled");
    let only = r#"[{"enabled": false, "weight": 0.5}, {}, {"enabled": false}]"#;
    assert_eq!(value(&harness), Some(only));
    click(&mut harness, "n.x 2 enabled");
    assert_eq!(value(&harness), Some(r#"[{"weight": 0.5}, {}, {}]"#), "and all of them again");
    let none = show(knowing(None));
    assert!(none.query_by_label("n.x all").is_none(), "there is nothing to turn");
}

#[test]
fn a_new_row_begins_with_its_file() {
    let mut harness = show(knowing(None));
    click(&mut harness, "n.x add");
    harness.get_by_label("n.x 1 file search").type_text("oil");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(value(&harness), Some(r#"[{"file": "styles/oil.safetensors", "weight": 0.6}]"#));
    assert!(harness.query_by_label("n.x 1 file search").is_none());
}

#[test]
fn ten_rows_stand_below_each_other_at_every_size() {
    let row = |index: usize| {
        let file =
            ["a", "styles/ink", "styles/oil", "broken", "gone/a-name-that-is-far-too-long-for-any-field-of-ours"];
        format!(
            r#"{{"enabled": {}, "file": "{}.safetensors", "weight": -{index}.25}}"#,
            !index.is_multiple_of(3),
            file[index % 5]
        )
    };
    let rows: Vec<String> = (0..10).map(row).collect();
    for (zoom, width) in [(1.0, 320.0), (0.45, 120.0), (2.0, 640.0), (1.0, 90.0)] {
        let mut state = knowing(Some(&format!("[{}]", rows.join(", "))));
        state.zoom = zoom;
        let harness = show_in(state, [width, 1400.0]);
        let rect = |row: usize, column: &str| harness.get_by_label(&format!("n.x {row} {column}")).rect();
        for row in 1..=10 {
            let (enabled, file, weight) = (rect(row, "enabled"), rect(row, "file"), rect(row, "weight"));
            assert!(enabled.right() <= file.left() && file.right() <= weight.left(), "{row} at {zoom}");
            assert!(weight.right() <= rect(row, "remove").left() + 0.1 && rect(row, "remove").right() <= width);
            assert_eq!((enabled.left(), weight.right()), (rect(1, "enabled").left(), rect(1, "weight").right()));
        }
        let lines = (1..10).map(|row| rect(row + 1, "file").top() - rect(row, "file").bottom());
        assert!(lines.into_iter().all(|gap| gap > 0.0), "rows lie on each other at {zoom}");
    }
}
