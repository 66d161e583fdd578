//! Running the program, and the tiny models that the goldens bring.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use safetensors::SafeTensors;

/// The binary; the plugins lie beside it. `./setup test` builds both before the tests.
pub fn weft() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    let weft = folder.join("weft");
    assert!(weft.exists(), "{} is missing: run `cargo build --workspace` first", weft.display());
    weft
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the checkout")
}

/// `tests/golden/<name>`.
pub fn golden(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

/// What a run of the program said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A command of the program that sees no models but those it is given, and no plugins of the person who runs the tests.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(weft());
    command.args(arguments).env_remove("WEFT_MODELS").env("HOME", home());
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
        command.env_remove(name);
    }
    command
}

/// The home of every [`command`], in which approvals and the copies of libraries lie.
pub fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Those of test runs that are over.
        weft::atomic::clean(folder);
        let home = weft::atomic::temporary(folder);
        std::fs::create_dir_all(&home).expect("a folder");
        home
    })
}

/// Approves a library, or all in a folder, for every [`command`] from here on. What is no library is left out.
pub fn trust(path: impl AsRef<Path>) {
    run(&["plugin", "trust", &path.as_ref().display().to_string()]);
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Said {
    command(arguments).output().expect("the program starts").into()
}

/// Runs and asserts success.
pub fn run_well(arguments: &[&str]) -> Said {
    let said = run(arguments);
    assert_eq!(said.code, Some(0), "weft {arguments:?}\n{}", said.stderr);
    said
}

/// The one child of a process, which for `weft run` is its engine. None where it has none yet, or no more.
pub fn child_of(process: u32) -> Option<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().expect("`ps` lists processes");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let numbers = |line: &str| -> Vec<u32> { line.split_whitespace().filter_map(|word| word.parse().ok()).collect() };
    let children = text.lines().map(numbers).filter(|numbers| numbers.get(1) == Some(&process));
    children.filter_map(|numbers| numbers.first().copied()).next()
}

/// Sends a signal to a process of the test's own. It may have ended in the meantime.
pub fn send(process: u32, signal: Signal) {
    let pid = Pid::from_raw(process.try_into().expect("a process id")).expect("a process id");
    let _ = kill_process(pid, signal);
}

/// All files below a folder, by their paths in it, with their bytes.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut waiting) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(place) = waiting.pop() {
        for entry in std::fs::read_dir(&place).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").display().to_string();
                files.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// The float32 tensors of a file, with their shapes.
pub fn tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let numbers = |data: &[u8]| data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), numbers(view.data())))).collect()
}

/// ‖a − b‖ / ‖b‖ in float64.
pub fn relative_l2(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square_sum = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>();
    let difference = square_sum(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    (difference / square_sum(&mut b.iter().map(|b| f64::from(*b)))).sqrt()
}

/// A graph from text to picture with every usual node, over the golden model of `variant`.
pub fn text_to_image() -> String {
    r#"Graph(
    format: 1,
    nodes: {
        "model": (kind: "model-loader/LoadModel", inputs: { "path": "model" }),
        "prompt": (kind: "text-encode/EncodeText", inputs: { "text_encoder": Link("model.text_encoder"), "text": "a red fox in the snow" }),
        "latent": (kind: "sampler/EmptyLatent", inputs: { "width": 64, "height": 64 }),
        "sample": (kind: "sampler/Sample", inputs: { "model": Link("model.model"), "positive": Link("prompt.conditioning"), "latent": Link("latent.latent"), "steps": 4, "seed": 1 }),
        "decode": (kind: "vae/DecodeLatent", inputs: { "vae": Link("model.vae"), "latent": Link("sample.latent") }),
        "save": (kind: "image-io/SaveImage", inputs: { "image": Link("decode.image"), "name": "fox" }),
    },
)
"#
    .to_owned()
}
