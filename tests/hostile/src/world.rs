//! Noise, and changes of what belongs to the whole process.

use std::ffi::{c_char, c_int};
use std::io::Write;

use plugin_api::{Error, InputKind, Node, NodeSpec, Record, Result, Run};

use crate::{node, unknown, what};

unsafe extern "C" {
    fn setlocale(category: c_int, locale: *const c_char) -> *const c_char;
    fn signal(number: c_int, handler: usize) -> usize;
    fn close(descriptor: c_int) -> c_int;
}

/// Writes megabytes to a stream.
pub struct Noise;

impl Node for Noise {
    fn spec() -> NodeSpec {
        node("Noise", &["out", "error"]).param("megabytes", InputKind::int(4, (0, 1000)), "")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let line = [vec![b'#'; 1023], vec![b'\n']].concat();
        let mut stream: Box<dyn Write> =
            if what(inputs)? == "out" { Box::new(std::io::stdout()) } else { Box::new(std::io::stderr()) };
        for _ in 0..inputs.get::<i64>("megabytes")? * 1024 {
            stream.write_all(&line).map_err(|error| Error::failed(error.to_string()))?;
        }
        Ok(Record::new())
    }
}

/// Changes something that others rely on.
pub struct World;

impl Node for World {
    fn spec() -> NodeSpec {
        let faults = ["folder", "gone folder", "locale", "signals", "streams", "pipes", "stdin", "deaf"];
        node("World", &faults).output("number", "INT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let what = what(inputs)?;
        match what.as_str() {
            // It is stopped, and comes to its end all the same.
            "deaf" => {
                while run.progress(1, 2, None).is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            }
            "folder" => drop(std::env::set_current_dir("/")),
            "gone folder" => go_away(),
            "locale" => change_locale()?,
            "signals" => ignore_signals(),
            "streams" => close_all(0..3),
            "pipes" => close_all(3..64),
            "stdin" => drop(std::io::read_to_string(std::io::stdin())),
            _ => return unknown(&what),
        }
        Ok(Record::new().with("number", 1_i64))
    }
}

fn go_away() {
    let folder = std::env::temp_dir().join(format!("weft-hostile-{}", std::process::id()));
    drop(std::fs::create_dir(&folder));
    drop(std::env::set_current_dir(&folder));
    drop(std::fs::remove_dir(&folder));
}

/// To one with a decimal comma where the system has it, else to any other than the first.
fn change_locale() -> Result<()> {
    let all = if cfg!(target_os = "linux") { 6 } else { 0 };
    let names = [c"de_DE.UTF-8", c"de_DE.utf8", c"fr_FR.UTF-8", c"C.UTF-8", c"C.utf8", c"POSIX.UTF-8", c"en_US.UTF-8"];
    // SAFETY: constant text.
    let is_set = names.iter().any(|name| unsafe { !setlocale(all, name.as_ptr()).is_null() });
    if is_set { Ok(()) } else { Err(Error::failed("this system has no other locale")) }
}

/// SIGINT, SIGPIPE and SIGTERM have no effect from here on.
fn ignore_signals() {
    const IGNORE: usize = 1;
    for number in [2, 13, 15] {
        // SAFETY: a disposition that needs no function.
        unsafe { signal(number, IGNORE) };
    }
}

fn close_all(descriptors: std::ops::Range<c_int>) {
    for descriptor in descriptors {
        // SAFETY: closing what others own is the fault that is asked for.
        unsafe { close(descriptor) };
    }
}
