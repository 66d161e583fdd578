//! The plugins of examples/: built outside the workspace as anybody builds them, run by the program, and what they make
//! compared with what is worked out here.

mod numbers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

use crate::bad_input::Running;
use crate::program::{Said, root, run_well, tensors, trust, weft};

const EXAMPLES: [&str; 6] = ["blur", "espcn", "gray-scott", "midpoint-sampler", "palette", "repeat-steps"];

/// The largest library of a plugin. What they have is mostly Rust's standard library and RON.
const LARGEST: u64 = 1 << 20;

/// Beside the programs that the tests run, so that only the first run builds everything.
pub fn target(name: &str) -> PathBuf {
    weft().ancestors().nth(2).expect("target/<profile>/weft").join(name)
}

/// The cargo that runs the tests.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("CARGO_NET_OFFLINE", "true");
    cargo
}

/// The folder with the examples' libraries, approved.
fn plugins() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = cargo();
        build.args(["build", "--release", "--locked"]).current_dir(root().join("examples"));
        let built = build.env("CARGO_TARGET_DIR", target("examples")).output().expect("cargo starts");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let folder = target("examples").join("release");
        trust(&folder);
        folder
    })
}

fn arguments(example: &str, out: &Path, more: &[&str]) -> Vec<String> {
    let graph = root().join("examples").join(example).join("graph.ron").display().to_string();
    let at = |path: &Path| path.display().to_string();
    let fixed = ["run", &graph, "--device", "cpu", "--plugins", &at(plugins()), "-o", &at(out)];
    fixed.iter().chain(more).map(|&argument| argument.to_owned()).collect()
}

/// A run of an example's graph.
struct Made {
    out: tempfile::TempDir,
    said: Said,
    /// The outputs that were asked for, with their shapes.
    dumped: Vec<(Vec<usize>, Vec<f32>)>,
}

impl Made {
    fn picture(&self, name: &str) -> image::RgbImage {
        image::open(self.out.path().join(name)).expect("a picture").to_rgb8()
    }
}

/// Runs the graph of an example with further arguments, and gives these outputs (`node.output`).
fn made(example: &str, more: &[&str], outputs: &[&str]) -> Made {
    let out = tempfile::tempdir().expect("a folder");
    let file = |index: usize| out.path().join(format!("{index}.safetensors"));
    let dumps = outputs.iter().enumerate().map(|(index, output)| format!("--dump={output}={}", file(index).display()));
    let mut arguments = arguments(example, out.path(), more);
    arguments.extend(dumps);
    let said = run_well(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let only = |index: usize| tensors(&file(index)).into_values().next().expect("a tensor");
    Made { dumped: (0..outputs.len()).map(only).collect(), said, out }
}

#[test]
fn their_libraries_are_small() {
    for example in EXAMPLES {
        let name = example.replace('-', "_");
        let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let bytes = std::fs::metadata(plugins().join(&file)).expect("a library").len();
        assert!(bytes < LARGEST, "{file} has {bytes} bytes");
    }
}

/// Nothing is fetched for them: all that they depend on is what Weft itself depends on.
#[test]
fn their_versions_are_those_of_weft() {
    let packages = |lock: &str| -> Vec<String> {
        let text = std::fs::read_to_string(root().join(lock)).expect("a lock file");
        text.split("[[package]]").skip(1).map(|package| package.lines().skip(1).take(2).collect()).collect()
    };
    let ours = packages("Cargo.lock");
    let is_example = |package: &String| EXAMPLES.iter().any(|name| package.starts_with(&format!("name = \"{name}\"")));
    for package in packages("examples/Cargo.lock").iter().filter(|package| !is_example(package)) {
        assert!(ours.contains(package), "{package}");
    }
}

#[test]
fn a_long_job_is_stopped() {
    let out = tempfile::tempdir().expect("a folder");
    let mut run = Running::start(&arguments("gray-scott", out.path(), &["--set", "grow.steps=1000000"]));
    run.wait_for("grow: ");
    let pid = Pid::from_raw(run.child.id().try_into().expect("a process id")).expect("a process id");
    kill_process(pid, Signal::INT).expect("it is ours");
    let said = run.end();
    assert_eq!(said.code, Some(130), "{}", said.stderr);
    assert!(said.stderr.contains("the run was stopped"), "{}", said.stderr);
    assert_eq!(std::fs::read_dir(out.path()).expect("the folder").count(), 0);
}
