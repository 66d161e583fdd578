//! Ends of the process, and a node without an end.

use std::ffi::c_int;

use plugin_api::{Error, Node, NodeSpec, Record, Result, Run};

use crate::{node, unknown, what};

unsafe extern "C" {
    fn raise(number: c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
}

pub struct Die;

impl Node for Die {
    fn spec() -> NodeSpec {
        node("Die", &["fault", "abort", "exit", "overflow", "double panic", "crossing panic", "kill"])
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        die(&what(inputs)?)?;
        Ok(Record::new())
    }
}

/// Ends the process in this way.
pub fn die(how: &str) -> Result<()> {
    match how {
        // SAFETY: none; a memory fault is what is asked for.
        "fault" => unsafe { std::ptr::without_provenance_mut::<u8>(1).write_volatile(1) },
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "overflow" => return Err(Error::failed(deeper(1).to_string())),
        "double panic" => {
            let _second = Second;
            panic!("the first");
        }
        "crossing panic" => crossing(),
        "kill" => {
            // SAFETY: no arguments but a number.
            unsafe { raise(9) };
        }
        _ => return unknown(how),
    }
    Ok(())
}

/// Recursion that no optimizer can flatten.
#[expect(unconditional_recursion, reason = "the fault that is asked for")]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + frame[(depth % 512) as usize]
}

struct Second;

impl Drop for Second {
    fn drop(&mut self) {
        panic!("the second");
    }
}

/// A panic that would cross a border which none may cross: as with `panic = "abort"`, or a C++ exception that nobody catches.
extern "C" fn crossing() {
    panic!("across the border");
}

/// Never comes back.
pub struct Endless;

impl Node for Endless {
    fn spec() -> NodeSpec {
        node("Endless", &["plain", "deaf"])
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        if what(inputs)? == "deaf" {
            // SAFETY: SIGTERM is ignored from here on; no function is needed for that.
            unsafe { signal(15, 1) };
        }
        run.progress(1, 2, None)?;
        loop {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
