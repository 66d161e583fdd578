//! Commands that are killed at random moments: the client or its engine, at once and without a word. What has its name is
//! complete; what is not goes with the next run.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{moment, rounds};
use crate::bad_input::Place;
use crate::program::{child_of, command, golden, run_well, send, text_to_image};

/// Files with their bytes.
type Files = Vec<(String, Vec<u8>)>;

/// A command that writes below `out`.
struct Writer {
    name: &'static str,
    /// Puts the files there and gives the arguments.
    arrange: fn(&Place) -> Vec<String>,
    /// Takes away what is in the way of writing again; nothing where it writes beside it or over it.
    clear: fn(&Place),
}

fn texts(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

fn picture(at: &Place) -> Vec<String> {
    let latent = r#""latents": (kind: "sampler/SaveLatent", inputs: { "latent": Link("sample.latent"), "name": "deep/er/fox" }), "save": ("#;
    at.run(&text_to_image().replace("\"save\": (", latent))
}

fn export(at: &Place) -> Vec<String> {
    at.run_with(&["--dump", &format!("decode.image={}", at.path("out/image.safetensors"))])
}

fn lora(at: &Place) -> Vec<String> {
    std::fs::create_dir(at.path("out")).expect("a folder");
    let from = golden("lora/plain/loras/style.safetensors").display().to_string();
    texts(&["convert", "lora", &from, &at.path("out/lora.safetensors"), "--layout", "kohya", "--force"])
}

fn model(at: &Place) -> Vec<String> {
    std::fs::create_dir(at.path("out")).expect("a folder");
    let from = golden("plain/model").display().to_string();
    texts(&["convert", "model", &from, &at.path("out/model"), "--layout", "mlx", "--precision", "8"])
}

fn merge(at: &Place) -> Vec<String> {
    let load = r#"(kind: "model-loader/LoadDiffusionModel", inputs: { "path": "model/transformer" })"#;
    at.run(&format!(
        r#"Graph(format: 1, nodes: {{ "a": {load}, "b": {load},
            "mix": (kind: "model-merge/WeightedSum", inputs: {{ "a": Link("a.model"), "b": Link("b.model"), "alpha": 0.5 }}),
            "save": (kind: "model-merge/SaveModel", inputs: {{ "model": Link("mix.model"), "name": "mix" }}) }})"#
    ))
}

fn schedule(at: &Place) -> Vec<String> {
    std::fs::create_dir(at.path("out")).expect("a folder");
    let cache =
        r#""cache": (kind: "sampler/LeMiCa", inputs: { "model": Link("model.model"), "mode": "slow" }), "sample": ("#;
    let (from, to) = ("Link(\"model.model\"), \"positive\"", "Link(\"cache.model\"), \"positive\"");
    let graph = at.write("graph.ron", text_to_image().replace("\"sample\": (", cache).replace(from, to));
    let (prompts, output) = (at.write("prompts.txt", "a red fox\nsnow\n"), at.path("out/plain.json"));
    let models = golden("plain").display().to_string();
    texts(&["calibrate", &graph, "--prompts", &prompts, "-o", &output, "--models", &models])
}

fn cache(at: &Place) -> Vec<String> {
    at.run_with(&["--cache", &at.path("out/cache")])
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Lets the command run for `span`, kills its engine or itself, and waits until both are gone: they hold standard error.
/// Whether it had not come to its end before.
fn kill_after(arguments: &[String], span: Duration, engine: bool) -> bool {
    let mut command = command(&words(arguments));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::thread::sleep(span);
    match child_of(child.id()).filter(|_| engine) {
        Some(engine) => send(engine, Signal::KILL),
        None => child.kill().expect("it is ours"),
    }
    read_to_the_end(&mut child);
    !child.wait().expect("an end").success()
}

fn read_to_the_end(child: &mut Child) {
    if let Some(stderr) = &mut child.stderr {
        drop(stderr.read_to_end(&mut Vec::new()));
    }
}

/// What has a name of its own. A calibration's record of what it has measured is no result.
fn kept(at: &Place) -> Files {
    let is_kept = |name: &String| !is_temporary(name) && !name.ends_with(".partial");
    let read = |name: String| {
        let bytes = std::fs::read(Path::new(&at.path("out")).join(&name)).expect("a file");
        (name, bytes)
    };
    at.written().into_iter().filter(is_kept).map(read).collect()
}

fn clear_model(at: &Place) {
    drop(std::fs::remove_dir_all(at.path("out/model")));
    drop(std::fs::remove_file(at.path("out/model")));
}

/// What is not complete stays: the next run is to take it away.
fn clear_cache(at: &Place) {
    let is_entry = |name: &String| name.starts_with("cache/") && !is_temporary(name);
    at.written().iter().filter(|name| is_entry(name)).for_each(|name| {
        std::fs::remove_file(Path::new(&at.path("out")).join(name)).expect("an entry");
    });
}

fn is_temporary(name: &str) -> bool {
    name.contains(".weft-tmp-")
}

/// Any of these files has the bytes of one that a whole run writes, under whatever number.
fn assert_whole(writer: &Writer, whole: &Files, found: &Files) {
    let is_whole = |bytes: &Vec<u8>| whole.iter().any(|(_, of)| of == bytes);
    found.iter().for_each(|(name, bytes)| assert!(is_whole(bytes), "{}: {name} is not whole", writer.name));
}

fn kill_often(writer: &Writer) {
    let at = Place::new();
    let arguments = (writer.arrange)(&at);
    let begin = Instant::now();
    run_well(&words(&arguments));
    let (span, whole, times) = (begin.elapsed(), kept(&at), rounds(100));
    assert!(!whole.is_empty(), "{} writes nothing", writer.name);
    let (mut left, mut met) = (0, 0);
    for round in 0..times {
        (writer.clear)(&at);
        met += u32::from(kill_after(&arguments, moment(span), round % 2 == 0));
        assert_whole(writer, &whole, &kept(&at));
        left += at.written().iter().filter(|name| is_temporary(name)).count();
    }
    assert!(met > 0, "{}: no run was killed before its end", writer.name);
    (writer.clear)(&at);
    run_well(&words(&arguments));
    assert_whole(writer, &whole, &kept(&at));
    assert!(!at.written().iter().any(|name| is_temporary(name)), "{}: {:?}", writer.name, at.written());
    eprintln!("{}: killed {times} times, none corrupt, {left} leftovers seen and gone", writer.name);
}

#[test]
fn a_picture_and_a_latent() {
    kill_often(&Writer { name: "a picture, and a latent in folders of its own", arrange: picture, clear: |_| {} });
}

#[test]
fn an_export() {
    kill_often(&Writer { name: "an export", arrange: export, clear: |_| {} });
}

#[test]
fn a_converted_lora() {
    kill_often(&Writer { name: "a converted LoRA", arrange: lora, clear: |_| {} });
}

#[test]
fn a_converted_model() {
    kill_often(&Writer { name: "a converted model", arrange: model, clear: clear_model });
}

#[test]
fn a_merge() {
    kill_often(&Writer { name: "a merge", arrange: merge, clear: |_| {} });
}

#[test]
fn a_schedule() {
    kill_often(&Writer { name: "a schedule", arrange: schedule, clear: |_| {} });
}

#[test]
fn a_cache() {
    kill_often(&Writer { name: "a cache", arrange: cache, clear: clear_cache });
}
