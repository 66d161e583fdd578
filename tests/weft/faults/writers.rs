//! Writers that are killed while they write without end: a process of this test's own that does nothing else, so that every
//! kill meets a write.

use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weft::document::{Document, Edit, Journal, recover};
use weft::editor::{Settings, Stored};
use weft::graph::Graph;
use weft::library::Hashes;
use weft::plugins::{Decision, Store};
use weft::{atomic, output};

use super::{moment, rounds};
use crate::bad_input::Place;

const TEMPORARY: &str = ".weft-tmp-";
const WRITER: &str = "WEFT_FAULT_WRITER";
const FOLDER: &str = "WEFT_FAULT_FOLDER";
/// Larger than what a system writes in one piece.
const PICTURE: usize = 3 << 20;

/// Writes without end, as another test says in variables.
#[test]
#[ignore = "never ends: the tests beside it start and kill it"]
fn write_without_end() {
    let folder = PathBuf::from(std::env::var(FOLDER).expect("a folder"));
    end_with(parent_id());
    match std::env::var(WRITER).expect("a writer").as_str() {
        "graph" => save_graphs(&folder),
        "journal" => keep_versions(&folder),
        "picture" => write_pictures(&folder),
        "trust" => decide(&folder),
        "settings" => set(&folder),
        "hashes" => hash(&folder),
        other => panic!("no writer {other}"),
    }
}

/// Ends this process when its parent has gone: nobody else would.
fn end_with(parent: u32) {
    std::thread::spawn(move || {
        while parent_id() == parent {
            std::thread::sleep(Duration::from_millis(100));
        }
        std::process::exit(1);
    });
}

/// A graph of 2 000 nodes whose every value is `value`.
fn graph(value: u32) -> String {
    let node = |i: u32| format!("        \"n{i}\": (kind: \"a/B\", inputs: {{ \"v\": {value} }}),\n");
    format!("Graph(\n    format: 1,\n    nodes: {{\n{}    }},\n)\n", (0..2_000).map(node).collect::<String>())
}

fn document(value: u32) -> Document {
    Document::untitled(Graph::parse(&graph(value), "the test's graph").expect("a graph"), None)
}

fn save_graphs(folder: &Path) {
    let mut documents = [document(1), document(2)];
    loop {
        documents.iter_mut().for_each(|document| document.save(&folder.join("g.ron")).expect("it is saved"));
    }
}

fn keep_versions(folder: &Path) {
    let mut journal = Journal::start(folder.to_owned()).expect("a journal");
    let (mut document, mut now) = (document(1), Instant::now());
    for value in 2.. {
        let edit = Edit::Set { node: "n0".into(), input: "v".into(), value: Some(value.to_string()) };
        document.edit(edit).expect("an edit");
        for _ in 0..2 {
            journal.tick(&document, now).expect("a version");
            now += Duration::from_secs(60);
        }
    }
}

fn picture() -> Vec<u8> {
    (0..PICTURE).map(|at| at as u8).collect()
}

fn write_pictures(folder: &Path) {
    let bytes = picture();
    loop {
        output::write_new(folder, "fox", "png", &bytes).expect("a picture");
    }
}

fn decide(folder: &Path) {
    for index in 0u64.. {
        let file = format!("library {}", index % 400);
        Store::decide_in(folder, &file, &format!("{index:064x}"), Decision::Trusted).expect("a decision");
    }
}

/// Neither of them the settings of somebody who has set nothing.
const SETTINGS: [Settings; 2] = [
    Settings { is_dark: Some(true), text: 1.5, sidebar: false },
    Settings { is_dark: Some(false), text: 2.0, sidebar: false },
];

fn set(folder: &Path) {
    let mut stored = Stored::open(Some(folder.join("settings.ron")));
    loop {
        SETTINGS.iter().for_each(|settings| stored.keep(*settings).expect("they are kept"));
    }
}

/// Where the model files lie whose hashes are kept in `folder`.
fn model(folder: &Path, index: u32) -> PathBuf {
    folder.with_file_name(format!("{index}.gguf"))
}

/// 300 files, of which the first one changes all the time.
fn hash(folder: &Path) {
    let hashes = Hashes::open(Some(folder.join("hashes.json")));
    (0..300).for_each(|index| std::fs::write(model(folder, index), index.to_string()).expect("a file"));
    for round in 0u64.. {
        std::fs::write(model(folder, 0), round.to_string()).expect("a file");
        for index in 0..300 {
            hashes.compute(&model(folder, index), &mut |_| true).expect("a hash");
        }
        hashes.save();
    }
}

