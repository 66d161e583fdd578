//! `weft run --sweep`: a picture for each row of a table, in shards, and after a kill, to the same bytes.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bad_input::{Case, Place, Running, assert_all, models};
use crate::hostile::folder_of;
use crate::program::{Said, command, run_well, text_to_image, tree};

const TABLE: &str = "prompt.text,sample.seed,save.name\n\
    \"a fox, in snow\nat \"\"night\"\"\",1,\n\
    (1girl:1.2),2,\n\
    a red fox,3,b/fox\n\
    a red fox,4,\n";

/// The same, but that nobody waits for the end of the third row.
const ENDLESS: &str = "prompt.text,sample.seed,save.name,sample.steps\n\
    \"a fox, in snow\nat \"\"night\"\"\",1,,\n\
    (1girl:1.2),2,,\n\
    a red fox,3,b/fox,1000\n";

/// A sweep of the usual graph over this table, into a folder below `out`.
fn sweep(at: &Place, table: &str, out: &str, more: &[&str]) -> Vec<String> {
    let (graph, table) = (at.write("graph.ron", text_to_image()), at.write("rows.csv", table));
    let (models, out) = (models(), at.path(&format!("out/{out}")));
    let own = ["run", &graph, "--sweep", &table, "--models", &models, "-o", &out, "--device", "cpu"];
    own.iter().chain(more).map(|&argument| argument.to_owned()).collect()
}

fn said(arguments: &[String]) -> Said {
    command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).output().expect("an end").into()
}

/// The rows of a sweep with `--json`: state and files of each.
fn rows(said: &Said) -> Vec<(u64, String, Vec<String>)> {
    let json: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let row = |row: &Value| {
        let files = row["files"].as_array().expect("files").iter().map(text).collect();
        (row["row"].as_u64().expect("a number"), text(&row["state"]), files)
    };
    json["rows"].as_array().unwrap_or_else(|| panic!("{json}")).iter().map(row).collect()
}

fn states(said: &Said) -> Vec<String> {
    rows(said).into_iter().map(|(_, state, _)| state).collect()
}

#[test]
fn shards_make_what_one_process_makes() {
    let at = Place::new();
    let whole = said(&sweep(&at, TABLE, "whole", &["--json", "--quiet"]));
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert_eq!(states(&whole), ["made"; 4]);
    let expected = tree(at.path("out/whole").as_ref());
    assert_eq!(expected.len(), 8, "a picture and a record for each row: {:?}", expected.keys());
    // Written before anyone reads: the table is a file of the test's own.
    let shards =
        ["0/3", "1/3", "2/3"].map(|shard| sweep(&at, TABLE, "shards", &["--shard", shard, "--json", "--quiet"]));
    let shards = shards.map(|arguments| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    });
    let told = shards.map(|shard| Said::from(shard.wait_with_output().expect("an end")));
    let numbers = told.each_ref().map(|said| rows(said).iter().map(|(row, _, _)| *row).collect::<Vec<_>>());
    assert_eq!(numbers, [vec![0, 3], vec![1], vec![2]]);
    assert!(tree(at.path("out/shards").as_ref()) == expected, "the same files with the same bytes");
    // And what a run of one row alone makes.
    let (graph, out) = (at.path("graph.ron"), at.path("out/alone"));
    let set = ["--set", "sample.seed=4", "--set", "prompt.text=a red fox"];
    let alone = ["run", &graph, "--models", &models(), "-o", &out, "--device", "cpu", "--quiet"];
    run_well(&[&alone[..], &set].concat());
    let (_, _, files) = &rows(&whole)[3];
    assert!(
        std::fs::read(&files[0]).expect("a picture") == std::fs::read(format!("{out}/fox.png")).expect("a picture")
    );
}

#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let at = Place::new();
    let expected = said(&sweep(&at, TABLE, "whole", &["--json", "--quiet"]));
    assert_eq!(expected.code, Some(0), "{}", expected.stderr);
    let mut run = Running::start(&sweep(&at, ENDLESS, "killed", &[]));
    run.wait_for("sample: 1/1000");
    run.child.kill().expect("it runs");
    assert_eq!(run.end().code, None);
    let whole = |name: &str| Path::new(&at.path(&format!("out/killed/{name}"))).join("row.json").exists();
    let names = |folder: &str| {
        let entries = std::fs::read_dir(at.path(folder)).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let finished = names("out/killed").into_iter().filter(|name| !name.starts_with(".weft-tmp-")).collect::<Vec<_>>();
    assert!(finished.len() == 2 && finished.iter().all(|name| whole(name)), "{finished:?}");
    let second = said(&sweep(&at, TABLE, "killed", &["--json"]));
    assert_eq!(
        (second.code, states(&second)),
        (Some(0), ["finished", "finished", "made", "made"].map(str::to_owned).into())
    );
    assert!(second.stderr.contains("4 rows: 2 made, 2 finished before, 0 failed"), "{}", second.stderr);
    assert!(tree(at.path("out/killed").as_ref()) == tree(at.path("out/whole").as_ref()));
    // A table with other rows in other places still knows its own.
    let other = "sample.seed,prompt.text\n9,a fox\n4,a red fox\n";
    assert_eq!(states(&said(&sweep(&at, other, "killed", &["--json", "--quiet"]))), ["made", "finished"]);
}

