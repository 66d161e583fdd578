//! Places that cannot be written to, names that lead astray, and several writers at once.

use std::process::Command;

use super::{Case, Place, Running, assert_all, end};
use crate::program::{command, text_to_image, weft};

/// A run that saves under this name.
fn named(at: &Place, name: &str) -> Vec<String> {
    // Rust writes text with quotes and escapes as RON does.
    at.run_with(&["--set", &format!("save.name={name:?}")])
}

/// A run into another folder than the place's own.
fn into(at: &Place, folder: &str) -> Vec<String> {
    let mut arguments = at.run(&text_to_image());
    *arguments.last_mut().expect("the folder") = folder.to_owned();
    arguments
}

#[test]
fn names_stay_in_the_output_folder() {
    assert_all(&[
        Case {
            name: "no name",
            arrange: |at| named(at, ""),
            code: 9,
            says: &["cannot be the name", "node `save`", "use letters"],
        },
        Case {
            name: "above the folder",
            arrange: |at| named(at, "../fox"),
            code: 9,
            says: &["`../fox` cannot be the name", "node `save`", "use letters"],
        },
        Case {
            name: "up and down",
            arrange: |at| named(at, "a/../../fox"),
            code: 9,
            says: &["cannot be the name", "`..`"],
        },
        Case {
            name: "absolute",
            arrange: |at| named(at, "/tmp/fox"),
            code: 9,
            says: &["`/tmp/fox` cannot be the name", "absolute"],
        },
        Case {
            name: "a backslash",
            arrange: |at| named(at, "..\\fox"),
            code: 9,
            says: &["cannot be the name", "not every system"],
        },
        Case {
            name: "a drive",
            arrange: |at| named(at, "C:fox"),
            code: 9,
            says: &["cannot be the name", "not every system"],
        },
        Case {
            name: "reserved",
            arrange: |at| named(at, "nul"),
            code: 9,
            says: &["cannot be the name", "Windows reserves"],
        },
        Case {
            name: "a dot at the end",
            arrange: |at| named(at, "fox."),
            code: 9,
            says: &["cannot be the name", "ends with a dot"],
        },
        Case { name: "a zero byte", arrange: |at| named(at, "fo\0b"), code: 9, says: &["cannot be the name"] },
        Case { name: "two lines", arrange: |at| named(at, "fo\nx"), code: 9, says: &["cannot be the name"] },
        Case {
            name: "our own temporary files",
            arrange: |at| named(at, ".weft-tmp-1-1"),
            code: 9,
            says: &["cannot be the name", "temporary"],
        },
        Case {
            name: "too long",
            arrange: |at| named(at, &"fox".repeat(99)),
            code: 9,
            says: &["cannot be the name", "longer than 200 bytes"],
        },
        Case {
            name: "a link that leads out",
            arrange: link_out,
            code: 9,
            says: &["leads out of the output folder", "node `save`", "remove the link"],
        },
        Case { name: "folders inside are made", arrange: |at| named(at, "a/b/fox"), code: 0, says: &["a/b/fox.png"] },
    ]);
}

fn link_out(at: &Place) -> Vec<String> {
    std::fs::create_dir_all(at.path("out")).expect("a folder");
    std::os::unix::fs::symlink("/", at.path("out/link")).expect("a link");
    named(at, "link/tmp/fox")
}

#[test]
fn places_that_take_nothing() {
    assert_all(&[
        // Root may write to a read-only folder; nobody may write below a file.
        Case {
            name: "a folder below a file",
            arrange: |at| into(at, "/dev/null/out"),
            code: 9,
            says: &["output folder /dev/null/out", "not a directory", "-o"],
        },
        Case {
            name: "a file for a folder",
            arrange: |at| {
                let file = at.write("file", "");
                into(at, &file)
            },
            code: 9,
            says: &["output folder", "cannot be used", "-o"],
        },
        Case {
            name: "a name below a file",
            arrange: |at| {
                at.write("out/a", "");
                named(at, "a/fox")
            },
            code: 9,
            says: &["out/a", "was not written", "node `save`", "-o"],
        },
        Case {
            name: "a dump below a file",
            arrange: |at| at.run_with(&["--dump", "decode.image=/dev/null/x"]),
            code: 9,
            says: &["/dev/null/x was not written", "node `decode`"],
        },
    ]);
}

/// A limit on the size of files stands for a full disk, which only an administrator can arrange.
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let at = Place::new();
    let arguments = at.run(&text_to_image());
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]).arg(weft()).args(&arguments);
    let said = end(&mut shell).expect("an end");
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    for part in ["fox.png was not written", "too large", "node `save`", "make room"] {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
    assert_eq!(at.written(), Vec::<String>::new());
}

#[test]
fn a_file_that_exists_stays_as_it_is() {
    let at = Place::new();
    at.write("out/fox.png", "mine");
    let said = Running::start(&at.run(&text_to_image())).end();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(at.written(), ["fox-2.png", "fox.png"]);
    assert_eq!(std::fs::read(at.path("out/fox.png")).expect("a file"), b"mine");
}

#[test]
fn eight_at_once_write_eight_whole_pictures() {
    let at = Place::new();
    let arguments = at.run(&text_to_image());
    let runs: Vec<Running> = (0..8).map(|_| Running::start(&arguments)).collect();
    for run in runs {
        let said = run.end();
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
    let mut expected: Vec<String> = (2..=8).map(|number| format!("fox-{number}.png")).collect();
    expected.push("fox.png".to_owned());
    assert_eq!(at.written(), expected);
    let first = std::fs::read(at.path("out/fox.png")).expect("a picture");
    for name in at.written() {
        assert_eq!(std::fs::read(at.path(&format!("out/{name}"))).expect("a picture"), first, "{name}");
    }
}

#[test]
fn a_run_that_was_killed_leaves_nothing_for_long() {
    let at = Place::new();
    let mut run = Running::start(&at.run_with(&["--set", "sample.steps=1000"]));
    run.wait_for("sample: 1/");
    let killed = run.child.id();
    run.child.kill().expect("it runs");
    assert_eq!(run.end().code, None);
    assert_eq!(at.written(), Vec::<String>::new());
    // What it would have left a moment later.
    at.write(&format!("out/.weft-tmp-{killed}-0"), "half a picture");
    let arguments = at.run(&text_to_image());
    let said = end(&mut command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())).expect("an end");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(at.written(), ["fox.png"]);
}
