//! What a run touches: its output folder, the files that it reads, and nothing else of the machine.

use std::path::Path;
use std::process::Command;

use weft::engine::protocol::Event;
use weft::error::Code;
use weft::graph::Graph;

use crate::bad_input::{Place, copy};
use crate::engine::{follow, job, start};
use crate::program::{command, golden, home, run_well, text_to_image, weft};

/// Names that lead out of a folder on some system, or that some system does not take.
const HOSTILE: [&str; 50] = [
    "",
    ".",
    "..",
    "...",
    "/",
    "//",
    "/etc/fox",
    "//server/share/fox",
    "../fox",
    "../../../../../../etc/fox",
    "a/../../fox",
    "a/..",
    "a/./fox",
    "./fox",
    "a//fox",
    "a/",
    "~/../fox/..",
    "..\\fox",
    "a\\..\\..\\fox",
    "\\\\server\\share\\fox",
    "\\\\?\\C:\\fox",
    "C:fox",
    "C:\\fox",
    "c:/fox",
    "fox:stream",
    "file:///etc/fox",
    "https://example.org/fox",
    "con",
    "CON",
    "nul",
    "NUL.txt",
    "a/prn",
    "aux.tar.gz",
    "com1",
    "COM9.x",
    "lpt1",
    "fox.",
    "fox ",
    " fox",
    "a /fox",
    "fo\0x",
    "fox\n",
    "fo\rx",
    "fo\u{1b}[2Jx",
    "\u{7f}",
    "fox?",
    "fox*",
    "<fox>",
    "fox|cat",
    ".weft-tmp-1-1",
];

/// Odd names that are names all the same.
const ODD: [&str; 12] = [
    "..fox",
    "fo..x",
    "~",
    "~root",
    "$HOME",
    "`id`",
    "; rm -rf fox",
    "-o",
    "--help",
    "füchse 狐 🦊",
    "fu\u{308}chse",
    "%2e%2e%2ffox",
];

/// Everything below a folder.
fn below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<String> = entries
        .flat_map(|path| {
            let inside = if path.is_dir() { below(&path) } else { Vec::new() };
            inside.into_iter().chain([path.display().to_string()])
        })
        .collect();
    all.sort();
    all
}

#[test]
fn hostile_names_stay_in_the_output_folder() {
    let at = Place::new();
    let out = at.path("around/out");
    std::fs::create_dir_all(&out).expect("a folder");
    let mut engine = start();
    let mut graph = Graph::parse(&text_to_image(), "the test's graph").expect("a graph");
    let mut end = |name: &str| -> Vec<Event> {
        graph.set(&format!("save.name={name:?}")).expect("a name");
        let job = job(&engine, &graph, Path::new(&out));
        engine.run(job);
        follow(&mut engine).expect("the engine lives")
    };
    for name in HOSTILE {
        let events = end(name);
        let refusal = |event: &Event| matches!(event, Event::Failed { error, .. } if error.code == Code::Output);
        assert!(events.iter().any(refusal), "{name:?}: {events:?}");
        assert_eq!(below(Path::new(&at.path("around"))), [out.as_str()], "{name:?}");
    }
    for name in ODD {
        let events = end(name);
        let path = events.iter().find_map(|event| match event {
            Event::Wrote { path, .. } => Some(path.clone()),
            _ => None,
        });
        let path = path.unwrap_or_else(|| panic!("{name:?}: {events:?}"));
        assert!(path.parent() == Some(Path::new(&out)), "{name:?}: {}", path.display());
    }
    assert_eq!(below(Path::new(&at.path("around"))).len(), ODD.len() + 1);
    assert_eq!(std::fs::read_dir(at.path("")).expect("a folder").count(), 1);
}

