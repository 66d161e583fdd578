//! A process that is killed while it saves leaves no half model: until it is complete the folder has a temporary name, and
//! that is gone with the next run.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::picture::saving;
use crate::bad_input::Place;
use crate::program::{command, root, run_well, tree};

const ROUNDS: u32 = 20;
const TEMPORARY: &str = ".weft-tmp-";

#[test]
fn no_half_model_is_left() {
    let at = Place::new();
    std::fs::create_dir_all(at.path("models")).expect("a folder");
    std::os::unix::fs::symlink(root().join("models/demo"), at.path("models/model")).expect("a link");
    let graph = at.write("graph.ron", saving("", r#""layout": "mlx", "precision": "8""#));
    let (models, out) = (at.path("models"), at.path("out"));
    let arguments = ["run", &graph, "--models", &models, "-o", &out, "--device", "cpu", "--quiet"];
    let mut run = command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    begun(&out, &mut run);
    let start = Instant::now();
    run.wait().expect("an end");
    let span = start.elapsed();
    let whole = tree(&Path::new(&out).join("mix"));
    assert!(whole.len() > 10, "{:?}", whole.keys());
    let mut left = 0;
    for round in 0..ROUNDS {
        let mut run =
            command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        if let Some(engine) = begun(&out, &mut run) {
            sleep(span * round / ROUNDS);
            // It may have come to its end.
            let _ = kill_process(engine, Signal::KILL);
        }
        run.wait().expect("an end");
        let entries = names(&out);
        left += entries.iter().filter(|name| name.starts_with(TEMPORARY)).count();
        for name in entries.iter().filter(|name| !name.starts_with(TEMPORARY)) {
            assert!(tree(&Path::new(&out).join(name)) == whole, "round {round}: {name}");
        }
    }
    assert!(left > 0, "no process was killed while it saved");
    run_well(&arguments);
    assert!(names(&out).iter().all(|name| !name.starts_with(TEMPORARY)), "{:?}", names(&out));
}

/// Waits until a run saves, and gives the process that does; none where it ended before.
fn begun(out: &str, run: &mut Child) -> Option<Pid> {
    let known: Vec<String> = names(out);
    loop {
        let new = names(out).into_iter().filter(|name| !known.contains(name));
        let owner = |name: String| Pid::from_raw(name.strip_prefix(TEMPORARY)?.split('-').next()?.parse().ok()?);
        if let Some(owner) = new.filter_map(owner).next() {
            return Some(owner);
        }
        if run.try_wait().expect("a process").is_some() {
            return None;
        }
        sleep(Duration::from_millis(1));
    }
}

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
