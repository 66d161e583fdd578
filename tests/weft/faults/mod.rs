//! What the world does to a run: it is killed, the disk is full, its folder goes, memory ends. Nothing is left half written,
//! and the next run works.
//!
//! `WEFT_FAULT_ROUNDS=1000` tries every one of the faults that come at a random moment that often.

mod crowd;
mod disk;
mod engine;
mod killed;
// macOS keeps no limit on address space.
#[cfg(target_os = "linux")]
mod memory;
mod writers;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::Command;
use std::time::Duration;

/// How often a fault is tried: as often as the variable says, else `usual`.
pub fn rounds(usual: u32) -> u32 {
    std::env::var("WEFT_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// A moment of chance within `span`.
pub fn moment(span: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish();
    span.mul_f64(chance as f64 / u64::MAX as f64)
}

/// Whether this tool works here. Where it does not, the test says so and proves nothing.
pub fn works(tool: &str, arguments: &[&str]) -> bool {
    let works = Command::new(tool).args(arguments).output().is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("not tested: `{tool} {}` does not work here", arguments.join(" "));
    }
    works
}
