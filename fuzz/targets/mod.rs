//! What is fuzzed: everything that reads what somebody else wrote. Each target takes any bytes and panics where a
//! promise is broken. The test suite runs all of them over seeds/ and found/, so that what was found stays mended.

mod graphs;
mod names;
mod pictures;
mod weights;

/// What reads any bytes, and must neither panic nor take for ever.
pub type Target = fn(&[u8]);

/// The targets by their names, which their folders in seeds/ and found/ have too.
pub const TARGETS: &[(&str, Target)] = &[
    ("graph", graphs::graph),
    ("plan", graphs::plan),
    ("descriptor", graphs::descriptor),
    ("protocol", graphs::protocol),
    ("safetensors", weights::safetensors),
    ("gguf", weights::gguf),
    ("pth", weights::pth),
    ("lora", weights::lora),
    ("metadata", pictures::metadata),
    ("image", pictures::image),
    ("output", names::output),
];

/// Runs `read` on a file that holds these bytes.
fn in_a_file(data: &[u8], read: impl FnOnce(&std::path::Path)) {
    thread_local! {
        static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder");
    }
    FOLDER.with(|folder| {
        let path = folder.path().join("input");
        std::fs::write(&path, data).expect("a file");
        read(&path);
    });
}
