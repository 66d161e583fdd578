//! Threads of its own: such as call the host, and such as outlive the run. A run that is used when it is over.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plugin_api::{Dtype, Error, Node, NodeSpec, Record, Result, Run, Tensor, Value, Weights};

use crate::{node, unknown, what};

pub struct Threads;

impl Node for Threads {
    fn spec() -> NodeSpec {
        node("Threads", &["outlive", "tensor", "values", "free", "weights", "late", "kept"]).output("number", "INT")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let what = what(inputs)?;
        match what.as_str() {
            "outlive" => drop(std::thread::spawn(|| {
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                }
            })),
            "tensor" => on_a_thread(tensor)?,
            "values" => on_a_thread(values)?,
            "free" => free()?,
            "weights" => on_a_thread(weights)?,
            "late" => late(),
            "kept" => kept(run)?,
            _ => return unknown(&what),
        }
        Ok(Record::new().with("number", 1_i64))
    }
}

fn on_a_thread(body: fn() -> Result<()>) -> Result<()> {
    std::thread::spawn(body).join().unwrap_or_else(|_| Err(Error::failed("the thread broke off")))
}

/// What safe code can do.
fn tensor() -> Result<()> {
    Tensor::zeros(&[4], Dtype::Float32).eval()
}

fn values() -> Result<()> {
    let record = Record::new().with("a", 1_i64);
    drop(Value::from(record));
    Ok(())
}

fn weights() -> Result<()> {
    Weights::open("/nowhere").map(drop)
}

/// Gives a value of this thread's back on another one.
fn free() -> Result<()> {
    struct Sent(Value);
    // SAFETY: it is not sound, which is what the test is about: the host has to refuse.
    unsafe impl Send for Sent {}
    let sent = Sent(Value::from("a text"));
    let drop_it = move || {
        let sent: Sent = sent;
        drop(sent.0);
    };
    std::thread::spawn(drop_it).join().map_err(|_| Error::failed("the thread broke off"))
}

/// Calls the host for ever, beginning when this node is over.
fn late() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(2));
            // A refusal may come as a panic, which is this thread's own affair.
            drop(std::panic::catch_unwind(|| (tensor(), values(), weights())));
        }
    });
}

static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Remembers the run for a later node.
pub fn keep(run: &Run) {
    // SAFETY: a run is one pointer, which is not followed here.
    KEPT.store(unsafe { std::mem::transmute_copy::<Run, usize>(run) }, Ordering::Relaxed);
}

/// Speaks to the run of an earlier node, from deeper in the stack so that it is not by chance at the same place.
fn kept(run: &Run) -> Result<()> {
    // SAFETY: a run is one pointer.
    let now = unsafe { std::mem::transmute_copy::<Run, usize>(run) };
    let address = match KEPT.load(Ordering::Relaxed) {
        0 => now + 4096,
        kept if kept == now => now + 4096,
        kept => kept,
    };
    // SAFETY: not sound: the host has to see that this is no run.
    let gone: Run = unsafe { std::mem::transmute_copy(&address) };
    gone.note("from another world");
    gone.progress(1, 2, None)
}
