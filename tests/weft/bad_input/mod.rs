//! Bad input of every family, in tables: each case runs the program on it and reads what a person would read.

mod command_line;
mod environment;
mod gguf;
mod graph;
mod image;
mod lora;
mod memory;
mod output;
mod pickle;
mod plugin;
mod tokenizer_config;
mod upscaler;
mod weights;

use std::io::{Read, Write};
use std::panic::Location;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use plugin::compile;

use crate::program::{Said, command, golden, text_to_image};

/// Far more than any case takes: only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What no message for people may hold: words of Rust, of the system's tables and of debuggers.
const FORBIDDEN: [&str; 19] = [
    "panicked",
    "unwrap",
    "0x",
    "os error",
    "RawValue",
    "Option<",
    "Some(",
    "expected i32",
    "expected i64",
    "expected u32",
    "expected f32",
    "expected f64",
    "usize",
    "struct",
    "sequence",
    "recursion",
    "ChunkType",
    "status 1",
    ".rs:",
];

/// One row of a table.
pub struct Case {
    pub name: &'static str,
    /// Puts the files there and gives the arguments.
    pub arrange: fn(&Place) -> Vec<String>,
    pub code: i32,
    /// What the message must hold: what, where and what to do.
    pub says: &'static [&'static str],
}

/// A folder of one case, which goes away with it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("weft-test-").tempdir().expect("a folder") }
    }

    /// `name` in the folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes a file, and the folders that it lies in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    }

    /// Changes the text of a file.
    pub fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.write(name, change(text));
    }

    /// `weft check` of this text.
    pub fn check(&self, graph: impl AsRef<[u8]>) -> Vec<String> {
        let graph = self.write("graph.ron", graph);
        ["check", &graph, "--models", &models()].map(str::to_owned).to_vec()
    }

    /// `weft run` of this text, into `out`.
    pub fn run(&self, graph: &str) -> Vec<String> {
        let graph = self.write("graph.ron", graph);
        ["run", &graph, "--models", &models(), "-o", &self.path("out")].map(str::to_owned).to_vec()
    }

    /// `weft run` of the usual graph, with further arguments.
    pub fn run_with(&self, more: &[&str]) -> Vec<String> {
        [self.run(&text_to_image()), more.iter().map(|&argument| argument.to_owned()).collect()].concat()
    }

    /// Copies a golden model to `models/model`, where the case spoils it, and gives the run that uses it.
    pub fn own_model(&self, variant: &str) -> Vec<String> {
        copy(&golden(variant).join("model"), &self.folder.path().join("models/model"));
        let graph = self.write("graph.ron", text_to_image());
        ["run", &graph, "--models", &self.path("models"), "-o", &self.path("out")].map(str::to_owned).to_vec()
    }

    /// The files of the output folder, in order. Temporary ones are there as well.
    pub fn written(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut waiting = vec![self.folder.path().join("out")];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    // A link is a file here: it may lead to the whole disk.
                    path if path.is_dir() && !path.is_symlink() => waiting.push(path),
                    path => files.push(path.strip_prefix(self.path("out")).expect("below").display().to_string()),
                }
            }
        }
        files.sort();
        files
    }
}

/// The folder of models that the usual graph's `model` lies in.
pub fn models() -> String {
    golden("plain").display().to_string()
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a golden model").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { drop(std::fs::copy(entry.path(), target)) }
    }
}

/// Runs every case and tells of all that fail. The family is the file that the table stands in.
#[track_caller]
pub fn assert_all(cases: &[Case]) {
    assert_all_with(&[], cases);
}

/// The same with variables of the environment.
#[track_caller]
fn assert_all_with(variables: &[(&str, &str)], cases: &[Case]) {
    let family = Location::caller();
    let fault = |case: &Case| fault(case, variables, family).map(|why| format!("{}: {why}", case.name));
    let failed: Vec<String> = cases.iter().filter_map(fault).collect();
    assert!(failed.is_empty(), "{} of {} cases\n\n{}", failed.len(), cases.len(), failed.join("\n\n"));
}

fn fault(case: &Case, variables: &[(&str, &str)], family: &Location<'_>) -> Option<String> {
    let place = Place::new();
    let arguments = (case.arrange)(&place);
    let before = place.written();
    let fault = fault_with(variables, &place, &arguments, case.code, case.says);
    measure(case, &arguments, variables, family);
    // What was saved before another output failed is whole, and stays.
    let is_whole = |name: &String| ::image::open(Path::new(&place.path("out")).join(name)).is_ok();
    let partial = |name: &String| case.code != 0 && !before.contains(name) && !is_whole(name);
    fault.or_else(|| Some(format!("{} is left", place.written().into_iter().find(partial)?)))
}