#[test]
fn a_row_is_what_its_graph_and_files_make_it() {
    let at = Place::new();
    at.own_model("plain");
    let mut arguments = sweep(&at, "sample.seed\n1\n", "a", &["--json", "--quiet"]);
    let own = arguments.iter_mut().find(|argument| **argument == models()).expect("the folder of models");
    *own = at.path("models");
    let state = |more: &[&str]| {
        let more = more.iter().map(|&argument| argument.to_owned()).collect();
        states(&said(&[arguments.clone(), more].concat())).join(" ")
    };
    assert_eq!((state(&[]), state(&[])), ("made".to_owned(), "finished".to_owned()));
    at.edit("graph.ron", |text| format!("// Of no matter.\n{text}"));
    assert_eq!(state(&[]), "finished");
    let config = at.path("models/model/vae/config.json");
    let before = std::fs::read(&config).expect("a configuration");
    std::fs::write(&config, [&before[..], b"\n"].concat()).expect("a configuration");
    assert_eq!(state(&[]), "made");
    std::fs::write(&config, before).expect("a configuration");
    assert_eq!((state(&[]), state(&["--set", "prompt.text=a cat"])), ("finished".to_owned(), "made".to_owned()));
}

#[test]
fn a_row_that_fails_does_not_lose_the_rest() {
    let at = Place::new();
    let table = "save.name,sample.seed\na,1\n../b,2\nc,3\n";
    let first = said(&sweep(&at, table, "a", &["--json"]));
    assert_eq!((first.code, states(&first)), (Some(9), ["made", "failed", "made"].map(str::to_owned).into()));
    for part in ["row 2 of 3", "rows.csv:3", "`../b` cannot be the name", "3 rows: 2 made, 0 finished before, 1 failed"]
    {
        assert!(first.stderr.contains(part), "{part}: {}", first.stderr);
    }
    let again = said(&sweep(&at, table, "a", &["--json", "--quiet"]));
    assert_eq!((again.code, states(&again)), (Some(9), ["finished", "failed", "finished"].map(str::to_owned).into()));
    // Somebody took a picture away: nothing of theirs is touched.
    let (_, _, files) = &rows(&again)[0];
    std::fs::remove_file(&files[0]).expect("a picture");
    let spoilt = said(&sweep(&at, "save.name,sample.seed\na,1\n", "a", &["--json", "--quiet"]));
    assert_eq!(spoilt.code, Some(9), "{}", spoilt.stderr);
    assert!(
        spoilt.stderr.contains("`a.png` is missing") && spoilt.stderr.contains("remove that folder"),
        "{}",
        spoilt.stderr
    );
}

#[test]
fn a_crash_costs_its_row() {
    let (at, plugins) = (Place::new(), folder_of("hostile"));
    let arguments = sweep(&at, "bad.what\nlocale\npipes\nfolder\n", "a", &["--json"]);
    at.write(
        "graph.ron",
        r#"Graph(format: 1, nodes: { "bad": (kind: "hostile/World", inputs: { "what": "folder" }) })"#,
    );
    let plugins = ["--plugins".to_owned(), plugins.path().display().to_string()];
    let told = said(&[&arguments[..], &plugins].concat());
    assert_eq!(told.code, Some(8), "{}", told.stderr);
    assert_eq!(states(&told), ["made", "failed", "made"]);
    // An engine without its files lives on in silence, or is aborted by what finds them gone.
    assert!(told.stderr.contains("the engine ended") && told.stderr.contains("rows.csv:3"), "{}", told.stderr);
}

#[test]
fn a_stop_keeps_what_is_finished() {
    let at = Place::new();
    let mut run = Running::start(&sweep(&at, ENDLESS, "a", &[]));
    run.wait_for("sample: 1/1000");
    kill_process(Pid::from_child(&run.child), Signal::INT).expect("it runs");
    let stopped = run.end();
    assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("2 made, 0 finished before, 0 failed"), "{}", stopped.stderr);
    let again = said(&sweep(&at, TABLE, "a", &["--json", "--quiet"]));
    assert_eq!(
        (again.code, states(&again)),
        (Some(0), ["finished", "finished", "made", "made"].map(str::to_owned).into())
    );
}

