//! One program for all targets, because each links the whole of Weft; WEFT_FUZZ names the one to run.

#![no_main]

use std::sync::LazyLock;

#[path = "../targets/mod.rs"]
mod targets;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("WEFT_FUZZ").unwrap_or_default();
    let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    let target = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
    target.unwrap_or_else(|| panic!("WEFT_FUZZ is none of {names:?}")).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