/// Runs a refused case once more under the program that `WEFT_CASES` names, with its family and its name before the
/// command: `benchmarks/bad_input.py` measures time and memory so.
fn measure(case: &Case, arguments: &[String], variables: &[(&str, &str)], family: &Location<'_>) {
    let Some(tool) = std::env::var_os("WEFT_CASES") else { return };
    let family = Path::new(family.file()).file_stem().unwrap_or_default();
    let plain = command(&[]);
    let mut measured = Command::new(tool);
    measured.arg(family).arg(case.name).arg(case.code.to_string()).arg(plain.get_program()).args(arguments);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => measured.env(name, value),
            None => measured.env_remove(name),
        };
    }
    let output = measured.envs(variables.iter().copied()).stdin(Stdio::null()).output().expect("the tool starts");
    drop(std::io::stderr().write_all(&output.stdout));
}

/// What is wrong with the end of a run: its exit code, its message, what it left behind.
pub fn fault_of(place: &Place, arguments: &[String], code: i32, says: &[&str]) -> Option<String> {
    fault_with(&[], place, arguments, code, says)
}

fn fault_with(
    variables: &[(&str, &str)],
    place: &Place,
    arguments: &[String],
    code: i32,
    says: &[&str],
) -> Option<String> {
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--json");
    let said = match end(command(&arguments).envs(variables.iter().copied())) {
        Ok(said) => said,
        Err(why) => return Some(why),
    };
    let problems = problems(code, says, place, &said);
    (!problems.is_empty()).then(|| format!("{}\nit said:\n{}\n{}", problems.join("; "), said.stdout, said.stderr))
}

fn problems(code: i32, says: &[&str], place: &Place, said: &Said) -> Vec<String> {
    let mut problems = Vec::new();
    if said.code != Some(code) {
        problems.push(format!("exit code {:?} instead of {}", said.code, code));
    }
    let message = format!("{}{}", said.stderr, if code == 0 { &said.stdout } else { "" });
    problems.extend(says.iter().filter(|part| !message.contains(*part)).map(|part| format!("no word of `{part}`")));
    if code != 0 {
        problems.extend(refusal_problems(code, said));
        // The temporary folder's name is chance.
        let text = message.replace(&place.path(""), "");
        problems.extend(FORBIDDEN.iter().filter(|word| text.contains(**word)).map(|word| format!("it says `{word}`")));
    }
    problems.extend(
        place.written().into_iter().filter(|file| file.contains("weft-tmp")).map(|file| format!("{file} is left")),
    );
    problems
}

/// Every refusal says what to do, and the same to people and to programs.
fn refusal_problems(code: i32, said: &Said) -> Vec<String> {
    let mut problems = Vec::new();
    if !said.stderr.starts_with("error: ") && !said.stderr.contains("\nerror: ") {
        problems.push("no line begins with `error:`".to_owned());
    }
    if !said.stderr.contains("help: ") && !said.stderr.contains("--help") {
        problems.push("it does not say what to do".to_owned());
    }
    let json: Option<serde_json::Value> = serde_json::from_str(&said.stdout).ok();
    match json.as_ref().map(|json| &json["errors"][0]) {
        Some(error) if error["code"] == code && error["what"] != "" && error["help"] != "" => {}
        _ => problems.push("no such error on standard output as JSON".to_owned()),
    }
    problems
}

/// Runs a command to its end, or says that there was none.
pub fn end(command: &mut Command) -> Result<Said, String> {
    Running::spawn(command).try_end()
}

/// A run that is under way, with what it has said so far.
pub struct Running {
    pub child: Child,
    start: Instant,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(arguments: &[String]) -> Self {
        Self::spawn(&mut command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    pub fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (stdout, out) = collect(child.stdout.take());
        let (stderr, err) = collect(child.stderr.take());
        Self { child, start: Instant::now(), stdout, stderr, readers: vec![out, err] }
    }

    /// Waits until standard error holds `text`.
    pub fn wait_for(&mut self, text: &str) {
        while !self.stderr().contains(text) {
            let running = matches!(self.child.try_wait(), Ok(None)) && self.start.elapsed() < PATIENCE;
            assert!(running, "`{text}` never came: {}", self.stderr());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn stderr(&self) -> String {
        text_of(&self.stderr)
    }

    pub fn end(self) -> Said {
        self.try_end().unwrap_or_else(|why| panic!("{why}"))
    }

    fn try_end(mut self) -> Result<Said, String> {
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if self.start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
                _ => {
                    drop(self.child.kill());
                    drop(self.child.wait());
                    return Err(format!("no end within {PATIENCE:?}: {}", self.stderr()));
                }
            }
        };
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        Ok(Said { code: status.code(), stdout: text_of(&self.stdout), stderr: self.stderr() })
    }
}

fn text_of(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().expect("no panic while reading")).into_owned()
}

/// Reads a stream to its end on a thread of its own.
fn collect(stream: Option<impl Read + Send + 'static>) -> (Arc<Mutex<Vec<u8>>>, JoinHandle<()>) {
    let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
    let target = Arc::clone(&bytes);
    let reader = std::thread::spawn(move || {
        let mut part = [0; 4096];
        if let Some(mut stream) = stream {
            while let Ok(count @ 1..) = stream.read(&mut part) {
                target.lock().expect("no panic while reading").extend(&part[..count]);
            }
        }
    });
    (bytes, reader)
}