/// A node that is at its end, or does as if nobody had stopped it, makes its row; those behind it are not begun.
#[test]
fn a_stop_that_comes_too_late_for_a_row_ends_the_sweep() {
    let (at, plugins) = (Place::new(), folder_of("hostile"));
    let mut arguments = sweep(&at, "bad.what\nlocale\ndeaf\nfolder\n", "a", &[]);
    at.write(
        "graph.ron",
        r#"Graph(format: 1, nodes: { "bad": (kind: "hostile/World", inputs: { "what": "folder" }) })"#,
    );
    arguments.extend(["--plugins".to_owned(), plugins.path().display().to_string()]);
    let mut run = Running::start(&arguments);
    run.wait_for("bad: 1/2");
    kill_process(Pid::from_child(&run.child), Signal::INT).expect("it runs");
    let stopped = run.end();
    assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("2 made, 0 finished before, 0 failed"), "{}", stopped.stderr);
}

#[test]
fn tables_that_are_wrong_are_refused_with_their_place() {
    assert_all(&[
        Case {
            name: "absent",
            arrange: |at| {
                let mut a = sweep(at, "", "o", &[]);
                a[3] = at.path("no.csv");
                a
            },
            code: 2,
            says: &["no.csv cannot be read", "give a CSV file"],
        },
        Case {
            name: "empty",
            arrange: |at| sweep(at, "\n", "o", &[]),
            code: 2,
            says: &["rows.csv has no header", "a row for each picture"],
        },
        Case {
            name: "no row",
            arrange: |at| sweep(at, "sample.seed\n", "o", &[]),
            code: 2,
            says: &["rows.csv has no row"],
        },
        Case {
            name: "no input",
            arrange: |at| sweep(at, "seed\n1\n", "o", &[]),
            code: 2,
            says: &["\"seed\" in the header names no input", "rows.csv:1:1", "node.input"],
        },
        Case {
            name: "semicolons",
            arrange: |at| sweep(at, "prompt.text;sample.seed\na fox;1\n", "o", &[]),
            code: 2,
            says: &["';' between its values", "rows.csv:1:1", "CSV with commas"],
        },
        Case {
            name: "twice",
            arrange: |at| sweep(at, "sample.seed,sample.seed\n1,2\n", "o", &[]),
            code: 2,
            says: &["stands in the header twice", "rows.csv:1:13"],
        },
        Case {
            name: "unknown node",
            arrange: |at| sweep(at, "sampel.seed\n1\n", "o", &[]),
            code: 2,
            says: &["no node `sampel`", "rows.csv:1:1", "did you mean `sample`?"],
        },
        Case {
            name: "unknown input",
            arrange: |at| sweep(at, "sample.seed,sample.step\n1,2\n", "o", &[]),
            code: 2,
            says: &["no input `step`", "rows.csv:1:13", "did you mean `steps`?"],
        },
        Case {
            name: "too many values",
            arrange: |at| sweep(at, "prompt.text,sample.seed\na fox, in snow,1\n", "o", &[]),
            code: 2,
            says: &["a row has 3 values, but the header names 2 inputs", "rows.csv:2:16", "put quotes"],
        },
        Case {
            name: "too few values",
            arrange: |at| sweep(at, "prompt.text,sample.seed\na\n", "o", &[]),
            code: 2,
            says: &["a row has 1 values", "rows.csv:2:1"],
        },
        Case {
            name: "an open quote",
            arrange: |at| sweep(at, "prompt.text\na\n\"b\nc\n", "o", &[]),
            code: 2,
            says: &["is no CSV table", "rows.csv:3:1", "not closed"],
        },
        Case {
            name: "more behind a quote",
            arrange: |at| sweep(at, "prompt.text\n\"a \"fox\" b\"\n", "o", &[]),
            code: 2,
            says: &["rows.csv:2:5", "doubled"],
        },
        Case {
            name: "not text",
            arrange: |at| {
                let a = sweep(at, "", "o", &[]);
                at.write("rows.csv", b"a.b\n\xff");
                a
            },
            code: 2,
            says: &["rows.csv is not text", "the byte at 4"],
        },
        Case {
            name: "out of range",
            arrange: |at| sweep(at, "sample.steps\n2000\n1\n2000\n", "o", &[]),
            code: 4,
            says: &["rows.csv:2:1", "rows.csv:4:1", "input `steps`", "out of range"],
        },
        Case {
            name: "a shard too many",
            arrange: |at| sweep(at, TABLE, "o", &["--shard", "4/4"]),
            code: 2,
            says: &["shards count from 0", "3/4"],
        },
        Case {
            name: "a dump",
            arrange: |at| sweep(at, TABLE, "o", &["--dump", "sample.latent=x"]),
            code: 2,
            says: &["--dump"],
        },
    ]);
}