/// Folders, files and names with spaces, letters of every script, and accents in two ways of writing them.
#[test]
fn unusual_paths_work() {
    for name in ["two  words", "größe", "gro\u{308}ße", "狐 写真", "🦊", "quote's \"n\" $HOME; `x`", "-x"] {
        let at = Place::new();
        copy(&golden("plain/model"), Path::new(&at.path(&format!("{name}/models/{name}"))));
        let graph = text_to_image().replace("\"path\": \"model\"", &format!("\"path\": {name:?}"));
        let graph = at.write(&format!("{name}/{name}.ron"), graph);
        let (models, out) = (at.path(&format!("{name}/models")), at.path(&format!("out/{name}")));
        let said = run_well(&["run", &graph, "--models", &models, "-o", &out, "--quiet"]);
        assert_eq!(at.written(), [format!("{name}/fox.png")], "{}", said.stderr);
        // And again, from the picture.
        run_well(&["run", &at.path(&format!("out/{name}/fox.png")), "--models", &models, "-o", &out, "--quiet"]);
        assert_eq!(at.written().len(), 2);
    }
}

/// Every call of a run that opens a socket or starts a program.
#[test]
fn no_socket_and_no_other_program() {
    if !crate::faults::works("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    let at = Place::new();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=network,execve,execveat", "-e", "signal=none", "-o", &at.path("calls")]);
    let output = strace.arg(weft()).args(at.run(&text_to_image())).env("HOME", home()).output().expect("strace runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = std::fs::read_to_string(at.path("calls")).expect("the calls");
    let own = format!("execve(\"{}\"", weft().display());
    // A call that another thread interrupts is told in two lines.
    let is_other = |line: &&str| !line.contains(&own) && !line.contains(" resumed>");
    assert_eq!(calls.lines().filter(is_other).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(calls.matches(&own).count(), 2, "the client and its engine: {calls}");
}

/// The texts that a PNG has packed, with their keywords; a JPEG and a WebP pack none.
fn packed_texts(bytes: &[u8]) -> String {
    let Ok(reader) = png::Decoder::new(std::io::Cursor::new(bytes)).read_info() else { return String::new() };
    let info = reader.info();
    let utf8 = info.utf8_text.iter().map(|text| (&text.keyword, text.get_text()));
    let latin1 = info.compressed_latin1_text.iter().map(|text| (&text.keyword, text.get_text()));
    utf8.chain(latin1).map(|(keyword, text)| format!("{keyword} {}\n", text.expect("a text"))).collect()
}

/// A model named by its whole path, in the home of somebody: neither is in the picture.
#[test]
fn pictures_name_no_place_and_nobody() {
    for format in ["png", "jpeg", "webp"] {
        let at = Place::new();
        let arguments = at.own_model("plain");
        let model = at.path("models/model");
        at.edit("graph.ron", |text| text.replace("\"path\": \"model\"", &format!("\"path\": {model:?}")));
        let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        command.args(["--set", &format!("save.format={format}")]);
        command.env("USER", "xyzzy-user").env("LOGNAME", "xyzzy-user").env("HOSTNAME", "xyzzy-host");
        let output = command.output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let written = at.written();
        let [name] = &written[..] else { panic!("{written:?}") };
        let bytes = std::fs::read(at.path(&format!("out/{name}"))).expect("a picture");
        let text = String::from_utf8_lossy(&bytes).replace('\0', "") + &packed_texts(&bytes);
        assert!(text.contains("model-loader/LoadModel"), "{format}: the graph cannot be seen");
        let home = home().display().to_string();
        for word in ["xyzzy", &at.path(""), &home, "/tmp/", "/home/", "/Users/"] {
            assert!(!text.contains(word), "{format}: `{word}` is in the picture");
        }
    }
}

#[test]
fn a_picture_without_metadata_says_nothing() {
    let at = Place::new();
    let chunks = |metadata: &str| {
        let arguments =
            at.run_with(&["--set", &format!("save.name={metadata}"), "--set", &format!("save.metadata={metadata}")]);
        run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let bytes = std::fs::read(at.path(&format!("out/{metadata}.png"))).expect("a picture");
        let has = |kind: &&str| bytes.windows(4).any(|part| part == kind.as_bytes());
        ["tEXt", "iTXt", "zTXt", "eXIf", "tIME"].into_iter().filter(has).collect::<Vec<_>>()
    };
    assert_ne!(chunks("graph"), Vec::<&str>::new());
    assert_eq!(chunks("none"), Vec::<&str>::new());
}