/// A writer that has written at least one file.
fn begin(writer: &str, folder: &Path) -> Child {
    let mut test = Command::new(std::env::current_exe().expect("a test has a path"));
    test.args(["--exact", "faults::writers::write_without_end", "--ignored"]).env(WRITER, writer).env(FOLDER, folder);
    let mut child = test.stdout(Stdio::null()).spawn().expect("it starts");
    while whole(folder).is_empty() {
        assert!(child.try_wait().expect("a process").is_none(), "the writer ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY))
}

/// Those with a name of their own and something in them; a lock is empty.
fn whole(folder: &Path) -> Vec<PathBuf> {
    let is_whole = |path: &PathBuf| !is_temporary(path) && path.metadata().is_ok_and(|metadata| metadata.len() > 0);
    files(folder).into_iter().filter(is_whole).collect()
}

/// Kills the writer at `rounds` random moments and lets `inspect` look at what it left. Gives in how many rounds a file
/// was not complete.
fn kill_often(writer: &str, inspect: impl Fn(&Path)) {
    let (mut left, times) = (0, rounds(100));
    for _ in 0..times {
        let place = Place::new();
        let folder = PathBuf::from(place.path("kept"));
        std::fs::create_dir(&folder).expect("a folder");
        let mut child = begin(writer, &folder);
        std::thread::sleep(moment(Duration::from_millis(30)));
        child.kill().expect("it runs");
        child.wait().expect("an end");
        left += u32::from(files(&folder).iter().any(|path| is_temporary(path)));
        inspect(&folder);
    }
    eprintln!("{writer}: killed {times} times, in {left} of them in the middle of a file, none of them corrupt");
    assert!(left > 0, "no process was killed while it wrote");
}

fn assert_clean(folder: &Path) {
    let left: Vec<PathBuf> = files(folder).into_iter().filter(|path| is_temporary(path)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_graph_is_the_old_or_the_new_one() {
    let texts = [1, 2].map(graph);
    kill_often("graph", |folder| {
        let document = Document::open(&folder.join("g.ron")).expect("a whole graph");
        assert!(texts.contains(&document.text()), "neither the one nor the other");
        assert_clean(folder);
    });
}

#[test]
fn a_journal_gives_its_newest_version() {
    kill_often("journal", |folder| {
        let found = recover(folder);
        assert_eq!(found.len(), 1);
        let recovered = Document::recovered(&found[0].text, None).expect("a whole graph");
        assert_eq!(recovered.graph().nodes.len(), 2_000);
        found.into_iter().for_each(|found| found.discard().expect("it goes"));
        assert_eq!(files(folder), Vec::<PathBuf>::new());
    });
}

#[test]
fn pictures_are_whole() {
    let bytes = picture();
    kill_often("picture", |folder| {
        whole(folder).iter().for_each(|path| assert!(std::fs::read(path).expect("a file") == bytes, "{path:?}"));
        atomic::clean(folder);
        assert_clean(folder);
    });
}

#[test]
fn a_trust_store_is_whole() {
    kill_often("trust", |folder| {
        Store::decide_in(folder, "another", &"f".repeat(64), Decision::Denied).expect("a store that can be read");
        let text = std::fs::read_to_string(folder.join("trust.ron")).expect("a store");
        assert!(text.contains("another"), "{text}");
        assert_clean(folder);
    });
}

#[test]
fn settings_are_the_old_or_the_new_ones() {
    kill_often("settings", |folder| {
        let mut stored = Stored::open(Some(folder.join("settings.ron")));
        assert!(SETTINGS.contains(&stored.settings()), "{:?}", stored.settings());
        stored.keep(Settings::default()).expect("they are kept");
        assert_clean(folder);
    });
}

/// A cache that cannot be read counts as empty: then all of them would be unknown.
#[test]
fn hashes_are_known_again() {
    kill_often("hashes", |folder| {
        let hashes = Hashes::open(Some(folder.join("hashes.json")));
        assert!((1..300).all(|index| hashes.known(&model(folder, index)).is_some()), "they are computed anew");
        hashes.save();
        assert_clean(folder);
    });
}
