//! Disks that are full, may only be read, or fail, and folders that go away.

use std::process::Command;

use super::works;
use crate::bad_input::{Place, Running, end};
use crate::program::{Said, command, home, text_to_image, weft};

fn assert_refused(said: &Said, says: &[&str]) {
    assert_eq!(said.code, Some(9), "{}", said.stderr);
    for part in [says, &["error: ", "where: node `save`", "help: "]].concat() {
        assert!(said.stderr.contains(part), "no word of `{part}`: {}", said.stderr);
    }
}

/// A run whose output folder is a file system of its own, made with these options, in a space of mounts of its own. What
/// is in the folder at the end is told on standard output.
fn on_a_disk(at: &Place, options: &str) -> Option<Said> {
    if !works("unshare", &["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]) {
        return None;
    }
    let arguments = at.run(&text_to_image());
    std::fs::create_dir(at.path("out")).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs '{out}' || exit 99; \"$0\" \"$@\" >&2; code=$?; ls -A '{out}'; exit $code",
        out = at.path("out")
    );
    let mut shell = Command::new("unshare");
    shell.args(["-rm", "sh", "-c", &script]).arg(weft()).args(arguments).env("HOME", home());
    Some(end(&mut shell).expect("an end"))
}

#[test]
fn a_small_disk_that_is_full() {
    let at = Place::new();
    // One page is the root's, the second is too small for a picture.
    if let Some(said) = on_a_disk(&at, "size=4k") {
        assert_refused(&said, &["fox.png was not written", "no space left", "make room"]);
        assert_eq!(said.stdout, "", "something is left");
    }
}

#[test]
fn a_disk_that_may_only_be_read() {
    let at = Place::new();
    if let Some(said) = on_a_disk(&at, "ro") {
        assert_refused(&said, &["fox.png was not written", "read-only file system"]);
        assert_eq!(said.stdout, "");
    }
}

/// Whatever call fails on the way to the disk, the target is not there and nothing is left beside it.
#[test]
fn a_disk_that_fails() {
    if !works("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    for fault in ["fsync:error=EIO:when=1", "linkat:error=EIO:when=1", "fsync:error=ENOSPC:when=1"] {
        let at = Place::new();
        let arguments = at.run(&text_to_image());
        let call = fault.split(':').next().unwrap_or_default();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", &at.path("calls"), "-e", &format!("trace={call}"), "-e"]);
        strace.arg(format!("inject={fault}")).arg(weft()).args(arguments).env("HOME", home());
        let said = end(&mut strace).expect("an end");
        if call == "linkat" {
            // Whoever cannot link renames.
            assert_eq!((said.code, at.written()), (Some(0), vec!["fox.png".to_owned()]), "{}", said.stderr);
            continue;
        }
        assert_refused(&said, &["fox.png was not written"]);
        assert_eq!(at.written(), Vec::<String>::new(), "{fault}");
    }
}

#[test]
fn a_folder_that_goes_away_while_the_run_goes_on() {
    let at = Place::new();
    let mut run = Running::start(&at.run_with(&["--set", "sample.steps=200"]));
    run.wait_for("sample: 1/");
    std::fs::remove_dir(at.path("out")).expect("it is there, and empty");
    let said = run.end();
    // Weft makes the folder of an output where it is missing.
    assert!(matches!(said.code, Some(0 | 9)), "{}", said.stderr);
    assert_eq!(at.written().len(), usize::from(said.code == Some(0)), "{:?}", at.written());
}

/// `/dev/full` takes a file's name and none of its bytes; standard output into it is no reason to fail.
#[test]
fn a_standard_output_that_is_full() {
    let at = Place::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return eprintln!("not tested: there is no /dev/full here") };
    let arguments = at.run(&text_to_image());
    let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let status = command.stdout(full).status().expect("an end");
    assert_eq!((status.code(), at.written()), (Some(0), vec!["fox.png".to_owned()]));
}
