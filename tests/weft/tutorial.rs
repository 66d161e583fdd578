//! docs/plugins.md, followed word by word in an empty folder: its commands are run, its files are written, and
//! what it shows must come.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::examples::target;
use crate::program::{command, root, weft};

/// What a box of the page is for. One without a language is for readers alone.
#[derive(Debug, PartialEq)]
enum Part {
    /// Commands, a line each, the last of which fails where the page says so.
    Commands { lines: String, fail: bool },
    /// Lines that the commands before printed, in this order; `…` stands for anything.
    Shown(String),
    /// A file as it is from here on.
    File { path: String, text: String },
}

fn boxes(page: &str) -> Vec<Part> {
    let parts: Vec<&str> = page.split("```").collect();
    assert!(parts.len() % 2 == 1, "a box is not closed");
    parts.iter().skip(1).step_by(2).filter(|part| !part.starts_with('\n')).map(|part| a_box(part)).collect()
}

fn a_box(part: &str) -> Part {
    let (kind, text) = part.split_once('\n').expect("a box has lines");
    let text = text.to_owned();
    match kind.split_once(' ').unwrap_or((kind, "")) {
        ("sh", mark) => Part::Commands { lines: text, fail: mark == "fails" },
        ("text", "") => Part::Shown(text),
        (_, mark) => Part::File { path: mark.strip_prefix("file=").expect("a box of a known kind").to_owned(), text },
    }
}

/// Runs the lines one after the other, as somebody types them, and gives what they printed.
fn typed(lines: &str, fail: bool, folder: &mut std::path::PathBuf) -> String {
    let mut printed = String::new();
    let lines: Vec<&str> = lines.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if let Some(inside) = line.strip_prefix("cd ") {
            *folder = folder.join(inside);
            // What the build makes is kept, so that only the first run of the test builds everything.
            std::fs::create_dir_all(target("tutorial")).expect("a folder");
            std::os::unix::fs::symlink(target("tutorial"), folder.join("target")).expect("a link");
            continue;
        }
        let said = shell(&line.replace("libtint.so", &library())).current_dir(&*folder).output().expect("a shell");
        let text = [said.stderr, said.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert_eq!(said.status.success(), !(fail && index + 1 == lines.len()), "{line}\n{text}");
        printed += &text;
    }
    printed
}

fn library() -> String {
    format!("{}tint{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// With `weft` in the path and the tests' own home for approvals, but the real one for Cargo.
fn shell(line: &str) -> Command {
    let mut shell = Command::new("sh");
    let weft = weft();
    let path = format!("{}:{}", weft.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    shell.args(["-c", line]).env("PATH", path).env("CARGO_NET_OFFLINE", "true");
    // A cargo that runs tests tells their programs of this package.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_")) {
        shell.env_remove(name);
    }
    if line.starts_with("weft ") {
        for (name, value) in command(&[]).get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
    }
    shell
}

/// Whether a line is what the page shows; `…` stands for anything.
fn is_like(line: &str, shown: &str) -> bool {
    match shown.split_once('…') {
        None => line == shown,
        Some((before, rest)) => line.strip_prefix(before).is_some_and(|after| {
            after.char_indices().map(|(at, _)| at).chain([after.len()]).any(|at| is_like(&after[at..], rest))
        }),
    }
}

fn assert_shown(shown: &str, printed: &str) {
    let mut lines = printed.lines();
    for wanted in shown.lines() {
        // A run that is not on a terminal begins its lines with the time.
        let bare = |line: &str| line.split_once(" s  ").map_or(line, |(_, rest)| rest).to_owned();
        let found = lines.any(|line| is_like(line, wanted) || is_like(&bare(line), wanted));
        assert!(found, "the page shows\n{wanted}\nbut there was\n{printed}");
    }
}

#[test]
fn the_page_is_true_word_by_word() {
    let page = std::fs::read_to_string(root().join("docs/plugins.md")).expect("the page");
    let folder = tempfile::tempdir().expect("a folder");
    let (mut at, mut printed, begin) = (folder.path().to_owned(), String::new(), Instant::now());
    let mut first_picture = None;
    for part in boxes(&page) {
        match part {
            Part::Commands { lines, fail } => printed = typed(&lines, fail, &mut at),
            Part::Shown(shown) => assert_shown(&shown, &printed),
            Part::File { path, text } => std::fs::write(at.join(path), text).expect("a file"),
        }
        if first_picture.is_none() && at.join("result.png").exists() {
            first_picture = Some(begin.elapsed());
        }
    }
    assert_brighter(&at.join("picture.png"), &at.join("result.png"), &at.join("blue.png"));
    let first = first_picture.expect("result.png").as_secs_f64();
    eprintln!("from `weft plugin new` to the node running in a graph: {first:.1} s");
}

/// The first node takes colours apart, the second makes them blue.
fn assert_brighter(before: &Path, contrast: &Path, blue: &Path) {
    let open = |path: &Path| image::open(path).expect("a picture").to_rgb8();
    let (before, contrast, blue) = (open(before), open(contrast), open(blue));
    for ((old, new), tinted) in before.pixels().zip(contrast.pixels()).zip(blue.pixels()) {
        for (old, new) in old.0.iter().zip(new.0) {
            let expected = ((f32::from(*old) / 255.0 - 0.5) * 2.0 + 0.5).clamp(0.0, 1.0) * 255.0;
            assert!((f32::from(new) - expected).abs() <= 1.0, "{old} became {new}");
        }
        let grey = old.0.iter().map(|&x| f32::from(x)).sum::<f32>() / 3.0;
        for (channel, part) in [0x30 as f32 / 255.0, 0x60 as f32 / 255.0, 1.0].into_iter().enumerate() {
            let expected = (f32::from(old.0[channel]) + grey * part) / 2.0;
            assert!((f32::from(tinted.0[channel]) - expected).abs() <= 1.0, "{old:?} became {tinted:?}");
        }
    }
}

#[test]
fn what_is_shown_is_compared() {
    assert!(is_like("made /a/b: x", "made …: x") && is_like("abc", "abc") && is_like("a b c", "…b…"));
    assert!(!is_like("made", "made …: x") && !is_like("abcd", "abc") && !is_like("abc", "…b"));
    assert_eq!(boxes("a\n```sh fails\nx\n```\n"), [Part::Commands { lines: "x\n".to_owned(), fail: true }]);
}
