//! A plugin of interface 1.0 that asks for everything there is in it, and fails where an answer is not what it was. NEVER
//! CHANGED, like its copy of the interface beside it: whatever becomes of Weft 1.x, this loads and runs.

#![allow(clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

mod abi_1_0;
mod models;
mod operations;
mod tools;
mod values;

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use abi_1_0::*;
use tools::{error, Answer, HOST};

/// What a node does. Both nodes have one function, which finds this in its payload.
type Part = fn(run: *const RawRun) -> Answer<()>;

unsafe extern "C" fn run(
    payload: *mut c_void,
    run: *const RawRun,
    inputs: *const RawValue,
    outputs: *mut *mut RawValue,
) -> Status {
    let part = unsafe { *payload.cast::<Part>() };
    let answer = part(run).and_then(|()| values::outputs(inputs));
    match answer {
        Ok(record) => unsafe {
            *outputs = record.give();
            std::ptr::null_mut()
        },
        Err(error) => error,
    }
}

static PARTS: [Part; 3] = [values::check, operations::check, models::check];

const fn node(spec: &str, part: &'static Part) -> NodeEntry {
    let payload = (part as *const Part).cast_mut().cast();
    NodeEntry { size: size_of::<NodeEntry>(), spec: Text::text(spec), payload, run }
}

static VALUES: NodeEntry = node(
    r#"(name: "Values", menu: "tests", help: "", inputs: [
        (name: "number", kind: Int(default: 3, range: (0, 9))),
        (name: "share", kind: Float(default: 0.5, range: (0.0, 1.0), soft: Some((0.0, 0.9)), step: Some(0.1))),
        (name: "text", kind: Text(default: "as it was")),
        (name: "choice", kind: Choice(default: "a", options: ["a", "b"])),
        (name: "switch", kind: Bool(default: true)),
        (name: "seed", kind: Seed(default: 7)),
        (name: "rows", kind: Rows(columns: [(name: "x", kind: Int(default: 1, range: (0, 9)))])),
        (name: "link", kind: Link("org.example/FROZEN")),
    ], outputs: [(name: "number", kind: "INT")], sink: true)"#,
    &PARTS[0],
);
static OPERATIONS: NodeEntry = node(r#"(name: "Operations", inputs: [], outputs: [], sink: true)"#, &PARTS[1]);
static MODELS: NodeEntry = node(r#"(name: "Models", inputs: [], outputs: [], sink: true)"#, &PARTS[2]);

struct Lists([*const NodeEntry; 3], [*const ArchitectureEntry; 1]);
unsafe impl Sync for Lists {}
static LISTS: Lists = Lists([&VALUES, &OPERATIONS, &MODELS], [&models::ARCHITECTURE]);
static ENTRIES: Entries =
    Entries { size: size_of::<Entries>(), nodes: Slice::of(&LISTS.0), architectures: Slice::of(&LISTS.1) };

unsafe extern "C" fn init(host: *const Host, out: *mut *const Entries) -> Status {
    HOST.store(host.cast_mut(), Ordering::Relaxed);
    let table = tools::host();
    if table.size < size_of::<Host>() || table.major != MAJOR || tools::ops().size < size_of::<Ops>() {
        return error("the tables have shrunk");
    }
    unsafe { *out = &ENTRIES };
    std::ptr::null_mut()
}

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static weft_plugin: Plugin = Plugin {
    magic: MAGIC,
    major: MAJOR,
    needs_minor: NEEDS_MINOR,
    size: size_of::<Plugin>(),
    id: Text::text("frozen"),
    version: Text::text("1.0.0"),
    init,
};
